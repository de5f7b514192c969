import type { Assessment, GrowthAssessment } from "../model/assessment.ts";
import type { Level } from "../model/level.ts";
import type { Maybe } from "../model/sample.ts";
import type { ActConfig, DecisionConfig } from "./config.ts";
import { type ContainmentState, type HoldPhase, is_answered } from "./state.ts";

/** After the last unrest the fast beat goes on for so long. */
const SETTLED_AFTER_S = 2;
/** A dose is watched by a beat this many times faster than the vigilant one. */
const DOSE_FASTER = 5;

/** A growth further than this many horizons from failure is watched at the ordinary beat: a tenth of a second is nothing to it. */
const NEAR_HORIZONS = 2;
/** One on probation, which is only waited for, further than this many reserves: a hold that was seen to bite needs less than one. */
const FAR_RESERVES = 2;

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
  if (moved || !are_in_hand(live, a, act)) return true;
  let grows = false;
  for (const growth of a.growth) {
    if (growth.sustained_s <= 0) continue;
    const near = is_near(growth.ttf.ttf_s, act) || is_near(growth.ttf.ttf_accelerated_s, act);
    if (near && !is_on_probation(growth, live, a, act) && !is_behind_us(growth, live, a.t_ns)) return true;
    grows = true;
  }
  // A leak that takes a piece now and then moves D̄ with each: its growth is known, and its end is far.
  return rising && live.length === 0 && !grows;
}

function is_settled({ rung, judged, phase }: ContainmentState): boolean {
  return judged && (rung === "shield" || (rung === "thread_hold" && SETTLED.includes(phase)));
}

/**
 * When anything last happened. What is in hand has settled at once: a hold that was found to work, and a growth that is only
 * waited for, are no more urgent in the seconds after.
 */
export function unrest_since(
  a: Assessment,
  moved: boolean,
  rising: boolean,
  live: readonly ContainmentState[],
  config: DecisionConfig,
  before_ns: number,
  now_ns: number,
): number {
  if (unrest(a, moved, rising, live, config)) return now_ns;
  return live.length > 0 ? Math.min(before_ns, now_ns - SETTLED_AFTER_S * 1e9) : before_ns;
}

/** Without a closure: this runs at every beat. */
function are_in_hand(live: readonly ContainmentState[], a: Assessment, act: ActConfig): boolean {
  for (const one of live) if (!is_settled(one) && !is_waited_for(one, a, act)) return false;
  return true;
}

function is_on_probation(
  { cgroup_id }: GrowthAssessment,
  live: readonly ContainmentState[],
  a: Assessment,
  act: ActConfig,
): boolean {
  for (const one of live) if (one.target.cgroup_id === cgroup_id && is_waited_for(one, a, act)) return true;
  return false;
}

/** Its thread was held and found to carry it: for some seconds the slowest slope still looks back on what it gained before. */
function is_behind_us({ cgroup_id }: GrowthAssessment, live: readonly ContainmentState[], now_ns: number): boolean {
  if (!is_answered(live, cgroup_id, now_ns)) return false;
  for (const one of live) if (one.target.cgroup_id === cgroup_id && !is_settled(one)) return false;
  return true;
}

/** On probation, with its end far away: what a tenth of a second lets it take is nothing. */
function is_waited_for({ rung, phase, target }: ContainmentState, a: Assessment, act: ActConfig): boolean {
  if (rung !== "thread_hold" || phase !== "probation") return false;
  const growth = a.growth.find(({ cgroup_id }) => cgroup_id === target.cgroup_id);
  return growth === undefined || (growth.ttf.ttf_s ?? Number.POSITIVE_INFINITY) > FAR_RESERVES * act.reaction_reserve_s;
}

function is_near(ttf_s: Maybe<number>, act: ActConfig): boolean {
  return ttf_s !== null && ttf_s < NEAR_HORIZONS * act.ttf_horizon_s;
}

/** One that is looked at until it has worked off what it missed is in no hurry. */
function is_in_dose({ phase, aims }: ContainmentState): boolean {
  return phase === "dose" && !aims;
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
