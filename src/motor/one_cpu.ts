import type { Maybe } from "../model/sample.ts";
import type { CpuMask, Processes } from "./processes.ts";
import { FileTrouble } from "./trouble.ts";

/** Exactly one CPU. */
export function is_single(mask: CpuMask): boolean {
  return /^0*[1248]0*$/.test(mask);
}

/** The lowest CPU both may use; null when there is none. */
export function common_cpu(one: CpuMask, other: CpuMask): Maybe<CpuMask> {
  const a = Buffer.from(one, "hex");
  const b = Buffer.from(other, "hex");
  const found = Buffer.alloc(a.length);
  for (let k = 0; k < Math.min(a.length, b.length); k++) {
    const both = a[k]! & b[k]!;
    if (both === 0) continue;
    found[k] = both & -both;
    return found.toString("hex");
  }
  return null;
}

/**
 * Does `work` while the thread may run on no other CPU than the caller, which is ahead of it there: when the caller is late,
 * because the CPU itself is (a hypervisor gave it to somebody else), the thread is as late. What was found is put back; where
 * the thread cannot be moved, the work is done as it is.
 *
 * @param prior CPUs of the thread, written down before; null: not known, nothing is moved
 */
export function on_one_cpu<T>(processes: Processes, tid: number, prior: Maybe<CpuMask>, work: () => T): T {
  const own = processes.affinity(processes.own_pid);
  const shared = prior === null || own === null || is_single(prior) ? null : common_cpu(prior, own);
  if (prior === null || own === null || shared === null) return work();
  try {
    attempt(() => processes.set_affinity(processes.own_pid, shared));
    attempt(() => processes.set_affinity(tid, shared));
    return work();
  } finally {
    attempt(() => processes.set_affinity(tid, prior));
    attempt(() => processes.set_affinity(processes.own_pid, own));
  }
}

/** A thread that is gone, or a kernel that forbids it, changes nothing about the work. */
function attempt(change: () => void): void {
  try {
    change();
  } catch (error) {
    if (!(error instanceof FileTrouble)) throw error;
  }
}
