import type { Assessment, GrowthAssessment } from "../model/assessment.ts";
import type { Excuse, Harm } from "../model/decision.ts";
import type { Maybe } from "../model/sample.ts";
import type { DecisionConfig } from "./config.ts";
import { type Evidence, excused, ttf_s, weigh } from "./evidence.ts";
import { comes_from_outside } from "./inbound.ts";
import { node_slope, small_part_of_node } from "./node_share.ts";
import { average_stall, harm_from_outside, STALL_RESOURCES, type StallResource, stall_bound } from "./outside_stall.ts";
import { protection } from "./protect.ts";
import { waits_for_us } from "./queue.ts";
import { left_alone } from "./release.ts";
import { type DecisionState, is_answered, type KnownExcuse, type OutsideStall, type StalledBy } from "./state.ts";
import { comes_before, type Found, whom_to_answer } from "./whom.ts";

/**
 * How long stalls must last to count, by resource: queues come and go, and a backup that fills the page cache makes everybody reclaim for
 * some seconds, until the kernel takes it back from the backup. What runs out is met by its own witness, long before. The node's share is taken over
 * 100 ms and the leader's own over 300: for that long, a leader that begins to stall itself looks as if others did.
 */
const STALL_SUSTAINED_S = { memory: 4, io: 2, cpu: 2 } as const;

/** The second witness, and what the state must carry to the next beat. */
export interface HarmFinding {
  readonly harm: Harm;
  /** The growth to answer for a TTF witness: the most urgent one, of a cgroup rather than of the node; null for other witnesses. */
  readonly growth: GrowthAssessment | null;
  /** When stalls beyond tail and floor began, and on which resource; carried in the state. */
  readonly stalled_since_ns: number | null;
  readonly stalled_by: Maybe<StalledBy>;
  /** What load from outside does to the node; carried in the state. */
  readonly outside_stall: OutsideStall | null;
  /** Growths left alone; carried in the state. */
  readonly excused: readonly KnownExcuse[];
}

export const NO_HARM: Harm = {
  present: false,
  witness: "none",
  value: null,
  bound: null,
  unit: "",
  evidence: "none",
  because: [],
};

/**
 * The share of time in which others than the cgroup that changed most stall on a resource: the node's share less that
 * cgroup's own. Where both stall at once this counts too little, and where the own share is unknown it is 0: a backup
 * that waits for its own disk must never pass for harm.
 */
export function stall_of_others(assessment: Assessment, resource: StallResource): number {
  const own = assessment.leader_stall;
  const leader = assessment.changes[0];
  const share = assessment.stall[resource];
  if (share === null || own === null || own.cgroup_id !== leader?.cgroup_id) return 0;
  const suffered = own[resource];
  return suffered === null ? 0 : Math.max(0, share - suffered);
}

/**
 * Nobody but perhaps the cgroup that changed most stalls beyond tail and floor, whatever is not known: where its own share is not,
 * all of the node's is taken for the others'.
 */
export function nobody_stalls(assessment: Assessment, config: DecisionConfig): boolean {
  const { leader_stall: own, changes, stall } = assessment;
  const known = own !== null && own.cgroup_id === changes[0]?.cgroup_id ? own : null;
  return STALL_RESOURCES.every(
    (each) => (stall[each] ?? 0) - (known?.[each] ?? 0) <= stall_bound(assessment, config, each),
  );
}

/** What a stall witness is measured in. */
export function stall_unit(resource: StallResource): string {
  return `share of time others stall on ${resource}`;
}

const NONE_EXCUSED: readonly KnownExcuse[] = [];
const NOTHING_FOUND: HarmFinding = {
  harm: NO_HARM,
  growth: null,
  stalled_since_ns: null,
  stalled_by: null,
  outside_stall: null,
  excused: NONE_EXCUSED,
};
/** An excuse is believed for so long after it was last seen: what is read of a process flickers with the windows it is read over. */
const EXCUSED_S = 1;

/** The resources on which others stall beyond the learned tail and the floor, each with when that began: a stall on one is no part of a stall on another. */
function stalled_resources(
  assessment: Assessment,
  { containments, stalled_by, stalled_since_ns }: DecisionState,
  config: DecisionConfig,
  now_ns: number,
): Maybe<StalledBy> {
  const leader_id = assessment.changes[0]?.cgroup_id ?? null;
  const before = stalled_by ?? null;
  let stalled: Maybe<Partial<Record<StallResource, number>>> = null;
  for (const resource of STALL_RESOURCES) {
    const share = stall_of_others(assessment, resource);
    if (share <= stall_bound(assessment, config, resource)) continue;
    if (waits_for_us(containments, resource, leader_id)) continue;
    stalled ??= {};
    stalled[resource] = (before === null ? stalled_since_ns : before[resource]) ?? now_ns;
  }
  return stalled;
}

/** The harm of the worst stall that has lasted for its time; null where none has. */
function harm_of_stall(
  assessment: Assessment,
  stalled: Maybe<StalledBy>,
  config: DecisionConfig,
  now_ns: number,
): Harm | null {
  let worst: { readonly resource: StallResource; readonly lasted_s: number } | null = null;
  let most = 0;
  for (const resource of STALL_RESOURCES) {
    const since_ns = stalled?.[resource];
    if (since_ns === undefined || now_ns - since_ns < STALL_SUSTAINED_S[resource] * 1e9) continue;
    const share = stall_of_others(assessment, resource);
    if (share <= most) continue;
    worst = { resource, lasted_s: (now_ns - since_ns) / 1e9 };
    most = share;
  }
  if (worst === null) return null;
  const { resource, lasted_s } = worst;
  return {
    present: true,
    witness: "stall",
    value: most,
    bound: stall_bound(assessment, config, resource),
    unit: stall_unit(resource),
    evidence: "strong",
    because: [`others have been stalled on ${resource} for ${lasted_s.toFixed(1)} s`],
  };
}

/** What is weighed of a growth, unless it is left alone: for a reason seen now, or a moment ago while there is time to wait. */
function with_excuse(
  growth: GrowthAssessment,
  weighed: Evidence,
  of_node: number,
  state: DecisionState,
  config: DecisionConfig,
  now_ns: number,
): Evidence {
  if (weighed.strength === "none") return weighed;
  const bystander = small_part_of_node(growth, of_node);
  if (bystander !== null) return excused(bystander, null);
  const before = state.excused?.find((one) => one.cgroup_id === growth.cgroup_id && one.until_ns > now_ns);
  const waits = before !== undefined && ttf_s(growth) > config.act.reaction_reserve_s;
  return waits ? excused(before.excuse, null) : weighed;
}

/** Seen now it is believed for a while; what is only remembered is not believed for longer. */
function remembered(
  { cgroup_id }: GrowthAssessment,
  weighed: Evidence,
  excuse: Excuse,
  state: DecisionState,
  now_ns: number,
): KnownExcuse {
  const before = state.excused?.find((one) => one.cgroup_id === cgroup_id && one.until_ns > now_ns);
  const only_remembered = weighed.excuse === undefined && before?.excuse === excuse;
  return only_remembered ? before : { cgroup_id, excuse, until_ns: now_ns + EXCUSED_S * 1e9 };
}

/** The second, independent witness: does the deviation exhaust something or stall somebody? */
export function find_harm(
  assessment: Assessment,
  state: DecisionState,
  config: DecisionConfig,
  now_ns: number,
): HarmFinding {
  const outside = comes_from_outside(assessment, state, config);
  const outside_stall = average_stall(assessment, outside, state.outside_stall ?? null, config, now_ns);
  const stalled_by = outside ? null : stalled_resources(assessment, state, config, now_ns);
  if (stalled_by === null && outside_stall === null && assessment.growth.length === 0) return NOTHING_FOUND;
  const stalled_since_ns = stalled_by === null ? null : Math.min(...Object.values(stalled_by));
  const carried = { stalled_since_ns, stalled_by, outside_stall };

  let best: Found | null = null;
  let urgent: Found | null = null;
  const all: Found[] = [];
  const of_node = node_slope(assessment);
  let excuses = NONE_EXCUSED;
  for (const growth of assessment.growth) {
    const weighed = weigh(growth, assessment.search, state.runtimes, config.act, config.hold);
    if (weighed.because.length === 0) continue;
    const evidence = with_excuse(growth, weighed, of_node, state, config, now_ns);
    if (evidence.excuse !== undefined)
      excuses = [...excuses, remembered(growth, weighed, evidence.excuse, state, now_ns)];
    const answered = is_answered(state.containments, growth.cgroup_id, now_ns);
    const found = { growth, evidence, answered };
    all.push(found);
    if (best === null || comes_before(found, best)) best = found;
    if (!evidence.act) continue;
    if (urgent === null || ttf_s(growth) < ttf_s(urgent.growth)) urgent = found;
  }
  if (best !== null && urgent !== null) {
    // How bad it is, the first to run out says, also where it is answered already; whom to answer is another question.
    const { strength, because } = urgent.evidence;
    const harm: Harm = {
      present: true,
      witness: "ttf",
      value: ttf_s(urgent.growth),
      bound: strength === "strong" ? config.act.ttf_horizon_s : config.act.reaction_reserve_s,
      unit: "s",
      evidence: strength,
      because,
    };
    const may = (one: GrowthAssessment) =>
      protection(one.path, config.own_path, config.protect) === null &&
      left_alone(state, { ...harm, value: ttf_s(one) }, one, config, now_ns) === null;
    const searched_id = assessment.search?.cgroup_id ?? null;
    // Whose next rung rests is not waited for by others.
    const rests = state.rests.some(({ cgroup_id, until_ns }) => cgroup_id === searched_id && until_ns > now_ns);
    const { growth } = whom_to_answer(all, best, may, rests ? null : searched_id);
    return { harm, growth, ...carried, excused: excuses };
  }

  const waited = harm_of_stall(assessment, stalled_by, config, now_ns);
  if (waited !== null) return { harm: waited, growth: null, ...carried, excused: excuses };
  const flooded = harm_from_outside(assessment, outside_stall, config, now_ns);
  if (flooded !== null) return { harm: flooded, growth: null, ...carried, excused: excuses };
  if (best === null) return { harm: NO_HARM, growth: null, ...carried, excused: excuses };
  const ttf = ttf_s(best.growth);
  const harm: Harm = {
    ...NO_HARM,
    value: Number.isFinite(ttf) ? ttf : null,
    bound: best.evidence.strength === "weak" ? config.act.reaction_reserve_s : config.act.ttf_horizon_s,
    unit: "s",
    evidence: best.evidence.strength,
    because: best.evidence.because,
    ...(best.evidence.excuse === undefined ? {} : { excuse: best.evidence.excuse }),
  };
  return { harm, growth: best.growth, ...carried, excused: excuses };
}
