import type { OutcomeStatus } from "../model/containment.ts";
import { counted } from "../model/counted.ts";
import type { Maybe } from "../model/sample.ts";
import { device_line, parse_io_max } from "./devices.ts";
import type { LedgerEntry } from "./entry.ts";
import type { CgroupFiles } from "./files.ts";
import { directory_of, inode_or_null, locate } from "./locate.ts";
import type { Processes } from "./processes.ts";
import { is_quarantine_entry, kernel_world, type QuarantineWorld, undo_quarantine_entry } from "./quarantine/undo.ts";
import { kernel_swap, type SwapPort } from "./reserve/port.ts";
import { undo_area } from "./reserve/undo.ts";
import { undo_shield } from "./shield/undo.ts";
import { FileTrouble } from "./trouble.ts";
import { undo_child } from "./undo-child.ts";
import { undo_hold } from "./undo-hold.ts";
import { undo_nice, undo_stop } from "./undo-threads.ts";

/** What came of undoing one entry. The entry may be closed unless the status is "failed" or "pending". */
export interface Undone {
  readonly status: OutcomeStatus;
  /** Value found, before anything was written. */
  readonly found: Maybe<string>;
  readonly written: Maybe<string>;
  readonly detail: string;
}

/**
 * Undo one ledger entry, whatever part of it was carried out; doing it twice is the same as once. Used by a live release, by
 * the roll-back of an action that failed half-way, and after a crash. Never throws for what the kernel may answer.
 */
export function undo_entry(
  entry: LedgerEntry,
  files: CgroupFiles,
  processes: Processes,
  world: QuarantineWorld = kernel_world,
  swap: SwapPort = kernel_swap,
): Undone {
  try {
    if (is_quarantine_entry(entry)) return undo_quarantine_entry(entry, world);
    if (entry.kind === "nice") return undo_nice(entry, files, processes);
    if (entry.kind === "stop") return undo_stop(entry, processes);
    if (entry.kind === "shield") return undo_shield(entry);
    if (entry.kind === "swap") return undo_area(entry, files, swap);
    const path = locate(files, entry.mount, entry.cgroup_id, entry.path);
    if (path === null) return not_found(entry, files);
    const directory = directory_of(entry.mount, path);
    if (entry.kind === "hold") return undo_hold(entry, directory, files, processes);
    if (entry.kind === "child") return undo_child(directory, files);
    const file = `${directory}/${entry.file}`;
    return entry.kind === "devices" ? undo_devices(entry, file, files) : undo_file(entry, file, files);
  } catch (error) {
    if (!(error instanceof FileTrouble)) throw error;
    if (error.vanished) return gone(error.message);
    return { status: "failed", found: null, written: null, detail: `undo ${entry.rung}: ${error.message}` };
  }
}

function not_found(entry: LedgerEntry, files: CgroupFiles): Undone {
  const root_id = inode_or_null(files, entry.mount);
  if (entry.root_id === undefined || root_id === entry.root_id) {
    return gone(`cgroup ${entry.path} (id ${entry.cgroup_id}) no longer exists`);
  }
  const detail = `cgroup ${entry.path} is not to be seen from here, where ${entry.mount} shows another part of the node: release it where the agent ran`;
  return { status: "failed", found: null, written: null, detail };
}

function gone(detail: string): Undone {
  return { status: "gone", found: null, written: null, detail: `${detail}; nothing is left to undo` };
}

function undo_file(entry: LedgerEntry, file: string, files: CgroupFiles): Undone {
  const found = files.read(file).trim();
  if (found === entry.prior) return { status: "done", found, written: null, detail: `already ${entry.prior}` };
  if (found !== entry.intended && found !== entry.superseded) return drifted(found, entry);
  files.write(file, entry.prior);
  const now = files.read(file).trim();
  if (now === entry.prior) return { status: "done", found, written: entry.prior, detail: `restored ${entry.prior}` };
  return { status: "failed", found, written: entry.prior, detail: `wrote ${entry.prior}, the kernel shows ${now}` };
}

function drifted(found: string, entry: LedgerEntry): Undone {
  const detail = `another writer set ${found} (ours ${entry.intended}, before ${entry.prior}); left as it is`;
  return { status: "drifted", found, written: null, detail };
}

function undo_devices(entry: LedgerEntry, file: string, files: CgroupFiles): Undone {
  const found = files.read(file).trim();
  const now = parse_io_max(found);
  const prior = parse_io_max(entry.prior);
  const intended = parse_io_max(entry.intended);
  const superseded = parse_io_max(entry.superseded);
  const restored: string[] = [];
  const left: string[] = [];
  for (const device of new Set([...intended.keys(), ...superseded.keys()])) {
    const wanted = device_line(prior, device);
    const current = device_line(now, device);
    if (current === wanted) continue;
    if (current !== device_line(intended, device) && current !== device_line(superseded, device)) {
      left.push(current);
      continue;
    }
    try {
      files.write(file, wanted);
      restored.push(wanted);
    } catch (error) {
      // ENODEV here is the block device that was unplugged, not the cgroup.
      if (!(error instanceof FileTrouble) || error.code !== "ENODEV") throw error;
    }
  }
  const written = restored.length === 0 ? null : restored.join("\n");
  if (left.length > 0) {
    return { status: "drifted", found, written, detail: `another writer set ${left.join(", ")}; left as it is` };
  }
  return {
    status: "done",
    found,
    written,
    detail: `restored ${restored.length} of ${counted(intended.size, "device")}`,
  };
}
