import type { Assessment, GrowthAssessment } from "../model/assessment.ts";
import type { Action, ContainmentObservation, Setting, SwapObservation } from "../model/containment.ts";
import type { Harm, Verdict } from "../model/decision.ts";
import type { Maybe } from "../model/sample.ts";
import type { DecisionConfig } from "./config.ts";
import { binds } from "./governor.ts";
import { stall_unit } from "./harm.ts";
import { left_alone } from "./release.ts";
import type { ContainmentState, DecisionState } from "./state.ts";
import { ended_by_itself, type Step } from "./step.ts";

/** Asked for so long before the ceiling binds, at the present slope: switching a swap area on takes the kernel a moment. */
const LEAD_S = 3;
/** A cgroup that may swap this much without us needs nothing. */
const ROOM_BYTES = 64 * 1048576;
/** Of the area; the rest is for what others have in it, and for the kernel's clusters. */
const USABLE = 0.95;
/** The effect is judged after the ceiling has bound for so long: by then something lies in it, or nothing ever will. */
const JUDGE_S = 10;
const NOTHING_BYTES = 4 * 1048576;
/** The cgroup that stalls this share of its time is not served by the reserve. */
const STALLED = 0.5;
const PAGE = 4096;

const mib = (bytes: number) => (bytes / 1048576).toFixed(0);

/**
 * A governed cgroup is about to meet its ceiling and has nowhere to put what it does not use: then it gets the reserve. Null: there is
 * none, nobody needs it, it was of no use, or an operator took it away.
 *
 * @param next_id number of the next containment: others may begin at the same beat
 */
export function plan_reserve(
  assessment: Assessment,
  state: DecisionState,
  harm: Harm,
  next_id: number,
  config: DecisionConfig,
  now_ns: number,
): Maybe<{ readonly action: Action; readonly containment: ContainmentState }> {
  const { reserve } = config;
  if (reserve === undefined) return null;
  for (const governed of state.containments) {
    if (governed.rung !== "memory_governor") continue;
    const { cgroup_id } = governed.target;
    const same = (each: { readonly rung: string }) => each.rung === "swap_reserve";
    if (state.containments.some((live) => same(live) && live.target.cgroup_id === cgroup_id)) continue;
    if (state.rests.some((rest) => same(rest) && rest.cgroup_id === cgroup_id && rest.until_ns > now_ns)) continue;
    if (left_alone(state, harm, governed.target, config, now_ns) !== null) continue;
    const seen = assessment.containments.find((each) => each.id === governed.id);
    const swap = seen?.swap ?? null;
    if (seen === undefined || swap === null || !nears(governed, seen, config)) continue;
    if (room_of(swap) >= ROOM_BYTES) continue;
    return begin(governed, swap, usable_bytes(reserve.size_bytes), next_id, now_ns);
  }
  return null;
}

/**
 * What is left of the reserve is headroom of whoever draws on it: a governed cgroup whose memory comes and goes in the rhythm of the kernel's
 * reclaim is not two seconds from its end. The same assessment where nobody does.
 */
export function with_reserve(assessment: Assessment, state: DecisionState): Assessment {
  if (assessment.growth.length === 0 || !state.containments.some(({ rung }) => rung === "swap_reserve"))
    return assessment;
  const room = new Map<number, number>();
  for (const live of state.containments) {
    const swap = assessment.containments.find(({ id }) => id === live.id)?.swap ?? null;
    if (live.rung === "swap_reserve" && swap !== null) room.set(live.target.cgroup_id, Math.max(0, room_of(swap)));
  }
  return {
    ...assessment,
    growth: assessment.growth.map((growth) => extended(growth, room.get(growth.cgroup_id) ?? 0)),
  };
}

function extended(growth: GrowthAssessment, room_bytes: number): GrowthAssessment {
  const { ttf } = growth;
  const headroom_bytes = ttf.headroom_bytes + room_bytes;
  const later = (time_s: Maybe<number>) => (time_s === null ? null : time_s + room_bytes / growth.slope_bytes_per_s);
  if (room_bytes === 0 || growth.slope_bytes_per_s <= 0) return growth;
  const ttf_s = later(ttf.ttf_s);
  return { ...growth, ttf: { ...ttf, headroom_bytes, ttf_s, ttf_accelerated_s: later(ttf.ttf_accelerated_s) } };
}

function usable_bytes(size_bytes: number): number {
  return Math.floor((size_bytes * USABLE) / PAGE) * PAGE;
}

function room_of({ used_bytes, max_bytes, node_free_bytes }: SwapObservation): number {
  return Math.min(max_bytes === null ? Number.POSITIVE_INFINITY : max_bytes - used_bytes, node_free_bytes);
}

function nears(governed: ContainmentState, seen: ContainmentObservation, config: DecisionConfig): boolean {
  const usage = seen.memory_bytes;
  if (usage === null) return false;
  if (binds(governed.high_bytes, usage, config.governor)) return true;
  return governed.high_bytes - usage < LEAD_S * Math.max(0, seen.slope_bytes_per_s ?? 0);
}

function begin(governed: ContainmentState, swap: SwapObservation, size_bytes: number, next_id: number, now_ns: number) {
  const id = `c${next_id}`;
  const swap_max_bytes = swap.used_bytes + size_bytes;
  const setting: Setting = { rung: "swap_reserve", swap_max_bytes };
  const reason = `the ceiling of ${mib(governed.high_bytes)} MiB is near and there is no swap: up to ${mib(size_bytes)} MiB may go to the reserve`;
  const containment: ContainmentState = {
    ...governed,
    id,
    rung: "swap_reserve",
    applied_ns: now_ns,
    phase_since_ns: now_ns,
    quiet_since_ns: null,
    judged: false,
    high_bytes: swap_max_bytes,
    memory_at_dose_bytes: swap.used_bytes,
  };
  return { action: { id, verb: "apply", target: governed.target, setting, reason } as const, containment };
}

/** What the reserve of one cgroup is judged by. */
export interface ReserveSituation {
  readonly harm: Harm;
  /** The governor of the same cgroup; the reserve is of no use without. */
  readonly governed: ContainmentState | undefined;
}

/** One beat of the reserve: it stays as long as the governor, and is closed where others wait for the disk because of it. */
export function step_reserve(
  state: ContainmentState,
  seen: ContainmentObservation,
  { harm, governed }: ReserveSituation,
  config: DecisionConfig,
  now_ns: number,
): Step {
  const setting = (swap_max_bytes: number): Setting => ({ rung: "swap_reserve", swap_max_bytes });
  const over = ended_by_itself(state, seen, setting(state.high_bytes), "its cgroup is gone");
  if (over !== null) return over;
  if (governed === undefined) {
    const detail = "the governor has let go";
    const verdicts = [{ id: state.id, verdict: "expired", detail }] as const;
    const action = {
      id: state.id,
      verb: "release",
      target: state.target,
      setting: setting(state.high_bytes),
      reason: detail,
    } as const;
    return { next: null, actions: [action], verdicts, failed: false };
  }
  const swap = seen.swap ?? null;
  if (swap === null) return { next: state, actions: [], verdicts: [], failed: false };
  if (others_wait_for_disk(harm)) return close_for_others(state, swap, harm);
  return judge(state, seen, swap, governed, config, now_ns);
}

function others_wait_for_disk(harm: Harm): boolean {
  return harm.present && harm.witness === "stall" && harm.unit === stall_unit("io");
}

/** Nothing more goes in; what lies in it stays readable. Not opened again: the governor slows the growth down instead. */
function close_for_others(state: ContainmentState, swap: SwapObservation, harm: Harm): Step {
  const swap_max_bytes = Math.floor(swap.used_bytes / PAGE) * PAGE;
  if (state.high_bytes <= swap_max_bytes) return { next: state, actions: [], verdicts: [], failed: false };
  const detail = `${harm.because.join("; ")}: nothing more goes to the reserve, ${mib(swap.used_bytes)} MiB lie in it`;
  const action: Action = {
    id: state.id,
    verb: "adjust",
    target: state.target,
    setting: { rung: "swap_reserve", swap_max_bytes },
    reason: detail,
  };
  const verdicts = [{ id: state.id, verdict: "harmful", detail }] as const;
  return { next: { ...state, high_bytes: swap_max_bytes, judged: true }, actions: [action], verdicts, failed: false };
}

/** Once: does what is not used go there, and does the service run on? */
function judge(
  state: ContainmentState,
  seen: ContainmentObservation,
  swap: SwapObservation,
  governed: ContainmentState,
  config: DecisionConfig,
  now_ns: number,
): Step {
  const bound = seen.memory_bytes !== null && binds(governed.high_bytes, seen.memory_bytes, config.governor);
  const since_ns = bound ? (state.quiet_since_ns ?? now_ns) : state.quiet_since_ns;
  const next = { ...state, quiet_since_ns: since_ns };
  const none: readonly Verdict[] = [];
  // A dry run pushes nothing out, so nothing is known of it: it has no slope either.
  const blind = seen.slope_bytes_per_s === null;
  if (blind || state.judged || since_ns === null || now_ns - since_ns < JUDGE_S * 1e9) {
    return { next, actions: [], verdicts: none, failed: false };
  }
  const taken = swap.used_bytes - state.memory_at_dose_bytes;
  const stall = seen.stall_full;
  const stalled = stall === null ? "" : `, the cgroup stalls ${(stall * 100).toFixed(0)} % of its time`;
  const detail = `${mib(taken)} MiB went to the reserve in ${JUDGE_S} s at the ceiling${stalled}`;
  if (taken >= NOTHING_BYTES) {
    const verdict = stall !== null && stall > STALLED ? "no_effect" : "effective";
    return {
      next: { ...next, judged: true },
      actions: [],
      verdicts: [{ id: state.id, verdict, detail }],
      failed: false,
    };
  }
  const setting: Setting = { rung: "swap_reserve", swap_max_bytes: state.high_bytes };
  const action: Action = { id: state.id, verb: "release", target: state.target, setting, reason: detail };
  return { next: null, actions: [action], verdicts: [{ id: state.id, verdict: "no_effect", detail }], failed: true };
}
