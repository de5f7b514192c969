import { basename, dirname } from "node:path";
import { NODE } from "../../model/containment.ts";
import type { LedgerEntry } from "../entry.ts";
import type { CgroupFiles } from "../files.ts";
import type { NewEntry } from "../ledger.ts";
import type { Undone } from "../undo.ts";
import type { SwapPort } from "./port.ts";
import { why_it_stays } from "./room.ts";
import { area_at } from "./swaps.ts";

/** What is written down before the area is switched on. */
export function area_entry(path: string, mount: string): NewEntry {
  return {
    containment: "reserve",
    rung: "swap_reserve",
    target: NODE,
    mount,
    kind: "swap",
    cgroup_id: 0,
    path: dirname(path),
    file: basename(path),
    prior: "off",
    intended: "on",
    threads: [],
  };
}

export function area_path(entry: LedgerEntry): string {
  return `${entry.path === "/" ? "" : entry.path}/${entry.file}`;
}

/**
 * Switches the area off and waits for it, where what lies in it fits back; otherwise it stays on and in the ledger. For whoever has no
 * beat: a release without an agent. Throws FileTrouble.
 */
export function undo_area(entry: LedgerEntry, files: CgroupFiles, port: SwapPort): Undone {
  const path = area_path(entry);
  const stays = (): Undone | null => {
    const area = area_at(port.areas(), path);
    if (area === undefined) return null;
    const why = why_it_stays(port, area, files, entry.mount);
    return why === null ? null : { status: "pending", found: "on", written: null, detail: `${path} stays on: ${why}` };
  };
  const kept = stays();
  if (kept !== null) return kept;
  const give_back = port.hold(path);
  if (give_back === null) {
    const detail = `${path} is being switched on or off by another process: try again`;
    return { status: "pending", found: null, written: null, detail };
  }
  try {
    // Whoever held it may have switched it on meanwhile.
    const now = stays();
    if (now !== null) return now;
    const is_on = area_at(port.areas(), path) !== undefined;
    if (!is_on) return { status: "done", found: "off", written: null, detail: `${path} is off already` };
    port.off(path);
    return { status: "done", found: "on", written: "off", detail: `${path} switched off` };
  } finally {
    give_back();
  }
}
