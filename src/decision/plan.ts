import type { Assessment, GrowthAssessment } from "../model/assessment.ts";
import type { Action, Rung, Setting, Target } from "../model/containment.ts";
import type { Culprit, Harm } from "../model/decision.ts";
import type { Level } from "../model/level.ts";
import type { Unmet } from "../model/precondition.ts";
import type { Maybe } from "../model/sample.ts";
import type { ThreadSearch } from "../model/search.ts";
import type { DecisionConfig } from "./config.ts";
import { why_not_thread } from "./culprit.ts";
import { NO_TIME_TO_SEARCH_S, ttf_s } from "./evidence.ts";
import { first_ceiling } from "./governor.ts";
import { comes_from_outside } from "./inbound.ts";
import { node_slope } from "./node_share.ts";
import { paused, paused_words } from "./pause.ts";
import { is_expendable, unmet_by_path } from "./preconditions.ts";
import { QUEUE_HOLD_S } from "./queue.ts";
import { left_alone } from "./release.ts";
import {
  type ContainmentState,
  type DecisionState,
  held_threads,
  is_answered,
  meets_growth,
  type Rest,
} from "./state.ts";

/** A new containment, or the reason why there is none. */
export interface Plan {
  readonly action: Action | null;
  readonly containment: ContainmentState | null;
  readonly inaction: string;
  /** Threads must be searched before anything is done. */
  readonly search_first: boolean;
}

const nothing = (inaction: string, search_first = false): Plan => ({
  action: null,
  containment: null,
  inaction,
  search_first,
});
const NO_PLAN = nothing("");
const mib = (bytes: number) => (bytes / 1048576).toFixed(1);
/** At most this many containments at once: a storm of actions is itself a fault. That it is reached is the reason told for inaction. */
const MAX_CONTAINMENTS = 8;
/** One more thread that grows beside so many held ones, and the service itself is what grows. */
const HELD_THREADS_MAX = 2;

/** Chooses the first or next containment for the culprit of a harmful deviation, cheapest to be wrong about first. */
export function plan(
  assessment: Assessment,
  level: Level,
  harm: Harm,
  growth: GrowthAssessment | null,
  culprit: Culprit | null,
  state: DecisionState,
  config: DecisionConfig,
  now_ns: number,
): Plan {
  if (level < 2 || !harm.present) return NO_PLAN;
  if (level === 5)
    return nothing("the node is in quarantine: whatever may be held stands still, nothing narrower is left");
  if (harm.witness === "stall" && comes_from_outside(assessment, state, config))
    return nothing("the load comes from outside: who answers it is not the culprit");
  const pause = paused(assessment, now_ns);
  if (pause !== null) return nothing(paused_words(pause));
  if (culprit === null) return nothing("no cgroup stands out: nothing narrower than the node could be limited");
  if (culprit.scope === "kernel") return nothing(kernel_words(culprit, harm, assessment));
  if (culprit.protected !== null) return nothing(`${culprit.path} is not limited: ${culprit.protected}`);
  const alone = left_alone(state, harm_of(culprit, harm, assessment), culprit, config, now_ns);
  if (alone !== null) return nothing(alone);
  if (is_answered(state.containments, culprit.cgroup_id, now_ns)) return nothing("");
  if (state.containments.length >= MAX_CONTAINMENTS)
    return nothing(`${MAX_CONTAINMENTS} containments are already in force`);
  if (harm.witness === "ttf" && growth !== null) {
    const own = assessment.growth.find((one) => one.cgroup_id === culprit.cgroup_id);
    // Where the node runs out, a ceiling or a slope of the node says nothing of one cgroup in it.
    if (own === undefined) return nothing(`the node runs out, and how fast ${culprit.path} grows is not known`);
    return plan_memory(assessment, own, culprit, state, config, now_ns);
  }
  if (held_threads(state.containments, culprit.cgroup_id) > 0)
    return nothing(`a thread of ${culprit.path} is held: its rest is not to suffer for it`);
  if (state.containments.some(({ target }) => target.cgroup_id === culprit.cgroup_id)) return nothing("");
  return plan_queue(assessment, level, harm, culprit, state, config, now_ns);
}

function kernel_words({ comm, rate }: Culprit, harm: Harm, assessment: Assessment): string {
  const of_node = mib(node_slope(assessment));
  return harm.witness === "ttf"
    ? `the kernel takes the node's memory: ${comm} ${mib(rate)} MiB/s of ${of_node} MiB/s; no cgroup carries it`
    : `the kernel takes memory for ${comm}: no cgroup carries it`;
}

/** How urgent it is for this one: a node, or somebody else, may run out sooner. */
function harm_of({ cgroup_id }: Culprit, harm: Harm, { growth }: Assessment): Harm {
  const own = harm.witness === "ttf" ? growth.find((one) => one.cgroup_id === cgroup_id) : undefined;
  return own === undefined ? harm : { ...harm, value: ttf_s(own) };
}

/** The rest that this rung has to take on the cgroup now. */
function rest_of(state: DecisionState, cgroup_id: number, rung: Rung, now_ns: number): Maybe<Rest> {
  const of_it = (rest: Rest) => rest.cgroup_id === cgroup_id && rest.rung === rung && rest.until_ns > now_ns;
  return state.rests.find(of_it) ?? null;
}

/** Why the rung is not chosen now. */
function rests(rest: Rest, tried: string): string {
  if (rest.unmet !== undefined) return not_met(rest.unmet);
  return rest.waits === true ? `a bound of the motor forbids ${rest.rung} now` : tried;
}

/** Why a rung of the whole cgroup is not chosen again yet. */
function just_ended(rest: Rest): string {
  const why = rest.ended_well ? "rests after its last release" : "was refused or did not work less than a minute ago";
  return rests(rest, `${rest.rung} ${why}`);
}

function plan_memory(
  assessment: Assessment,
  growth: GrowthAssessment,
  culprit: Culprit,
  state: DecisionState,
  config: DecisionConfig,
  now_ns: number,
): Plan {
  const over = state.rests.find(
    ({ cgroup_id, rung, ended_well, until_ns }) =>
      cgroup_id === culprit.cgroup_id && meets_growth(rung) && ended_well && until_ns > now_ns,
  );
  if (over !== undefined) {
    // A slope that looks back on what is over is believed late; a bound is waited for while that leaves enough time.
    const old = now_ns - growth.sustained_s * 1e9 < over.since_ns;
    const least_s =
      over.waits === true
        ? config.act.reaction_reserve_s + (over.until_ns - now_ns) / 1e9
        : old
          ? NO_TIME_TO_SEARCH_S
          : config.act.reaction_reserve_s;
    if (ttf_s(growth) > least_s)
      return nothing(rests(over, "its containment has just ended: the slope still looks back on that growth"));
  }
  const search = assessment.search?.cgroup_id === culprit.cgroup_id ? assessment.search : null;
  const hurried = ttf_s(growth) < NO_TIME_TO_SEARCH_S;
  const forbidden = hold_forbidden(state, culprit, config, now_ns);
  const unholdable = unholdable_now(state, culprit, now_ns) ?? (forbidden === null ? null : not_met(forbidden));
  if (search === null && !hurried && unholdable === null) return nothing("its threads are being searched", true);

  const why_not = unholdable ?? why_not_thread(culprit, search);
  const onset_ns = now_ns - growth.sustained_s * 1e9;
  const base = {
    onset_ns,
    memory_at_onset_bytes: growth.memory_bytes - growth.gained_bytes,
    headroom_at_onset_bytes: growth.ttf.headroom_bytes + growth.gained_bytes,
    slope_before_bytes_per_s: growth.slope_bytes_per_s,
    slope_tail_bytes_per_s: growth.slope_tail_bytes_per_s ?? 1048576,
    ...(growth.ttf.resource === "node_memory" ? { node_slope_before_bytes_per_s: node_slope(assessment) } : {}),
  };
  if (why_not === null) {
    const setting: Setting = { rung: "thread_hold", frozen: true };
    const reason = `thread ${culprit.tid} (${culprit.comm}) carries ${((culprit.share ?? 0) * 100).toFixed(0)} % of the growth: held alone, on trial`;
    return start(
      target_of(culprit),
      setting,
      reason,
      { ...base, ...of_thread(culprit, search) },
      state,
      config,
      now_ns,
    );
  }
  const governor_rests = rest_of(state, culprit.cgroup_id, "memory_governor", now_ns);
  if (governor_rests !== null) return nothing(just_ended(governor_rests));
  const ungoverned = unmet_by_path(culprit.path, "memory", config);
  if (ungoverned !== null) return nothing(`${culprit.path} is not governed: ${not_met(ungoverned)}`);
  const governed = {
    usage_bytes: growth.memory_bytes,
    headroom_bytes: growth.ttf.headroom_bytes,
    headroom_at_onset_bytes: base.headroom_at_onset_bytes,
  };
  const high_bytes = first_ceiling(governed, config.governor);
  const target: Target = { cgroup_id: culprit.cgroup_id, path: culprit.path, pid: null, tid: null, comm: null };
  const reason = `no thread hold: ${why_not}; the governor slows the cgroup down from ${mib(high_bytes)} MiB on`;
  const known = { ...base, high_bytes };
  const begun = start(target, { rung: "memory_governor", high_bytes }, reason, known, state, config, now_ns);
  return forbidden === null ? begun : instead_of(begun, "thread_hold", forbidden);
}

/** What says that no thread of it may be held: its path, or what the motor found when it was asked to. */
function hold_forbidden(
  state: DecisionState,
  { cgroup_id, path }: Culprit,
  config: DecisionConfig,
  now_ns: number,
): Maybe<Unmet> {
  return rest_of(state, cgroup_id, "thread_hold", now_ns)?.unmet ?? unmet_by_path(path, "hold", config);
}

function not_met({ code }: Unmet): string {
  return `a precondition is not met (${code})`;
}

function instead_of(plan: Plan, rung: Rung, unmet: Unmet): Plan {
  return plan.action === null ? plan : { ...plan, action: { ...plan.action, instead_of: { rung, unmet } } };
}

/** What a hold remembers of its thread, and of what bounds its growth. */
function of_thread({ tid }: Culprit, search: Maybe<ThreadSearch>): Partial<ContainmentState> {
  const thread = search?.threads.find((one) => one.tid === tid);
  const bounds = search?.bounds;
  const known: Partial<ContainmentState> = {
    steps_per_s: thread?.steps_per_s ?? 0,
    ...(bounds === undefined || bounds.forks === 0 ? {} : { forks: bounds.forks }),
    ...(bounds === undefined ? {} : { bounds_known: true }),
    // Whichever thread runs has the lock that all others need: it is caught only where it waits for it.
    ...(search?.global_lock === undefined ? {} : { aims: true }),
  };
  if (thread?.waits_per_s === undefined) return known;
  const { waits_per_s, cpu_share, answers_per_s = null } = thread;
  return { ...known, own: { waits_per_s, cpu_share, computing_share: 0, answers_per_s, moving: 1 } };
}

/** Why no thread of it, whichever it is, may be held now; null where one may. */
function unholdable_now(state: DecisionState, { cgroup_id }: Culprit, now_ns: number): Maybe<string> {
  const rest = rest_of(state, cgroup_id, "thread_hold", now_ns);
  if (rest !== null) return rests(rest, "a thread hold was tried and did not work");
  const held = held_threads(state.containments, cgroup_id);
  return held < HELD_THREADS_MAX ? null : `${held} of its threads are held, and it still grows`;
}

/**
 * The rungs for what queues rather than runs out, by level. A freeze gives the others hardly more of a queue than a small share does, and
 * costs its target everything: it is only for what nothing is known to depend on.
 */
function plan_queue(
  assessment: Assessment,
  level: Level,
  harm: Harm,
  culprit: Culprit,
  state: DecisionState,
  config: DecisionConfig,
  now_ns: number,
): Plan {
  const { path } = culprit;
  const choices = queue_choices(level, assessment.dominant_resource === "io", is_expendable(path, config.prefer));
  const refused: { rung: Rung; unmet: Unmet }[] = [];
  const setting = choices.find(({ rung }) => {
    const unmet = unmet_by_path(
      path,
      rung === "freeze" ? "freeze" : rung === "cpu_weight" ? "weight" : "limit",
      config,
    );
    if (unmet !== null) refused.push({ rung, unmet });
    return unmet === null;
  });
  if (setting === undefined) return nothing(`${path} is not limited: ${not_met(refused[0]!.unmet)}`);
  const rest = rest_of(state, culprit.cgroup_id, setting.rung, now_ns);
  if (rest !== null) return nothing(just_ended(rest));
  const target: Target = { cgroup_id: culprit.cgroup_id, path, pid: null, tid: null, comm: null };
  const reason = `level ${level}: ${path} changed most in ${assessment.dominant_resource}`;
  const before = state.rests.findLast(
    ({ cgroup_id, rung }) => cgroup_id === culprit.cgroup_id && rung === setting.rung,
  );
  const next_probe_s = before?.again?.hold_s ?? QUEUE_HOLD_S;
  const known = harm.witness === "stall" && harm.value !== null ? { harm_before: harm.value } : {};
  const begun = start(target, setting, reason, { next_probe_s, ...known }, state, null, now_ns);
  const [first] = refused;
  return first === undefined ? begun : instead_of(begun, first.rung, first.unmet);
}

/** Hardest first, of what the level allows. */
function queue_choices(level: Level, io: boolean, expendable: boolean): readonly Setting[] {
  const weight: Setting = { rung: "cpu_weight", weight: 10 };
  const freeze: readonly Setting[] = level >= 4 && expendable ? [{ rung: "freeze", frozen: true }] : [];
  if (io) return [...freeze, { rung: "io_max", bytes_per_s: (level >= 4 ? 2 : 8) * 1048576 }];
  if (level < 3) return [weight];
  return [...freeze, { rung: "cpu_max", quota_us: level >= 4 ? 10_000 : 20_000, period_us: 100_000 }, weight];
}

function target_of(culprit: Culprit): Target {
  return { cgroup_id: culprit.cgroup_id, path: culprit.path, pid: culprit.pid, tid: culprit.tid, comm: culprit.comm };
}

function start(
  target: Target,
  setting: Setting,
  reason: string,
  known: Partial<ContainmentState>,
  state: DecisionState,
  config: DecisionConfig | null,
  now_ns: number,
): Plan {
  const id = `c${state.next_id}`;
  const containment: ContainmentState = {
    onset_ns: now_ns,
    memory_at_onset_bytes: 0,
    headroom_at_onset_bytes: 0,
    slope_before_bytes_per_s: 0,
    slope_tail_bytes_per_s: 0,
    high_bytes: 0,
    aims: false,
    ...known,
    id,
    rung: setting.rung,
    target,
    applied_ns: now_ns,
    phase: "touch",
    phase_since_ns: now_ns,
    attempts: 0,
    rest_pace_per_s: null,
    next_probe_s: config?.hold.probe_first_s ?? known.next_probe_s ?? 0,
    memory_at_dose_bytes: 0,
    quiet_doses: 0,
    quiet_since_ns: null,
    judged: false,
  };
  return { action: { id, verb: "apply", target, setting, reason }, containment, inaction: "", search_first: false };
}
