import { readdirSync } from "node:fs";
import { KernelError } from "../ffi/errors.ts";
import { schedule_as_batch } from "../ffi/libc.ts";

/**
 * The runtime compiles and collects on threads of its own, in bursts of milliseconds. As batch threads they wait for
 * their turn instead of preempting the services the agent watches. Their share stays whole: the beat may have to wait
 * for one of them, and on a saturated node a low nice value would make that wait long.
 * Call again once in a while: threads come and go. The beat's own thread is left as it is.
 */
export function calm_background_threads(own_tid: number = process.pid): void {
  for (const name of readdirSync("/proc/self/task")) {
    const tid = Number(name);
    if (tid === own_tid) continue;
    try {
      schedule_as_batch(tid);
    } catch (error) {
      // A thread that has just ended, or a sandbox that forbids it: the agent works without.
      if (!(error instanceof KernelError)) throw error;
    }
  }
}
