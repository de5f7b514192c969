import { Cortex } from "../../src/cortex/cortex.ts";
import type { CortexOptions } from "../../src/cortex/self.ts";
import { decide } from "../../src/decision/decide.ts";
import { initial_state } from "../../src/decision/state.ts";
import type { Assessment } from "../../src/model/assessment.ts";
import { dimensions, normal, sample } from "../cortex/fixtures.ts";
import { CONFIG } from "../decision/fixtures.ts";

/** Dimensions of the watched node: enough for a correlation that matters, few enough for hours in seconds. */
export const N = 8;
export const WARMUP_S = 300;
const BEAT_S = 0.1;
const EXTRAS = { search: null, containments: [] };

/** Vigilance once an hour, shared by D̄ and the opinions as in the product. */
const OPTIONS: CortexOptions = {
  warmup_s: WARMUP_S,
  half_life_s: 3600,
  lambda: 1e-3,
  thresholds: "learned",
  budgets: { vigilance_per_s: 1 / 7200, intervention_per_s: 1 / (30 * 86400) },
  opinions: { every_s: 1, row_s: 1, alarms_per_s: 1 / 7200 },
};

/**
 * How a detector learns after its warm-up. frozen: never. free: everything. gated: what D̄ itself calls normal.
 * hosa: the level machine, the opinions and habituation too, as the agent runs them.
 */
export type Teaching = "frozen" | "free" | "gated" | "hosa";

/** What happens to the first dimension `t_s` after the warm-up, in its own standard deviations; `seen` is the beat before. */
export type Course = (t_s: number, seen: Assessment) => number;

export interface Watch {
  /** First beat at level 1 since `from_h`, seconds after that; null: never. */
  readonly seen_s: number | null;
  /** Who raised it. */
  readonly seen_by: "distance" | "trend" | "opinions" | null;
  /** Episodes and time at level 1 since `from_h`; less than a minute apart is one. */
  readonly episodes: number;
  readonly alarm_s: number;
  /** Whether the last ten minutes passed without an alarm. */
  readonly silent_at_end: boolean;
  /** Learned mean of the first dimension, hour by hour, in the standard deviations of the warm-up. */
  readonly mean: readonly number[];
  /** Its learned standard deviation, hour by hour, in those of the warm-up. */
  readonly sigma: readonly number[];
  readonly theta1: number;
}

/**
 * A node of correlated normal noise at 10 beats a second, judged by the real cortex for `hours` after its warm-up.
 * What `course` adds to the first dimension is all that ever happens. Ten beats a second at every level here.
 * @param from_h alarms count from this hour on
 */
export function watch(teaching: Teaching, course: Course, hours: number, seed: number, from_h = 0): Watch {
  const alone = teaching !== "hosa";
  const cortex = new Cortex(dimensions(N), alone ? { ...OPTIONS, opinions: null } : OPTIONS);
  const next = normal(seed);
  let state = initial_state(0);
  let seen: Assessment | null = null;
  let seen_s: number | null = null;
  let seen_by: Watch["seen_by"] = null;
  let episodes = 0;
  let alarm_s = 0;
  let last_alarm_s = Number.NEGATIVE_INFINITY;
  let origin = { mean: 0, sigma: 1 };
  const mean: number[] = [];
  const sigma: number[] = [];
  const warmup_beats = Math.round(WARMUP_S / BEAT_S) + 20;
  const beats = Math.round((hours * 3600) / BEAT_S);
  for (let k = -warmup_beats; k <= beats; k++) {
    const t_s = k * BEAT_S;
    const t_ns = (k + warmup_beats + 1) * BEAT_S * 1e9;
    const common = next();
    const x = Array.from({ length: N }, () => 10 + next() + 0.8 * common);
    if (k === 0) {
      const { mean: means, sigma: sigmas } = cortex.baseline();
      origin = { mean: means[0]!, sigma: sigmas[0]! };
    }
    if (k > 0) x[0]! += course(t_s, seen!) * origin.sigma;
    seen = cortex.assess(sample(t_ns, x), EXTRAS);
    const beyond = seen.warm && seen.d_smooth > seen.thresholds.theta[0];
    let level = beyond ? 1 : 0;
    let rule = "D̄";
    if (alone) {
      const taught = k <= 0 || teaching === "free" || (teaching === "gated" && !beyond);
      cortex.learn(taught ? 0 : 1);
    } else {
      const step = decide(seen, state, CONFIG, t_ns);
      state = step.state;
      ({ level, rule } = step.decision);
      cortex.learn(level, step.decision.habituates);
    }
    if (k > 36_000 * from_h && level > 0) {
      seen_s ??= t_s - 3600 * from_h;
      seen_by ??= rule.startsWith("the opinions") ? "opinions" : rule.startsWith("D̄") ? "distance" : "trend";
      if (t_s - last_alarm_s > 60) episodes += 1;
      last_alarm_s = t_s;
      alarm_s += BEAT_S;
    }
    if (k > 0 && k % 36_000 === 0) {
      const now = cortex.baseline();
      mean.push((now.mean[0]! - origin.mean) / origin.sigma);
      sigma.push(now.sigma[0]! / origin.sigma);
    }
  }
  const silent_at_end = last_alarm_s < hours * 3600 - 600;
  return { seen_s, seen_by, episodes, alarm_s, silent_at_end, mean, sigma, theta1: seen!.thresholds.theta[0] };
}
