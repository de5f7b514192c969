import type { Rung, Target } from "../model/containment.ts";
import type { Maybe } from "../model/sample.ts";

/** What this forbids is an outcome that was refused, and counted as one. */
export const LIVE_MAX = 16;
const MINUTE_NS = 60e9;
/** Not counted as a loss: at the bound of targets a minute the oldest is hours old, and cooldowns are minutes. */
const REMEMBERED_MAX = 1024;
/** Nobody knows when a containment ends. */
const ASK_AGAIN_S = 5;

/** What forbids an application now, and passes by itself. */
export interface Bound {
  readonly why: string;
  readonly wait_s: number;
}

/** Against action storms: distinct targets per minute, cooldown per target and rung, containments alive at once. */
export class Bounds {
  #targets_per_minute: number;
  #cooldown_ns: number;
  readonly #target_ns = new Map<string, number>();
  readonly #rung_ns = new Map<string, number>();

  constructor(max_targets_per_minute: number, cooldown_s: number) {
    this.#targets_per_minute = max_targets_per_minute;
    this.#cooldown_ns = cooldown_s * 1e9;
  }

  /** Other bounds from now on; what was done is still remembered. */
  reconfigure(max_targets_per_minute: number, cooldown_s: number): void {
    this.#targets_per_minute = max_targets_per_minute;
    this.#cooldown_ns = cooldown_s * 1e9;
  }

  /** Why this application is not allowed now, and for how long; null when it is. */
  refusal(target: Target, rung: Rung, live: number, now_ns: number): Maybe<Bound> {
    if (live >= LIVE_MAX) {
      return { why: `${live} containments are alive, the bound is ${LIVE_MAX}`, wait_s: ASK_AGAIN_S };
    }
    const last_ns = this.#rung_ns.get(`${key_of(target)} ${rung}`);
    if (last_ns !== undefined && now_ns - last_ns < this.#cooldown_ns) {
      const wait_s = (this.#cooldown_ns - (now_ns - last_ns)) / 1e9;
      return { why: `${rung} on this target cools down for another ${wait_s.toFixed(1)} s`, wait_s };
    }
    // Oldest first, as they are remembered.
    const recent: number[] = [];
    for (const [key, at_ns] of this.#target_ns) {
      if (key !== key_of(target) && now_ns - at_ns < MINUTE_NS) recent.push(at_ns);
    }
    const too_many = recent.length - this.#targets_per_minute;
    if (too_many < 0) return null;
    const wait_s = (recent[too_many]! + MINUTE_NS - now_ns) / 1e9;
    const why = `${recent.length} other targets were acted on within a minute, the bound is ${this.#targets_per_minute}`;
    return { why, wait_s };
  }

  /** An action of this rung began or ended on the target. */
  note(target: Target, rung: Rung, now_ns: number): void {
    remember(this.#target_ns, key_of(target), now_ns);
    remember(this.#rung_ns, `${key_of(target)} ${rung}`, now_ns);
  }
}

function key_of(target: Target): string {
  return target.tid === null ? String(target.cgroup_id) : `${target.cgroup_id}/${target.tid}`;
}

/** Newest last, so that the oldest is the one forgotten at the bound. */
function remember(map: Map<string, number>, key: string, now_ns: number): void {
  map.delete(key);
  map.set(key, now_ns);
  if (map.size > REMEMBERED_MAX) map.delete(map.keys().next().value!);
}
