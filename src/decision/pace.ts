import type { Assessment } from "../model/assessment.ts";
import type { Level } from "../model/level.ts";
import type { Maybe } from "../model/sample.ts";
import type { ActConfig, DecisionConfig } from "./config.ts";
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
 * Something is happening: D̄ rises at the pace of a trend, somebody grows whose end is near, or a containment is not yet settled in a
 * verified hold. Behind such a hold D̄ stays far from normal and scatters with its size, so there its motion alone is no news. A
 * slower motion is none either: the slope of a noisy D̄ is beyond a tenth of θ1 a second at most beats.
 *
 * @param moved the level changed at this beat. @param rising D̄ rises at the pace of a trend
 */
export function unrest(
  a: Assessment,
  moved: boolean,
  rising: boolean,
  live: readonly ContainmentState[],
  { act }: DecisionConfig,
): boolean {
  if (moved || !live.every(is_settled)) return true;
  let grows = false;
  for (const { sustained_s, ttf } of a.growth) {
    if (sustained_s <= 0) continue;
    if (is_near(ttf.ttf_s, act) || is_near(ttf.ttf_accelerated_s, act)) return true;
    grows = true;
  }
  // A leak that takes a piece now and then moves D̄ with each: its growth is known, and its end is far.
  return rising && live.length === 0 && !grows;
}

function is_settled({ rung, judged, phase }: ContainmentState): boolean {
  return judged && (rung === "shield" || (rung === "thread_hold" && SETTLED.includes(phase)));
}

function is_near(ttf_s: Maybe<number>, act: ActConfig): boolean {
  return ttf_s !== null && ttf_s < NEAR_HORIZONS * act.ttf_horizon_s;
}

function is_in_dose({ phase }: ContainmentState): boolean {
  return phase === "dose";
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
  if (live.some(is_in_dose)) {
    return Math.max(2, config.vigilant_period_ms / DOSE_FASTER);
  }
  const relaxed = level === 0 && now_ns - level_since_ns >= config.relax_s * 1e9;
  const settled = level > 0 && now_ns - unrest_ns >= SETTLED_AFTER_S * 1e9;
  return relaxed || settled ? config.period_ms : config.vigilant_period_ms;
}
