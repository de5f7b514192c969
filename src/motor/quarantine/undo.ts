import { counted } from "../../model/counted.ts";
import type { LedgerEntry } from "../entry.ts";
import type { Undone } from "../undo.ts";
import { type Devices, kernel_devices, watchdog_attribute } from "./devices.ts";
import { kernel_links, type LinkMemory, type Links } from "./links.ts";

/** What undoing a quarantine touches; replaced in tests. */
export interface QuarantineWorld {
  readonly links: Links;
  readonly devices: Devices;
  /** Where sysfs is mounted. */
  readonly sys: string;
}

export const kernel_world: QuarantineWorld = { links: kernel_links, devices: kernel_devices, sys: "/sys" };

/** Whether an entry is undone here; the others are about cgroups. */
export function is_quarantine_entry({ kind }: LedgerEntry): boolean {
  return kind === "link" || kind === "marker" || kind === "watchdog" || kind === "taint";
}

/** Absolute path of a file an entry is about. */
export function file_of(entry: LedgerEntry): string {
  return `${entry.path === "/" ? "" : entry.path}/${entry.file}`;
}

/** Undo one step of quarantine; doing it twice is the same as once. Throws FileTrouble. */
export function undo_quarantine_entry(entry: LedgerEntry, world: QuarantineWorld): Undone {
  switch (entry.kind) {
    case "link":
      return undo_link(entry, world.links);
    case "marker":
      return undo_marker(entry, world.devices);
    case "watchdog":
      return undo_watchdog(entry, world);
    default: {
      const detail = `the taint on node ${entry.path} is removed through the API server only, which could not be asked`;
      return { status: "failed", found: null, written: null, detail };
    }
  }
}

function undo_link(entry: LedgerEntry, links: Links): Undone {
  const name = entry.path;
  if (links.index(name) !== entry.cgroup_id) {
    const detail = `interface ${name} is another device now (it was number ${entry.cgroup_id}); left as it is`;
    return { status: "gone", found: null, written: null, detail };
  }
  const memory: LinkMemory = JSON.parse(entry.prior);
  const was_up = links.is_up(name);
  if (!was_up) links.set_up(name, true);
  const missing = links.restore(memory);
  const found = was_up ? "up" : "down";
  const back = `${counted(memory.addresses.length, "address", "addresses")} and ${counted(memory.routes.length, "route")} are as before`;
  if (missing.length === 0) {
    return {
      status: "done",
      found,
      written: was_up ? null : "up",
      detail: `${was_up ? "up already" : "taken up"}; ${back}`,
    };
  }
  const detail = `up, but not put back: ${missing.join("; ")}`;
  return { status: "drifted", found, written: was_up ? null : "up", detail };
}

function undo_marker(entry: LedgerEntry, devices: Devices): Undone {
  const path = file_of(entry);
  const found = devices.read(path);
  if (found === null) return { status: "done", found: "absent", written: null, detail: "removed already" };
  devices.remove_durably(path);
  return {
    status: "done",
    found: entry.intended,
    written: entry.prior,
    detail: "removed: the next start is an ordinary one",
  };
}

/** Whoever armed it is gone, or has let go of it: it is opened once more, only to be closed as it wants to be. */
function undo_watchdog(entry: LedgerEntry, { devices, sys }: QuarantineWorld): Undone {
  const path = file_of(entry);
  devices.open_watchdog(path).stop();
  const state = watchdog_attribute(sys, path, "state");
  if (state === "active") {
    const timeout = watchdog_attribute(sys, path, "timeout") ?? "?";
    const detail = `it does not let itself be stopped (nowayout): the node reboots within ${timeout} s`;
    return { status: "failed", found: entry.intended, written: null, detail };
  }
  return { status: "done", found: entry.intended, written: "stopped", detail: "stopped by its magic close" };
}

/** The mark goes last: as long as anything of the quarantine stands, the node is in it. */
export function lift_mark(entry: LedgerEntry, open: readonly LedgerEntry[]): Undone {
  const standing = open.filter((other) => other.until === "release" && other.id !== entry.id).length;
  if (standing > 0) {
    const detail = `not undone yet: ${counted(standing, "step")} of the quarantine; it stands until then`;
    return { status: "failed", found: entry.intended, written: null, detail };
  }
  return { status: "done", found: entry.intended, written: entry.prior, detail: "the node is no longer in quarantine" };
}
