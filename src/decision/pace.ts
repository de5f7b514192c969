import type { Assessment } from "../model/assessment.ts";
import type { Level } from "../model/level.ts";
import type { Maybe } from "../model/sample.ts";
import type { DecisionConfig } from "./config.ts";
import { CALM } from "./habituation.ts";
import type { ContainmentState, HoldPhase } from "./state.ts";

/** After the last unrest the fast beat goes on for so long. */
const SETTLED_AFTER_S = 2;
/** A dose is watched by a beat this many times faster than the vigilant one. */
const DOSE_FASTER = 5;

/** A growth further than this many horizons from failure is watched at the ordinary beat: a tenth of a second is nothing to it. */
const NEAR_HORIZONS = 2;

/** A pulse is over within its beat: it needs no faster one. */
const SETTLED: readonly HoldPhase[] = ["hold", "pulse"];

/**
 * Something is happening: D̄ moves, somebody grows whose end is near, or a containment is not yet settled in a verified hold. Behind such a
 * hold D̄ stays far from normal and scatters with its size, so there its motion alone is no news.
 */
export function unrest(
  a: Assessment,
  moved: boolean,
  live: readonly ContainmentState[],
  { act }: DecisionConfig,
): boolean {
  const settled = ({ rung, judged, phase }: ContainmentState) =>
    judged && (rung === "shield" || (rung === "thread_hold" && SETTLED.includes(phase)));
  const unsettled = !live.every(settled);
  const moving = live.length === 0 && Math.abs(a.velocity) >= CALM * a.thresholds.theta[0];
  const near = (ttf_s: Maybe<number>) => ttf_s !== null && ttf_s < NEAR_HORIZONS * act.ttf_horizon_s;
  const growing = a.growth.some(
    (one) => one.sustained_s > 0 && (near(one.ttf.ttf_s) || near(one.ttf.ttf_accelerated_s)),
  );
  return moved || moving || growing || unsettled;
}

/**
 * The beat: ordinary at level 0, fast from level 1 up while anything happens, and faster still while a held thread runs
 * in a dose. A node that stands still on a plateau, or behind a verified hold, is watched as often as a healthy one.
 */
export function beat_period_ms(
  level: Level,
  level_since_ns: number,
  unrest_ns: number,
  live: readonly ContainmentState[],
  config: DecisionConfig,
  now_ns: number,
): number {
  if (live.some((containment) => containment.phase === "dose")) {
    return Math.max(2, config.vigilant_period_ms / DOSE_FASTER);
  }
  const relaxed = level === 0 && now_ns - level_since_ns >= config.relax_s * 1e9;
  const settled = level > 0 && now_ns - unrest_ns >= SETTLED_AFTER_S * 1e9;
  return relaxed || settled ? config.period_ms : config.vigilant_period_ms;
}
