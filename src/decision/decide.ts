import type { Assessment, GrowthAssessment } from "../model/assessment.ts";
import type { Action } from "../model/containment.ts";
import type { Decision, Harm, Verdict } from "../model/decision.ts";
import type { Level } from "../model/level.ts";
import type { Maybe } from "../model/sample.ts";
import type { Writable } from "../model/writable.ts";
import type { DecisionConfig } from "./config.ts";
import { find_culprit } from "./culprit.ts";
import { remember_runtime } from "./evidence.ts";
import { habituates, plateau_of } from "./habituation.ts";
import { find_harm, NO_HARM, nobody_stalls } from "./harm.ts";
import { choose_level, rising_since } from "./levels.ts";
import { node_slope } from "./node_share.ts";
import { beat_period_ms, unrest_since } from "./pace.ts";
import { paused } from "./pause.ts";
import { plan } from "./plan.ts";
import { protection } from "./protect.ts";
import { is_share, put_on_again } from "./queue.ts";
import { lift } from "./release.ts";
import { plan_reserve, with_reserve } from "./reserve.ts";
import { with_thread, without_thread } from "./rest.ts";
import { plan_shield } from "./shield.ts";
import {
  type ContainmentState,
  type Cooldown,
  type DecisionState,
  initial_state,
  is_answered,
  is_met_at_threads,
  type Rest,
} from "./state.ts";
import { steer } from "./steer.ts";

/** After a containment that was wrong, or just over, its target rests from that rung. */
const REST_AFTER_WRONG_S = 60;
const REST_AFTER_SUCCESS_S = 5;
/** A cgroup that departs so far from its own history is worth a look at its threads. */
const CHANGED_SIGMA = 3;

/** What a beat was judged to be: what to do, and what the next decision remembers. */
export interface Judgement {
  readonly decision: Decision;
  readonly state: DecisionState;
}

/** Where a judgement is written: into values that nobody keeps any more (of a beat that has left the flight recorder); null: into new ones. */
export interface Desk {
  decision: Maybe<Decision>;
  state: Maybe<DecisionState>;
}

/**
 * The whole judgement of one beat: harm, level, culprit, live containments, new containment. Pure: the same assessment,
 * state, configuration and time give the same decision, which is how `hosa explain` proves a record.
 *
 * Nothing of `before` or of the assessment may lie on the desk: both are still read, and afterwards still theirs who gave them.
 *
 * @param assessed as the cortex says it
 * @param now_ns CLOCK_MONOTONIC of the beat
 * @param desk written over and returned; without one nothing that was handed out is ever written again
 */
export function decide(
  assessed: Assessment,
  before: DecisionState,
  config: DecisionConfig,
  now_ns: number,
  desk: Desk = { decision: null, state: null },
): Judgement {
  const assessment = with_reserve(assessed, before);
  const runtimes = remember_runtime(before.runtimes, assessment.search);
  const lifted = lift(assessment, before, config, now_ns);
  const left = lifted === null ? before : lifted.state;
  const state = runtimes === before.runtimes ? left : { ...left, runtimes };
  const { harm, growth, stalled_since_ns, stalled_by, outside_stall, excused } = find_harm(
    assessment,
    state,
    config,
    now_ns,
  );
  const rising_since_ns = rising_since(assessment, state, config, now_ns);
  const choice = choose_level(assessment, harm, rising_since_ns, state, config, now_ns);
  const { level } = choice;
  const level_since_ns = choice.level_since_ns ?? state.level_since_ns;
  const deviates = level > 0 || state.containments.length > 0;
  const culprit = deviates || harm.present ? culprit_of(assessment, growth, state, config, now_ns) : null;

  const narrower = harm.witness === "ttf" && culprit !== null && is_met_at_threads(state, culprit.cgroup_id);
  const live = steer_all(assessment, state, config, now_ns, level, harm, narrower);
  const steered = live === null ? state : { ...state, containments: live.containments, rests: live.rests };
  const proposal = plan(assessment, level, harm, growth, culprit, steered, config, now_ns);
  // The shield answers the cause outside; whatever is done about who suffers it may be done at once.
  const next_id = proposal.containment === null ? state.next_id : state.next_id + 1;
  const to_be_held = proposal.search_first || proposal.containment?.rung === "thread_hold";
  const pause = paused(assessment, now_ns);
  const shield =
    pause === null
      ? plan_shield(assessment, level, harm, narrower || to_be_held, steered, next_id, config, now_ns)
      : null;
  const further_id = shield === null ? next_id : next_id + 1;
  const reserve = pause === null ? plan_reserve(assessment, steered, harm, further_id, config, now_ns) : null;
  const begun = joined(lifted === null ? NO_ACTIONS : lifted.actions, live === null ? NO_ACTIONS : live.actions);
  const actions = with_new(begun, proposal.action, shield?.action ?? null, reserve?.action ?? null);
  const containments = with_new(
    beside_new(steered.containments, proposal.containment, assessment),
    proposal.containment,
    shield?.containment ?? null,
    reserve?.containment ?? null,
  );
  const search =
    proposal.search_first && culprit !== null
      ? ({ cgroup_id: culprit.cgroup_id, resource: "memory" } as const)
      : search_for(assessment, growth ?? assessment.growth[0] ?? null, level, containments, now_ns);
  const moved = level !== before.level;
  const rising = rising_since_ns !== null;
  const unrest_ns = unrest_since(assessment, moved, rising, containments, config, state.unrest_ns, now_ns);
  const plateau = plateau_of(assessment, level, harm, state, config, now_ns);

  desk.decision ??= blank_decision(now_ns);
  const decision: Writable<Decision> = desk.decision;
  decision.t_ns = assessment.t_ns;
  decision.level = level;
  decision.previous_level = before.level;
  decision.rule = lifted?.quarantine === true ? `quarantine left by the operator; ${choice.rule}` : choice.rule;
  decision.harm = harm;
  decision.culprit = culprit;
  decision.actions = actions;
  decision.search = search;
  decision.verdicts = live === null ? NO_VERDICTS : live.verdicts;
  decision.inaction = inaction(proposal.inaction, level, harm.because, harm.present, assessment.warm);
  decision.habituates = habituates(plateau, config, now_ns);
  decision.paused = pause ?? undefined;
  decision.beat_period_ms = beat_period_ms(level, level_since_ns, unrest_ns, containments, config, now_ns);

  const failures = live === null ? state.failures : state.failures + live.failed;
  desk.state ??= initial_state(now_ns);
  const after: Writable<DecisionState> = desk.state;
  after.level = level;
  after.level_since_ns = level_since_ns;
  after.calm_since_ns = choice.calm_since_ns;
  after.rising_since_ns = rising_since_ns;
  after.unrest_ns = unrest_ns;
  after.plateau = plateau;
  after.stalled_since_ns = stalled_since_ns;
  after.stalled_by = stalled_by;
  after.outside_stall = outside_stall;
  after.next_id = reserve === null ? further_id : further_id + 1;
  after.containments = containments;
  after.searching = search;
  after.rests = steered.rests;
  after.cooldowns = state.cooldowns ?? NO_COOLDOWNS;
  after.runtimes = state.runtimes;
  after.excused = excused;
  const harm_ns = harm.present ? now_ns : (state.harm_ns ?? now_ns);
  after.harm_ns = harm_ns;
  // What failed long ago, against a harm that is over, says nothing of the next one, however long something stays held.
  after.failures = level === 0 || now_ns - harm_ns > config.hold_s[3] * 1e9 ? 0 : failures;
  return desk as Judgement;
}

/** The fields in the order they are recorded in; every one is written over. */
function blank_decision(t_ns: number): Decision {
  return {
    t_ns,
    level: 0,
    previous_level: 0,
    rule: "",
    harm: NO_HARM,
    culprit: null,
    actions: NO_ACTIONS,
    search: null,
    verdicts: NO_VERDICTS,
    inaction: "",
    habituates: false,
    paused: undefined,
    beat_period_ms: 0,
  };
}

function joined<T>(first: readonly T[], second: readonly T[]): readonly T[] {
  return first.length === 0 ? second : [...first, ...second];
}

/** The same list where nothing is new: this runs at every beat. */
function with_new<T>(list: readonly T[], one: Maybe<T>, other: Maybe<T>, third: Maybe<T>): readonly T[] {
  if (one === null && other === null && third === null) return list;
  return [...list, ...[one, other, third].filter((each) => each !== null)];
}

function culprit_of(
  assessment: Assessment,
  growth: Maybe<GrowthAssessment>,
  { containments }: DecisionState,
  config: DecisionConfig,
  now_ns: number,
): Decision["culprit"] {
  return find_culprit(assessment, growth, config, ({ cgroup_id, path }) => {
    const forbidden = protection(path, config.own_path, config.protect) !== null;
    return !forbidden && !is_answered(containments, cgroup_id, now_ns);
  });
}

/** What is in force, once another containment begins beside it. */
function beside_new(
  live: readonly ContainmentState[],
  added: Maybe<ContainmentState>,
  { containments }: Assessment,
): readonly ContainmentState[] {
  return live.length === 0 || added?.rung !== "thread_hold" ? live : without_thread(live, added, containments);
}

interface Steered {
  readonly actions: readonly Action[];
  readonly verdicts: readonly Verdict[];
  readonly containments: readonly ContainmentState[];
  readonly rests: readonly Rest[];
  readonly failed: number;
}

const NO_ACTIONS: readonly Action[] = [];
const NO_VERDICTS: readonly Verdict[] = [];
const NO_COOLDOWNS: readonly Cooldown[] = [];

/** Null where nothing is in force and nobody rests. */
function steer_all(
  assessment: Assessment,
  state: DecisionState,
  config: DecisionConfig,
  now_ns: number,
  level: Level,
  harm: Harm,
  narrower: boolean,
): Steered | null {
  const nothing = state.containments.length === 0 && state.rests.length === 0;
  if (nothing) return null;
  const leader_id = assessment.changes[0]?.cgroup_id ?? null;
  const calm = nobody_stalls(assessment, config);
  const is_paused = paused(assessment, now_ns) !== null;
  const node_slope_bytes_per_s = node_slope(assessment);
  const situation = { level, harm, narrower, calm, leader_id, paused: is_paused, node_slope_bytes_per_s };
  return steered_by(situation, assessment, state, config, now_ns);
}

function steered_by(
  situation: Parameters<typeof steer>[4],
  assessment: Assessment,
  state: DecisionState,
  config: DecisionConfig,
  now_ns: number,
): Steered {
  const actions: Action[] = [];
  const verdicts: Verdict[] = [];
  const containments: ContainmentState[] = [];
  const thawed: ContainmentState[] = [];
  const rests = state.rests.filter(({ until_ns, again }) => Math.max(until_ns, again?.known_until_ns ?? 0) > now_ns);
  let failed = 0;
  for (const live of state.containments) {
    const seen = assessment.containments.find((observation) => observation.id === live.id);
    const step = steer(live, seen, config, now_ns, situation, state.containments);
    actions.push(...step.actions);
    verdicts.push(...step.verdicts);
    // What the motor refused was never tried: it calls for the next rung, but proves nothing against the node.
    const tried = config.refusals_count === true || !step.verdicts.some(({ verdict }) => verdict === "refused");
    if (step.failed && tried && !is_share(live.rung)) failed += 1;
    if (step.next !== null) {
      containments.push(step.next);
    } else {
      if (!step.verdicts.some(({ verdict }) => verdict === "gone")) thawed.push(live);
      const rest_s = step.wait_s ?? (step.failed ? REST_AFTER_WRONG_S : REST_AFTER_SUCCESS_S);
      const until_ns = now_ns + rest_s * 1e9;
      const { rung, target } = live;
      const why = step.unmet === undefined ? {} : { unmet: step.unmet };
      const span = { since_ns: now_ns, until_ns };
      const ended: Rest = { cgroup_id: target.cgroup_id, rung, ...span, ended_well: !step.failed, ...why };
      const rest = step.wait_s === undefined ? ended : { ...ended, waits: true };
      const again = put_on_again(live, step.verdicts, until_ns);
      rests.push(again === null ? rest : { ...rest, again });
    }
  }
  return { actions, verdicts, containments: thawed.reduce(with_thread, containments), rests, failed };
}

/**
 * The cgroup whose threads are wanted next: the most urgent growth not yet answered, or, before any growth has lasted,
 * whoever changed most in memory while memory leads the deviation: so the answer is there when the evidence is.
 */
function search_for(
  a: Assessment,
  growth: GrowthAssessment | null,
  level: number,
  live: readonly ContainmentState[],
  now_ns: number,
) {
  const first = a.dominant_resource === "memory" && level > 0 ? a.changes[0] : undefined;
  const changed = first !== undefined && first.change > CHANGED_SIGMA ? first.cgroup_id : null;
  const grown = growth !== null && growth.sustained_s > 0 ? growth.cgroup_id : null;
  const cgroup_id = growth?.path === "/" ? (changed ?? grown) : (grown ?? changed);
  if (cgroup_id === null || is_answered(live, cgroup_id, now_ns)) return null;
  return { cgroup_id, resource: "memory" as const };
}

/** Nothing in silence: what was seen and why nothing was done about it. */
function inaction(planned: string, level: number, because: readonly string[], harm: boolean, warm: boolean): string {
  if (planned !== "") return planned;
  if (level === 0) return "";
  if (!warm) return "still warming up: nothing above level 1 before the self is learned";
  if (!harm)
    return because.length > 0
      ? `watched only: ${because.join("; ")}`
      : "watched only: it deviates, but nothing runs out and nobody stalls";
  return "";
}
