import type { Assessment, OpinionAssessment } from "../model/assessment.ts";
import type { Harm } from "../model/decision.ts";
import type { CeilingReason } from "../model/dial.ts";
import type { Level } from "../model/level.ts";
import type { DecisionConfig } from "./config.ts";
import { comes_from_outside } from "./inbound.ts";
import { paused } from "./pause.ts";
import { quarantine_rests } from "./release.ts";
import type { DecisionState } from "./state.ts";

/** The level of a beat, why, and the clocks the state carries on (CLOCK_MONOTONIC). */
export interface LevelChoice {
  readonly level: Level;
  readonly rule: string;
  /** Null: the level is the one before, since when it has been. */
  readonly level_since_ns: number | null;
  readonly calm_since_ns: number | null;
}

const num = (value: number) => value.toFixed(2);

/**
 * A trend carries D̄ this part of θ1 in the time it must last. With a quarter, where θ1 had come near the noise, 16 of 91
 * alarms in 69 h of normal noise of four dimensions were trends that nothing meant.
 */
const TREND_PART = 1 / 3;

/** Levels 3 and 4 answer what a cheaper rung could not, or is not allowed to: the first action stays the one cheapest to be wrong about. */
function cheaper_is_not_enough(state: DecisionState, harm: Harm, config: DecisionConfig, now_ns: number): boolean {
  if (state.failures > 0 || state.containments.some(({ shield }) => shield?.exhausted === true)) return true;
  if (state.rests.some(({ ended_well, until_ns }) => !ended_well && until_ns > now_ns)) return true;
  return harm.witness === "ttf" && harm.value !== null && harm.value < config.act.ttf_critical_s;
}

/** Said without its numbers: at ten beats a second, putting them into words costs more than the rest of the judgement. */
const STILL: LevelChoice = {
  level: 0,
  rule: "D̄ < θ1 and no rising trend",
  level_since_ns: null,
  calm_since_ns: null,
};

function dissent({ score, theta, votes }: OpinionAssessment): string {
  const [first] = Object.entries(votes).toSorted((one, other) => other[1] - one[1]);
  const loudest = first === undefined ? "" : `, ${first[0]} the loudest (${num(first[1])})`;
  return `the opinions together ${num(score)} > ${num(theta)} nats${loudest}`;
}

/** The highest level whose entry condition holds now, with the rule as a sentence (SPEC §5). */
function entered(
  a: Assessment,
  harm: Harm,
  state: DecisionState,
  config: DecisionConfig,
  trend: boolean,
  now_ns: number,
): { level: Level; rule: string } {
  const [t1, t2, t3, t4] = a.thresholds.theta;
  const d = a.d_smooth;
  const critical = harm.witness === "ttf" && harm.value !== null && harm.value < config.act.ttf_critical_s;
  if (a.warm && harm.present) {
    const escalate = cheaper_is_not_enough(state, harm, config, now_ns);
    const failing = state.level >= 4 && state.failures >= 2 && d > t4 && a.velocity > 0;
    if (escalate && failing && !quarantine_rests(state, now_ns)) {
      return {
        level: 5,
        rule: `${state.failures} containments had no effect and D̄ ${num(d)} still rises (${num(a.velocity)}/s)`,
      };
    }
    if (escalate && (d > t4 || critical)) {
      const why = critical
        ? `TTF ${num(harm.value ?? 0)} s < ${config.act.ttf_critical_s} s`
        : `D̄ ${num(d)} > θ4 ${num(t4)}`;
      return { level: 4, rule: `${why}, with harm` };
    }
    // What arrives from outside has no cheaper answer than to shed it: limiting who answers would only spare the flood.
    if (d > t3 && a.acceleration > 0 && (escalate || comes_from_outside(a, state, config))) {
      return { level: 3, rule: `D̄ ${num(d)} > θ3 ${num(t3)} and d²D̄/dt² ${num(a.acceleration)} > 0, with harm` };
    }
    if (d > t2 && a.velocity > 0) {
      return { level: 2, rule: `D̄ ${num(d)} > θ2 ${num(t2)} and dD̄/dt ${num(a.velocity)} > 0, with harm` };
    }
  }
  const said = a.opinions ?? null;
  if (said !== null && said.score > said.theta) return { level: 1, rule: dissent(said) };
  // Where the opinions are asked at every beat, D̄ has had its vote among them.
  if (said?.decide === true || (d <= t1 && !trend && state.level === 0)) return STILL;
  if (d > t1) return { level: 1, rule: `D̄ ${num(d)} > θ1 ${num(t1)}` };
  const calm = (config.calm_part ?? 1) * t1;
  if (state.level > 0 && d > calm) return { level: 1, rule: `D̄ ${num(d)} > ${num(calm)}, below which level 1 is left` };
  if (trend) return { level: 1, rule: `dD̄/dt ${num(a.velocity)} > 0, sustained ${config.trend_s} s` };
  return { level: 0, rule: `D̄ ${num(d)} < θ1 ${num(t1)} and no rising trend` };
}

const CEILING_WORDS: Readonly<Record<CeilingReason, string>> = {
  conservative: "in conservative mode",
  autonomy: "without autonomy: autonomous",
  max_level: "by max_level",
};

/** The agent sees what it sees, and answers no harder than it may. */
function capped(
  choice: { level: Level; rule: string },
  { ceiling = 5, ceiling_because = "conservative" }: DecisionConfig,
  is_paused: boolean,
): { level: Level; rule: string } {
  if (choice.level > ceiling) {
    const rule = `${choice.rule}; but not above level ${ceiling} ${CEILING_WORDS[ceiling_because]}`;
    return { level: ceiling, rule };
  }
  if (choice.level < 5 || !is_paused) return choice;
  return { level: 4, rule: `${choice.rule}; but not above level 4 while paused` };
}

/** Since when D̄ has been rising at the pace of a trend (CLOCK_MONOTONIC); null when it is not. */
export function rising_since(
  a: Assessment,
  state: DecisionState,
  config: DecisionConfig,
  now_ns: number,
): number | null {
  const pace = (TREND_PART * a.thresholds.theta[0]) / config.trend_s;
  return a.velocity > pace ? (state.rising_since_ns ?? now_ns) : null;
}

/**
 * The level machine: up at once and by any number of steps, down one step at a time, each after its own hold time.
 *
 * @param rising_since_ns what `rising_since` says of this beat
 */
export function choose_level(
  a: Assessment,
  harm: Harm,
  rising_since_ns: number | null,
  state: DecisionState,
  config: DecisionConfig,
  now_ns: number,
): LevelChoice {
  const trend = rising_since_ns !== null && now_ns - rising_since_ns >= config.trend_s * 1e9;
  const is_paused = paused(a, now_ns) !== null;
  const choice = capped(entered(a, harm, state, config, trend, now_ns), config, is_paused);
  if (choice === STILL && state.level === 0) return STILL;
  const { level: wanted, rule } = choice;

  if (wanted > state.level) return { level: wanted, rule, level_since_ns: now_ns, calm_since_ns: null };
  if (state.level === 0) return { level: 0, rule, level_since_ns: null, calm_since_ns: null };
  const stay = { level: state.level, level_since_ns: null };
  if (state.level === 5) {
    return { ...stay, rule: "quarantine is left only by `hosa release`", calm_since_ns: null };
  }
  const { ceiling = 5 } = config;
  if (state.level > ceiling) {
    const lowered = `${rule}; the highest level is now ${ceiling}`;
    return { level: ceiling, rule: lowered, level_since_ns: now_ns, calm_since_ns: null };
  }
  if (wanted === state.level) return { ...stay, rule, calm_since_ns: null };
  if (state.level === 2 && state.containments.length > 0) {
    return { ...stay, rule: `${state.containments.length} containment(s) still in force`, calm_since_ns: null };
  }
  const calm_since_ns = state.calm_since_ns ?? now_ns;
  const hold_s = config.hold_s[(state.level - 1) as 0 | 1 | 2 | 3];
  if (now_ns - calm_since_ns < hold_s * 1e9) {
    return { ...stay, rule: `level ${state.level} is held for ${hold_s} s after calm`, calm_since_ns };
  }
  const level = (state.level - 1) as Level;
  return { level, rule: `${rule}; calm for ${hold_s} s`, level_since_ns: now_ns, calm_since_ns: null };
}
