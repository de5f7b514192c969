import type { Action, ContainmentObservation, Rung, Setting } from "../model/containment.ts";
import type { Harm, Verdict } from "../model/decision.ts";
import type { Maybe } from "../model/sample.ts";
import type { ContainmentState, Rest } from "./state.ts";
import { ended_by_itself, type Step } from "./step.ts";

/** Queue rungs (cpu, io, freeze) are lifted after this long: if the harm is back, they are applied anew, each time for twice as long. */
export const QUEUE_HOLD_S = 10;
const QUEUE_HOLD_MAX_S = 60;
/** A remedy that helped is remembered for so long after it was lifted. */
const REMEMBERED_S = 60;
/** Rungs that take a share of a queue from somebody, and which. */
const SHARES: Partial<Record<Rung, "cpu" | "io">> = { cpu_weight: "cpu", cpu_max: "cpu", io_max: "io" };
/** The stall of others looks back on the time before for a while; then it says whether a queue rung helped them. */
const JUDGED_AFTER_S = 3;
/** Of the stall it answered: with more of it left it did nothing, with less than the other it did help. */
const NO_LESS = 0.8;
const EASED = 0.5;
/** A stall comes and goes: only so long without one is an end of it. */
const CALM_S = 1;

/** What a queue rung is judged by. */
export interface QueueSituation {
  readonly harm: Harm;
  /** Nobody but perhaps who changed most stalls beyond tail and floor at this beat. */
  readonly calm: boolean;
  /** The cgroup that changed most; null when none did. */
  readonly leader_id: Maybe<number>;
}

/** How long a queue rung is left on before it is lifted to look; of older records, which do not say, the first time. */
export function queue_hold_s({ next_probe_s }: ContainmentState): number {
  return next_probe_s > 0 ? next_probe_s : QUEUE_HOLD_S;
}

/** A share taken from the wrong one calls for the next rung, and proves nothing against the node; a freezer that failed does. */
export function is_share(rung: Rung): boolean {
  return SHARES[rung] !== undefined;
}

/** Whoever was given less of a queue waits in it: while that is so, a stall there that another one leads says nothing of that one. */
export function waits_for_us(live: readonly ContainmentState[], resource: string, leader_id: Maybe<number>): boolean {
  return live.some(({ rung, target }) => SHARES[rung] === resource && target.cgroup_id !== leader_id);
}

/** What was lifted to look, and had helped, is put on for longer if the harm comes back. Null for everything else. */
export function put_on_again(
  live: ContainmentState,
  verdicts: readonly Verdict[],
  rests_until_ns: number,
): NonNullable<Rest["again"]> | null {
  const is_queue_rung = is_share(live.rung) || live.rung === "freeze";
  if (!is_queue_rung || !live.judged || !verdicts.some(({ verdict }) => verdict === "expired")) return null;
  return {
    hold_s: Math.min(QUEUE_HOLD_MAX_S, 2 * queue_hold_s(live)),
    known_until_ns: rests_until_ns + REMEMBERED_S * 1e9,
  };
}

/** One beat of a queue rung. @param gone what to say when its cgroup has ended */
export function step_queue(
  state: ContainmentState,
  seen: ContainmentObservation,
  setting: Setting,
  situation: QueueSituation,
  gone: string,
  now_ns: number,
): Step {
  const over = ended_by_itself(state, seen, setting, gone);
  if (over !== null) return over;
  const lasted_s = (now_ns - state.applied_ns) / 1e9;
  const quiet_since_ns = situation.calm ? (state.quiet_since_ns ?? now_ns) : null;
  const next = { ...state, quiet_since_ns };
  if (is_to_be_judged(state, seen) && lasted_s >= JUDGED_AFTER_S) {
    const verdict = judge_queue(next, situation, lasted_s, now_ns);
    if (verdict?.verdict === "effective") {
      return { next: { ...next, judged: true }, actions: [], verdicts: [verdict], failed: false };
    }
    if (verdict !== null) return end(state, setting, verdict, true);
  }
  if (lasted_s < queue_hold_s(state)) return { next, actions: [], verdicts: [], failed: false };
  const detail = `lifted after ${queue_hold_s(state)} s to see whether the harm is still there`;
  return end(state, setting, { id: state.id, verdict: "expired", detail }, false);
}

/** A recording motor did nothing (in older records: one without a slope); and records that do not say how long it stays on are of before it was judged. */
function is_to_be_judged({ judged, next_probe_s }: ContainmentState, seen: ContainmentObservation): boolean {
  return !judged && next_probe_s > 0 && (seen.verifiable ?? seen.slope_bytes_per_s !== null);
}

/**
 * Do the others still stall? Then it was too little, where its cgroup still leads: it is taken back, and the next rung may answer. Where another
 * one leads, or the stall comes and goes, nothing is said of it, and it is lifted in its time.
 */
function judge_queue(
  { id, target, quiet_since_ns, harm_before }: ContainmentState,
  { harm, leader_id }: QueueSituation,
  lasted_s: number,
  now_ns: number,
): Verdict | null {
  const after = `${lasted_s.toFixed(0)} s later`;
  if (quiet_since_ns !== null) {
    const calm = now_ns - quiet_since_ns >= CALM_S * 1e9;
    return calm ? { id, verdict: "effective", detail: `nobody stalls any more, ${after}` } : null;
  }
  if (!harm.present || harm.witness !== "stall" || leader_id !== target.cgroup_id) return null;
  const left = (harm.value ?? 0) / (harm_before ?? harm.value ?? 1);
  if (left <= EASED) {
    const eased = `${percent(harm_before)} → ${percent(harm.value)}`;
    return { id, verdict: "effective", detail: `others stall less, ${after} (${eased})` };
  }
  if (left <= NO_LESS) return null;
  const share = `${percent(harm.value)} against ${percent(harm.bound)}`;
  return { id, verdict: "no_effect", detail: `others still stall ${after} (${share})` };
}

function percent(share: Maybe<number> | undefined): string {
  return `${(100 * (share ?? 0)).toFixed(0)} %`;
}

function end(state: ContainmentState, setting: Setting, verdict: Verdict, failed: boolean): Step {
  const { id, target } = state;
  const release: Action = { id, verb: "release", target, setting, reason: verdict.detail };
  return { next: null, actions: [release], verdicts: [verdict], failed };
}
