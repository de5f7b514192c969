import type { Maybe } from "../model/sample.ts";
import { queue_hold_s } from "./queue.ts";
import type { ContainmentState } from "./state.ts";

/** Seconds until a containment is lifted or probed by itself; null where that hangs on what is seen. */
export function left_s(live: ContainmentState, now_ns: number): Maybe<number> {
  const lasting_s = (since_ns: number) => (now_ns - since_ns) / 1e9;
  if (live.rung === "thread_hold") {
    return live.phase === "hold" ? Math.max(0, live.next_probe_s - lasting_s(live.phase_since_ns)) : null;
  }
  const with_growth = live.rung === "memory_governor" || live.rung === "swap_reserve";
  return with_growth ? null : Math.max(0, queue_hold_s(live) - lasting_s(live.applied_ns));
}
