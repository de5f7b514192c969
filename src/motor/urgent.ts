import { KernelError } from "../ffi/errors.ts";
import { is_real_time, REAL_TIME, type Scheduling, scheduling, set_scheduling } from "../ffi/libc.ts";
import type { Maybe } from "../model/sample.ts";

/** The scheduling of the calling thread, as the kernel offers it. */
export interface Scheduler {
  get(): Scheduling;
  set(wanted: Scheduling): void;
}

const kernel_scheduler: Scheduler = { get: scheduling, set: set_scheduling };

/**
 * Runs `work` as a real-time thread of the lowest priority: what it waits for is answered at once, however busy the CPU
 * is. Only for work of a few milliseconds that mostly sleeps. The scheduling found is exactly restored; where the change is
 * not allowed, or the thread is a real-time one already, the work is done as it is.
 */
export function urgently<T>(work: () => T, scheduler: Scheduler = kernel_scheduler): T {
  const before = raise(scheduler);
  try {
    return work();
  } finally {
    if (before !== null) scheduler.set(before);
  }
}

/** What to go back to; null when nothing was changed. */
function raise(scheduler: Scheduler): Maybe<Scheduling> {
  try {
    const before = scheduler.get();
    if (is_real_time(before)) return null;
    scheduler.set(REAL_TIME);
    return before;
  } catch (error) {
    if (error instanceof KernelError) return null;
    throw error;
  }
}

/** Goes there and back once, so that a start can tell whether it is allowed. Throws KernelError. */
export function try_urgency(scheduler: Scheduler = kernel_scheduler): void {
  const before = scheduler.get();
  if (is_real_time(before)) return;
  scheduler.set(REAL_TIME);
  scheduler.set(before);
}
