import type { Maybe } from "../model/sample.ts";
import { FIRST_SHARED_LOOK_S } from "./hold.ts";
import { queue_hold_s } from "./queue.ts";
import type { ContainmentState } from "./state.ts";

/** Seconds until a containment is lifted or probed by itself; null where that hangs on what is seen. */
export function left_s(live: ContainmentState, now_ns: number): Maybe<number> {
  const lasting_s = (since_ns: number) => (now_ns - since_ns) / 1e9;
  if (live.rung === "thread_hold") {
    if (live.phase !== "hold") return null;
    const looked_at = live.memory_at_dose_bytes > 0;
    // What a look at a thread that shares a lock cost is known once it is caught again.
    if (live.aims && looked_at) return null;
    const after_s = live.aims ? Math.max(live.next_probe_s, FIRST_SHARED_LOOK_S) : live.next_probe_s;
    return Math.max(0, after_s - lasting_s(live.phase_since_ns));
  }
  const with_growth = live.rung === "memory_governor" || live.rung === "swap_reserve";
  return with_growth ? null : Math.max(0, queue_hold_s(live) - lasting_s(live.applied_ns));
}
