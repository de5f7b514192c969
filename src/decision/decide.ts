import type { Assessment, GrowthAssessment } from "../model/assessment.ts";
import type { Action } from "../model/containment.ts";
import type { Decision, Verdict } from "../model/decision.ts";
import type { DecisionConfig } from "./config.ts";
import { find_culprit } from "./culprit.ts";
import { remember_runtime } from "./evidence.ts";
import { habituates, plateau_since } from "./habituation.ts";
import { find_harm } from "./harm.ts";
import { choose_level } from "./levels.ts";
import { beat_period_ms, unrest } from "./pace.ts";
import { plan } from "./plan.ts";
import { lift } from "./release.ts";
import { plan_shield, type Situation } from "./shield.ts";
import type { ContainmentState, Cooldown, DecisionState, Rest } from "./state.ts";
import { steer } from "./steer.ts";

/** After a containment that was wrong, or just over, its target rests from that rung. */
const REST_AFTER_WRONG_S = 60;
const REST_AFTER_SUCCESS_S = 5;
/** A cgroup that departs so far from its own history is worth a look at its threads. */
const CHANGED_SIGMA = 3;

/**
 * The whole judgement of one beat: harm, level, culprit, live containments, new containment. Pure: the same assessment,
 * state, configuration and time give the same decision, which is how `hosa explain` proves a record.
 *
 * @param now_ns CLOCK_MONOTONIC of the beat
 */
export function decide(
  assessment: Assessment,
  before: DecisionState,
  config: DecisionConfig,
  now_ns: number,
): { decision: Decision; state: DecisionState } {
  const runtimes = remember_runtime(before.runtimes, assessment.search);
  const lifted = lift(assessment, before, config, now_ns);
  const state = runtimes === before.runtimes ? lifted.state : { ...lifted.state, runtimes };
  const { harm, growth, stalled_since_ns } = find_harm(assessment, state, config, now_ns);
  const choice = choose_level(assessment, harm, state, config, now_ns);
  const deviates = choice.level > 0 || state.containments.length > 0;
  const culprit = deviates || harm.present ? find_culprit(assessment, growth, config) : null;

  const situation = { level: choice.level, harm };
  const live = steer_all(assessment, state, config, now_ns, situation);
  const same = live.containments === state.containments && live.rests === state.rests;
  const steered: DecisionState = same ? state : { ...state, containments: live.containments, rests: live.rests };
  const proposal = plan(assessment, choice.level, harm, growth, culprit, steered, config, now_ns);
  // The shield answers the cause outside; whatever is done about who suffers it may be done at once.
  const taken = proposal.containment === null ? 0 : 1;
  const shield = plan_shield(assessment, situation, { ...steered, next_id: steered.next_id + taken }, config, now_ns);
  const begun = lifted.actions.length === 0 ? live.actions : [...lifted.actions, ...live.actions];
  const actions = with_new(begun, proposal.action, shield?.action ?? null);
  const containments = with_new(live.containments, proposal.containment, shield?.containment ?? null);
  const search = search_for(assessment, growth ?? assessment.growth[0] ?? null, choice.level, containments);
  const moved = choice.level !== before.level;
  const unrest_ns = unrest(assessment, moved, containments, config) ? now_ns : state.unrest_ns;

  const plateau_since_ns = plateau_since(assessment, choice.level, harm, state, config, now_ns);

  const decision: Decision = {
    t_ns: assessment.t_ns,
    level: choice.level,
    previous_level: before.level,
    rule: lifted.quarantine ? `quarantine left by the operator; ${choice.rule}` : choice.rule,
    harm,
    culprit,
    actions,
    search,
    verdicts: live.verdicts,
    inaction: inaction(proposal.inaction, choice.level, harm.because, harm.present, assessment.warm),
    habituates: habituates(plateau_since_ns, config, now_ns),
    beat_period_ms: beat_period_ms(choice.level, choice.level_since_ns, unrest_ns, containments, config, now_ns),
  };
  const failed = live.failed > 0 ? state.failures + live.failed : state.failures;
  return {
    decision,
    state: {
      level: choice.level,
      level_since_ns: choice.level_since_ns,
      calm_since_ns: choice.calm_since_ns,
      rising_since_ns: choice.rising_since_ns,
      unrest_ns,
      plateau_since_ns,
      stalled_since_ns,
      next_id: state.next_id + taken + (shield === null ? 0 : 1),
      containments,
      searching: search,
      rests: live.rests,
      cooldowns: state.cooldowns ?? NO_COOLDOWNS,
      runtimes: state.runtimes,
      failures: choice.level === 0 ? 0 : failed,
    },
  };
}

/** The same list where nothing is new: this runs at every beat. */
function with_new<T>(list: readonly T[], ...added: readonly (T | null)[]): readonly T[] {
  return added.every((each) => each === null) ? list : [...list, ...added.filter((each) => each !== null)];
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

function steer_all(
  assessment: Assessment,
  state: DecisionState,
  config: DecisionConfig,
  now_ns: number,
  situation: Situation,
): Steered {
  if (state.containments.length === 0 && state.rests.length === 0) {
    return {
      actions: NO_ACTIONS,
      verdicts: NO_VERDICTS,
      containments: state.containments,
      rests: state.rests,
      failed: 0,
    };
  }
  const actions: Action[] = [];
  const verdicts: Verdict[] = [];
  const containments: ContainmentState[] = [];
  const rests = state.rests.filter((rest) => rest.until_ns > now_ns);
  let failed = 0;
  for (const live of state.containments) {
    const seen = assessment.containments.find((observation) => observation.id === live.id);
    const step = steer(live, seen, config, now_ns, situation);
    actions.push(...step.actions);
    verdicts.push(...step.verdicts);
    if (step.failed) failed += 1;
    if (step.next !== null) {
      containments.push(step.next);
    } else {
      const rest_s = step.failed ? REST_AFTER_WRONG_S : REST_AFTER_SUCCESS_S;
      const until_ns = now_ns + rest_s * 1e9;
      const { rung, target } = live;
      rests.push({ cgroup_id: target.cgroup_id, rung, since_ns: now_ns, until_ns, ended_well: !step.failed });
    }
  }
  return { actions, verdicts, containments, rests, failed };
}

/**
 * The cgroup whose threads are wanted next: the most urgent growth not yet contained, or, before any growth has lasted,
 * whoever changed most in memory while memory leads the deviation: so the answer is there when the evidence is.
 */
function search_for(a: Assessment, growth: GrowthAssessment | null, level: number, live: readonly ContainmentState[]) {
  const first = a.dominant_resource === "memory" && level > 0 ? a.changes[0] : undefined;
  const changed = first !== undefined && first.change > CHANGED_SIGMA ? first.cgroup_id : null;
  const grown = growth !== null && growth.sustained_s > 0 ? growth.cgroup_id : null;
  const cgroup_id = growth?.path === "/" ? (changed ?? grown) : (grown ?? changed);
  if (cgroup_id === null || live.some((containment) => containment.target.cgroup_id === cgroup_id)) return null;
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
