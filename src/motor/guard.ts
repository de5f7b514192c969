import type { Rung, Target } from "../model/containment.ts";
import type { Maybe } from "../model/sample.ts";
import type { CgroupFiles } from "./files.ts";
import { first_below } from "./locate.ts";

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
