import type { HeldItem, Selector } from "../model/control.ts";
import type { Maybe } from "../model/sample.ts";
import type { EntryKind, LedgerEntry } from "./entry.ts";
import type { CgroupFiles } from "./files.ts";
import { directory_of } from "./locate.ts";
import { kernel_swap, type SwapPort } from "./reserve/port.ts";
import { size, why_it_stays } from "./reserve/room.ts";
import { area_at } from "./reserve/swaps.ts";
import { area_path } from "./reserve/undo.ts";
import { FileTrouble } from "./trouble.ts";

const TEXT_CHARS_MAX = 160;

/** A ledger entry for people: what was touched, how it is now, and what its undo restores. Reads one file at most, of a swap area those of whose pages lie in it. */
export function held_item(entry: LedgerEntry, files: CgroupFiles, swap: SwapPort = kernel_swap): HeldItem {
  const { containment: id, id: ledger_id, rung, target } = entry;
  const held = { id, ledger_id, rung, target, file: place_of(entry), quarantine: entry.until === "release" };
  if (entry.kind === "hold") {
    const threads = `thread ${entry.threads.map((thread) => thread.tid).join(", ")}`;
    return {
      ...held,
      now: `${threads} alone in it`,
      restores: `${threads} back in ${entry.path}, this cgroup removed`,
    };
  }
  if (entry.kind === "child") {
    return {
      ...held,
      now: entry.intended === "0" ? "thawed" : "frozen",
      restores: `its processes back in ${entry.path}, this cgroup removed`,
    };
  }
  const is_file = entry.kind === "file" || entry.kind === "devices";
  const now = is_file ? value_now(entry, files) : entry.kind === "swap" ? area_now(entry, files, swap) : entry.intended;
  return { ...held, now: now === null ? null : shown(now), restores: RESTORES[entry.kind] ?? shown(entry.prior) };
}

/** Where the prior value is made for the undo, not for people. */
const RESTORES: { readonly [kind in EntryKind]?: string } = {
  shield: "as before HOSA: nothing attached, nothing pinned",
  swap: "switched off once what lies in it fits back into memory; the file stays",
  link: "up, with its addresses and routes",
  taint: "the taint taken off",
  watchdog: "stopped",
};

/** An absolute path where it is a file of a cgroup, words for anything else. */
function place_of(entry: LedgerEntry): string {
  if (entry.kind === "swap") return area_path(entry);
  const is_path = ["file", "devices", "hold", "child"].includes(entry.kind);
  return is_path ? `${directory_of(entry.mount, entry.path)}/${entry.file}` : `${entry.file} in ${entry.path}`;
}

/** What lies in a swap area, and why it cannot go yet. */
function area_now(entry: LedgerEntry, files: CgroupFiles, swap: SwapPort): Maybe<string> {
  try {
    const area = area_at(swap.areas(), area_path(entry));
    if (area === undefined) return "off";
    const why = why_it_stays(swap, area, files, entry.mount);
    return why === null ? `on, ${size(area.used_bytes)} of ${size(area.size_bytes)} in use` : `on: ${why}`;
  } catch (error) {
    if (error instanceof FileTrouble) return null;
    throw error;
  }
}

/** Null: the cgroup is no longer where it was, and looking for it can wait until it is undone. */
function value_now(entry: LedgerEntry, files: CgroupFiles): Maybe<string> {
  const directory = directory_of(entry.mount, entry.path);
  try {
    return files.inode(directory) === entry.cgroup_id ? files.read(`${directory}/${entry.file}`).trim() : null;
  } catch (error) {
    if (error instanceof FileTrouble) return null;
    throw error;
  }
}

function shown(value: string): string {
  const line = value.trim().split("\n").join("; ");
  if (line === "") return "no limit";
  return line.length > TEXT_CHARS_MAX ? `${line.slice(0, TEXT_CHARS_MAX - 1)}…` : line;
}

/** The items a selector means. A target is a cgroup's path, its directory below the mount, or its id; never what lies below it. */
export function selected(items: readonly HeldItem[], selector: Selector): readonly HeldItem[] {
  if ("all" in selector) return items;
  if ("quarantine" in selector) return items.filter((item) => item.quarantine);
  if ("id" in selector) return items.filter(({ id, ledger_id }) => id === selector.id || ledger_id === selector.id);
  const wanted = selector.target.length > 1 ? selector.target.replace(/\/+$/, "") : selector.target;
  return items.filter(({ target, file }) => {
    const directory = file.startsWith("/") ? file.slice(0, file.lastIndexOf("/")) : null;
    return wanted === target.path || wanted === String(target.cgroup_id) || wanted === directory;
  });
}
