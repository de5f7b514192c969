import { counted } from "../../model/counted.ts";
import type { LedgerEntry } from "../entry.ts";
import type { Undone } from "../undo.ts";
import { remove_pins } from "./pins.ts";

/**
 * Undo of a shield entry, with or without the process that wrote it: what is pinned comes off. Only what lasts until a release
 * is pinned; anything else was held by that process alone, and left the interfaces with it or when it closed it.
 */
export function undo_shield(entry: LedgerEntry): Undone {
  const links = entry.until === "release" ? remove_pins(entry.mount) : [];
  const detail =
    links.length > 0
      ? `taken off ${counted(links.length, "interface")}, pins removed: ${entry.file} as before`
      : `nothing is pinned: it left ${entry.file} with whoever held it`;
  return { status: "done", found: entry.intended, written: entry.prior, detail };
}
