import type { Rung, Target } from "../model/containment.ts";
import type { Maybe } from "../model/sample.ts";
import type { CgroupFiles } from "./files.ts";
import { directory_of, first_below } from "./locate.ts";
import type { Processes } from "./processes.ts";

/** Why a cgroup must never be limited; null when it may. */
export type Protection = (id: number, path: string) => Maybe<string>;

function is_or_holds(path: string, other: string): boolean {
  return path === "/" || other === path || other.startsWith(`${path}/`);
}

/**
 * The motor's own look at whom it is about to touch, whatever was decided before. A single thread is judged by its cgroup alone;
 * a whole cgroup also by what lies below it, because limits and freezes reach down.
 */
export function guard_refusal(
  files: CgroupFiles,
  mount: string,
  target: Target,
  rung: Rung,
  path: string,
  own_path: string,
  protection: Protection,
): Maybe<string> {
  const reason = protection(target.cgroup_id, path);
  if (reason !== null) return `${path} is protected: ${reason}`;
  // Threads are told apart by the rung itself: a hold moves one thread and leaves the cgroup as it is.
  if (target.tid !== null && (rung === "thread_hold" || rung === "cpu_weight")) return null;
  if (is_or_holds(path, own_path)) return `${path} is or holds the agent's own cgroup ${own_path}`;
  const below = first_below(files, mount, path, protection);
  return below === null ? null : `${path} holds a protected cgroup: ${below}`;
}

/** A thread may live below its target: whatever protected cgroup lies between keeps it from being held. */
export function thread_refusal(
  files: CgroupFiles,
  processes: Processes,
  mount: string,
  target: Target,
  path: string,
  protection: Protection,
): Maybe<string> {
  const pid = target.tid === null ? null : (target.pid ?? processes.leader(target.tid));
  const home = pid === null || target.tid === null ? null : (processes.thread(pid, target.tid)?.cgroup_path ?? null);
  if (home === null || !home.startsWith(path === "/" ? "/" : `${path}/`)) return null;
  for (let each = home; each.length > path.length && each !== ""; each = each.slice(0, each.lastIndexOf("/"))) {
    const reason = protection(files.inode(directory_of(mount, each)), each);
    if (reason !== null) return `thread ${target.tid} lives in ${each}, which is protected: ${reason}`;
  }
  return null;
}
