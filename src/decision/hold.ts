import type { Action, ContainmentObservation, Setting } from "../model/containment.ts";
import type { Verdict } from "../model/decision.ts";
import type { ActConfig, HoldConfig } from "./config.ts";
import { LEAST_PER_S, type Witness } from "./liveness.ts";
import {
  awake,
  beside_held,
  expected_of,
  lulled,
  present_of,
  rest_is_back,
  rest_is_known,
  rest_is_stuck,
  rest_stalls,
} from "./rest.ts";
import type { ContainmentState, HoldPhase } from "./state.ts";
import { ended_by_itself, type Step } from "./step.ts";

const mib = (bytes: number) => `${(bytes / 1048576).toFixed(1)} MiB`;
/** A hold that went well for so long has used up none of its attempts. */
const ATTEMPTS_FORGIVEN_S = 5;
/** So long a sleeping moment is waited for. */
const AIM_MAX_S = 0.3;
/** The first look at a held thread; too short for a leak to gain much, long enough to see a backlog. */
const PULSE_MS = 1;
const PULSE_QUIET_BYTES = 256 * 1024;
/** However dear a look was, another one follows after so long. */
const PROBE_LAST_S = 600;
/** A quiet pulse may mean that the thread found no CPU in it: in the lab 10 of 127 at a leak were quiet, and once two in a row. */
const QUIET_PULSES = 3;
/** The usage after a pulse is known this much later. */
const PULSE_SEEN_AFTER_S = 0.05;
/** A thread that woke others so often while it was watched fights with them over a lock, or hands them work. */
const SHARES_WAKES = 20;
/** Over time, looking at a leak may let it grow by this part of what it grew by itself. */
const PROBE_COST = 0.01;
/** In the lab it took about 2 s (1.1 to 2.7) until such a thread was caught without the lock again: its first look is paid for after this. */
export const FIRST_SHARED_LOOK_S = 2 / PROBE_COST;
/** A thread that was stopped works off what it missed, and sleeps only with the lock until then: each further miss lets it run twice as long. */
const PATIENCE_S = 0.2;
const PATIENCE_MAX_S = 0.8;
/** For the same reason a look at it lasts at least so long: caught sooner it would be caught with the lock. */
const AIMED_DOSE_S = 0.4;
/** A touch waits this long at most for the pace of the rest to become measurable. */
const TOUCH_MAX_S = 0.5;
/** After a thaw for others' sake the rest is given this long to move again; its pace then says who was to blame. */
const RECOVERY_MAX_S = 0.5;
/** … and so long where they are still seen to wait for its lock: that is never for want of load. In the lab it took up to 2.5 s. */
const STUCK_MAX_S = 10;
/** … and so long where they do nothing at all. */
const IDLE_MIN_S = 2;
/** A hold that was tried and seen to bite is flat at once, so it can afford to come this late. */
const PROVEN_RESERVE_S = 1.5;
/** Thawed while nobody works beside it, and not growing for so long: whatever it was is over. */
const LULL_MAX_S = 10;
/** While frozen the slope estimate still looks back this far. */
const SLOPE_SETTLES_S = 0.5;
/** So long the verdict waits for peers so slow that a standstill would not show before. */
const KNOWN_MAX_S = 1.2;
/** The slope of the node looks back this far. */
const NODE_SETTLES_S = 3;
/** Of the growth before, what goes on beside a held thread that did not carry it. */
const REST_GROWS = 0.5;
/** The requests in flight take and give this much at any moment. */
const IN_FLIGHT_BYTES = 4 * 1048576;

function frozen(value: boolean): Setting {
  return { rung: "thread_hold", frozen: value };
}

function adjust(state: ContainmentState, setting: Setting, reason: string): Action {
  return { id: state.id, verb: "adjust", target: state.target, setting, reason };
}

function to_phase({ touched: _, ...state }: ContainmentState, phase: HoldPhase, now_ns: number): ContainmentState {
  return { ...state, phase, phase_since_ns: now_ns, quiet_since_ns: null };
}

function end(state: ContainmentState, verdict: Verdict["verdict"], detail: string, failed: boolean): Step {
  const release: Action = {
    id: state.id,
    verb: "release",
    target: state.target,
    setting: frozen(false),
    reason: detail,
  };
  return { next: null, actions: [release], verdicts: [{ id: state.id, verdict, detail }], failed };
}

function keep(next: ContainmentState, actions: readonly Action[] = [], verdicts: readonly Verdict[] = []): Step {
  return { next, actions, verdicts, failed: false };
}

/** A thread that was caught with a lock before is frozen while it sleeps; one that never sleeps is not waited for. */
function good_moment(state: ContainmentState, seen: ContainmentObservation, overdue_s: number): boolean {
  return !state.aims || seen.asleep !== false || overdue_s >= AIM_MAX_S;
}

/** What is known beside the hold. */
export interface Beside {
  /** Another hold of the cgroup is not judged yet: what this thread would gain while it is looked at would be taken for the other's failure. */
  readonly judging?: boolean;
  /** How fast the node runs out of memory, bytes/s; absent where it is not known. */
  readonly node_slope_bytes_per_s?: number;
}

/**
 * One beat of a thread hold (docs/CONTAINMENT.md):
 * touch (a trial of ~100 ms, longer while the rest grows on: does it bite, does the rest live?) → probation (it runs; a
 * growth that stops by itself is let go) → hold ⇄ dose (thawed in small doses, ever more rarely, to see whether it still grows).
 * From every frozen phase a stalled rest thaws it at once, and it is caught again at another moment.
 */
export function step_hold(
  before: ContainmentState,
  seen: ContainmentObservation,
  config: HoldConfig,
  act: ActConfig,
  now_ns: number,
  beside: Beside = {},
): Step {
  const over = ended_by_itself(before, seen, frozen(false), "the thread or its cgroup is gone");
  if (over !== null) return over;
  const needless = no_longer_needed(before, seen, act);
  if (needless !== null) return end(before, "would_have_stopped", needless, false);
  const state = awake(before, seen, now_ns);
  const in_phase_s = (now_ns - state.phase_since_ns) / 1e9;
  const slope = seen.slope_bytes_per_s;
  const memory = seen.memory_bytes ?? state.memory_at_onset_bytes;

  switch (state.phase) {
    case "touch":
    case "hold": {
      if (seen.frozen !== true && in_phase_s < config.touch_s * 4) return keep(state);
      const stalled = rest_stalls(state, seen, config);
      if (stalled !== null) return thaw_for_the_rest(state, seen, stalled, now_ns);
      if (state.phase === "hold") return step_frozen(state, seen, in_phase_s, memory, config, now_ns, beside);
      const touching = seen.frozen === true ? seen_to_hold(state, memory, now_ns) : state;
      const unknown = !rest_is_known(state, seen) && in_phase_s < TOUCH_MAX_S;
      if (in_phase_s < config.touch_s || unknown) return keep(touching);
      const growing = growth_beside(touching, memory, now_ns);
      // Where no slope is seen, nothing was frozen: a recording motor can show no effect, nor the want of one.
      if (growing !== null && slope !== null) {
        return growing.held_s < SLOPE_SETTLES_S ? keep(touching) : end(state, "no_effect", growing.figures, true);
      }
      if (must_hold(state, seen, config, act, now_ns)) return keep(to_phase(with_care(state, seen), "hold", now_ns));
      const why = "the trial hold bites and the rest works: now see whether the growth stops by itself";
      return keep(to_phase(state, "probation", now_ns), [adjust(state, frozen(false), why)]);
    }
    case "missed": {
      return step_missed(state, seen, config, act, now_ns);
    }
    case "probation": {
      const stopped =
        slope !== null && slope < Math.max(state.slope_tail_bytes_per_s, 0.2 * state.slope_before_bytes_per_s);
      const quiet_since_ns = stopped ? (state.quiet_since_ns ?? now_ns) : null;
      if (quiet_since_ns !== null && now_ns - quiet_since_ns >= act.sustained_s * 1e9) {
        const detail = `the growth stopped by itself after ${mib(memory - state.memory_at_onset_bytes)}`;
        return end(state, "would_have_stopped", detail, false);
      }
      const over_s = (now_ns - state.onset_ns) / 1e9 - config.probation_s;
      // Before its time is over only want of memory ends it, and that waits for no good moment.
      const overdue_s = over_s < 0 ? Number.POSITIVE_INFINITY : over_s;
      if (!must_hold(state, seen, config, act, now_ns) || !good_moment(state, seen, overdue_s)) {
        return keep({ ...state, quiet_since_ns });
      }
      const why = `still growing ${((now_ns - state.onset_ns) / 1e9).toFixed(1)} s after its onset, ${mib(memory - state.memory_at_onset_bytes)} gained`;
      const next = { ...to_phase(with_care(state, seen), "hold", now_ns), judged: false };
      const care = next.aims && !state.aims ? `; it woke others ${seen.wakes} times, so a look at it will be rare` : "";
      return keep(next, [adjust(state, frozen(true), `${why}${care}`)]);
    }
    case "pulse":
      return in_phase_s < PULSE_SEEN_AFTER_S ? keep(state) : step_pulse(state, memory, config, now_ns);
    case "dose":
      return step_dose(state, seen, memory, in_phase_s, config, act, now_ns);
  }
}

/** Why the growth would end by itself, seen while the thread is held; null where nothing says so. */
function no_longer_needed(state: ContainmentState, seen: ContainmentObservation, act: ActConfig): string | null {
  if ((state.forks ?? 0) > 0 && seen.forks === 0)
    return "the process that was forked from it has ended: no page is copied any more";
  const { bounds, headroom_bytes, memory_bytes } = seen;
  const given_back = memory_bytes !== null && memory_bytes < state.memory_at_onset_bytes - IN_FLIGHT_BYTES;
  if (given_back && state.phase === "hold" && state.judged)
    return `${mib(memory_bytes)} are used, less than the ${mib(state.memory_at_onset_bytes)} before the growth: it was given back`;
  const shared = bounds?.shared_bytes ?? null;
  if (state.bounds_known === true || shared === null || headroom_bytes === null || (bounds?.forks ?? 0) === 0)
    return null;
  const reserve = state.slope_before_bytes_per_s * act.reaction_reserve_s;
  if (shared + reserve > headroom_bytes) return null;
  return `it copies pages shared with a fork, ${mib(shared)} at most: less than the ${mib(headroom_bytes)} that are left`;
}

/** What is known to share a lock is looked at as rarely as what was caught with one. */
function with_care(state: ContainmentState, seen: ContainmentObservation): ContainmentState {
  return (seen.wakes ?? 0) >= SHARES_WAKES ? { ...state, aims: true } : state;
}

/** Thawed for the sake of the rest: when it moves again the hold was to blame, when it does not its load has fallen. */
function step_missed(
  state: ContainmentState,
  seen: ContainmentObservation,
  config: HoldConfig,
  act: ActConfig,
  now_ns: number,
): Step {
  const in_phase_s = (now_ns - state.phase_since_ns) / 1e9;
  const pace = present_of(seen);
  const stalls = rest_stalls(state, seen, config) !== null;
  const is_back = rest_is_back(state, seen, config);
  const told = rest_is_known(state, seen) && (stalls || is_back);
  if (!told && in_phase_s < RECOVERY_MAX_S) return keep(state);
  const patience_s = state.attempts === 0 ? 0 : Math.min(PATIENCE_MAX_S, PATIENCE_S * 2 ** (state.attempts - 1));
  const scarce = is_scarce(state, seen, act);
  if (in_phase_s < patience_s && !scarce) return keep(state);
  // A thread that has to compete for a processor with those that wait for it takes a while to give the lock back.
  if ((stalls || !is_back) && rest_is_stuck(state, seen)) {
    if (in_phase_s < STUCK_MAX_S && !scarce) return keep(state);
    const figures = `${in_phase_s.toFixed(0)} s after it was thawed its peers still wait for something, and burn processors over it`;
    return end(state, "harmful", figures, true);
  }
  const knows_peers = expected_of(state, seen) !== null;
  const blameless = stalls || (!told && knows_peers);
  // A load rarely ends in the moment of a hold: peers that do nothing at all may only be slow to get their lock.
  if (blameless && knows_peers && pace < LEAST_PER_S && in_phase_s < IDLE_MIN_S && !scarce) return keep(state);
  // Beside a rest that does nothing (nobody asks it, or it waits for this thread to end) only a growth is worth a hold.
  if (blameless && pace < LEAST_PER_S && !scarce && !grows_on(state, seen, in_phase_s)) {
    const figures = `no growth in ${in_phase_s.toFixed(0)} s in which the thread ran`;
    return in_phase_s < LULL_MAX_S ? keep(state) : end(state, "would_have_stopped", figures, false);
  }
  if (!good_moment({ ...state, aims: true }, seen, in_phase_s - RECOVERY_MAX_S)) return keep(state);
  // What it gained until it was caught again is an answer to the look, however quiet the dose was.
  const quiet_doses = grows_on(state, seen, in_phase_s) ? 0 : state.quiet_doses;
  const known = blameless
    ? lulled(state, seen, now_ns)
    : { ...state, attempts: state.attempts + 1, aims: true, quiet_doses };
  if (known.attempts >= config.attempts) {
    return end(state, "harmful", `the rest of the service stalled in each of ${known.attempts} holds`, true);
  }
  const again = to_phase(known, must_hold(state, seen, config, act, now_ns) ? "hold" : "touch", now_ns);
  const why = blameless
    ? `the rest is as slow without the hold (${pace.toFixed(0)} steps/s): its load has fallen`
    : `hold ${known.attempts + 1}: caught at another moment`;
  return keep(again, [adjust(state, frozen(true), why)]);
}

/** It gained more since it was thawed than what requests in flight take. */
function grows_on(state: ContainmentState, seen: ContainmentObservation, in_phase_s: number): boolean {
  const grown = (seen.memory_bytes ?? 0) - (state.memory_at_thaw_bytes ?? 0);
  return grown > Math.max(IN_FLIGHT_BYTES, state.slope_tail_bytes_per_s * in_phase_s);
}

function seen_to_hold(state: ContainmentState, memory_bytes: number, now_ns: number): ContainmentState {
  return state.touched === undefined ? { ...state, touched: { since_ns: now_ns, memory_bytes } } : state;
}

/**
 * The cgroup grows on beside the thread that is held, as where every request leaks and the worker whose turn it was first is taken
 * for the one that does. Null while it does not.
 */
function growth_beside(
  { touched, slope_before_bytes_per_s: before }: ContainmentState,
  memory: number,
  now_ns: number,
): { readonly held_s: number; readonly figures: string } | null {
  if (touched === undefined) return null;
  const held_s = (now_ns - touched.since_ns) / 1e9;
  const grown = memory - touched.memory_bytes;
  if (grown <= Math.max(IN_FLIGHT_BYTES, REST_GROWS * before * held_s)) return null;
  return { held_s, figures: `slope ${mib(before)}/s → ${mib(grown / held_s)}/s: something else grows` };
}

/** Probation is over: time or headroom granted is used up, or the reserve is needed. */
function must_hold(
  state: ContainmentState,
  seen: ContainmentObservation,
  config: HoldConfig,
  act: ActConfig,
  now_ns: number,
): boolean {
  if (now_ns - state.onset_ns >= config.probation_s * 1e9) return true;
  const gained = (seen.memory_bytes ?? state.memory_at_onset_bytes) - state.memory_at_onset_bytes;
  if (gained >= config.probation_headroom * state.headroom_at_onset_bytes) return true;
  return is_scarce(state, seen, act);
}

/** No more is left than a hold that was seen to bite needs. */
function is_scarce(state: ContainmentState, seen: ContainmentObservation, act: ActConfig): boolean {
  const slope = Math.max(seen.slope_bytes_per_s ?? 0, state.slope_before_bytes_per_s);
  return (
    seen.headroom_bytes !== null && seen.headroom_bytes < slope * Math.min(PROVEN_RESERVE_S, act.reaction_reserve_s)
  );
}

function thaw_for_the_rest(
  state: ContainmentState,
  seen: ContainmentObservation,
  { now, before, unit }: Witness,
  now_ns: number,
): Step {
  const digits = unit.startsWith("cores") ? 1 : 0;
  const pace = `${now.toFixed(digits)} of ${before.toFixed(digits)} ${unit}`;
  const why = `the rest stalls (${pace}): the thread may hold a lock, thawed at once`;
  const thawed = { ...to_phase(state, "missed", now_ns), memory_at_thaw_bytes: seen.memory_bytes ?? 0 };
  return keep(thawed, [adjust(state, frozen(false), why)]);
}

function step_frozen(
  state: ContainmentState,
  seen: ContainmentObservation,
  in_phase_s: number,
  memory: number,
  config: HoldConfig,
  now_ns: number,
  beside: Beside,
): Step {
  const { slope_bytes_per_s: slope, verifiable } = seen;
  if (!state.judged && in_phase_s >= SLOPE_SETTLES_S && slope !== null) {
    const judged = judge_hold(state, seen, slope, in_phase_s, beside);
    if (judged === null) return keep(state);
    if (judged.verdict === "no_effect") return end(state, "no_effect", judged.detail, true);
    return keep({ ...beside_held(state, seen, config), judged: true }, [], [{ id: state.id, ...judged }]);
  }
  if (!state.judged && verifiable === false && in_phase_s >= config.probe_max_s) {
    return end(state, "expired", "in a dry run nothing stands still, so nothing can be verified", false);
  }
  if (state.attempts > 0 && in_phase_s >= ATTEMPTS_FORGIVEN_S) return keep({ ...state, attempts: 0 });
  if (beside.judging === true) return keep(state);
  if (state.judged && in_phase_s >= Math.max(state.next_probe_s, price_s(state, memory, config))) {
    const why = `probe after ${in_phase_s.toFixed(0)} s: does it still grow?`;
    // A thread that is frozen only asleep cannot be caught again at a set time.
    const short = state.quiet_doses < QUIET_PULSES && !state.aims;
    const next = { ...to_phase(state, short ? "pulse" : "dose", now_ns), memory_at_dose_bytes: memory };
    const setting: Setting = short ? { rung: "thread_hold", frozen: true, pulse_ms: PULSE_MS } : frozen(false);
    return keep(next, [adjust(state, setting, why)]);
  }
  return keep(state);
}

/**
 * What the hold came to, once: nothing else may grow in its cgroup, its peers must be seen to work, and where the node runs out, the node must lose
 * less. Null while that is not known.
 */
function judge_hold(
  state: ContainmentState,
  seen: ContainmentObservation,
  slope: number,
  in_phase_s: number,
  { node_slope_bytes_per_s: node }: Beside,
): Pick<Verdict, "verdict" | "detail"> | null {
  const before = state.slope_before_bytes_per_s;
  const figures = `slope ${mib(before)}/s → ${mib(slope)}/s`;
  if (slope > REST_GROWS * before) return { verdict: "no_effect", detail: `${figures}: something else grows` };
  // Older records know steps only, and were judged without waiting for them.
  const is_known = expected_of(state, seen) === null || rest_is_known(state, seen);
  if (!is_known && in_phase_s < KNOWN_MAX_S) return null;
  const of_node = state.node_slope_before_bytes_per_s;
  if (of_node === undefined || node === undefined) return { verdict: "effective", detail: figures };
  const node_figures = `the node lost ${mib(of_node)}/s, now ${mib(node)}/s`;
  if (node <= of_node - REST_GROWS * before) return { verdict: "effective", detail: `${figures}; ${node_figures}` };
  return in_phase_s < NODE_SETTLES_S ? null : { verdict: "no_effect", detail: `${figures}, but ${node_figures}` };
}

/** What a pulse let it grow: anything means that it still wants to, nothing asks for a longer look. */
function step_pulse(state: ContainmentState, memory: number, config: HoldConfig, now_ns: number): Step {
  const back = to_phase(state, "hold", now_ns);
  const grown = memory - state.memory_at_dose_bytes;
  if (grown <= PULSE_QUIET_BYTES) return keep({ ...back, quiet_doses: state.quiet_doses + 1 });
  return keep({ ...back, quiet_doses: 0, next_probe_s: next_probe(state, grown, config) });
}

/** A look may cost more than its own length: a thread that holds a lock has to be caught again and again after it. */
function price_s(state: ContainmentState, memory: number, config: HoldConfig): number {
  if (state.aims && state.memory_at_dose_bytes === 0) return FIRST_SHARED_LOOK_S;
  // One at a thread that is caught at any time costs no more than its length.
  if (!state.aims && state.next_probe_s <= config.probe_first_s) return 0;
  // What the rest grew by meanwhile is in it, too: after a quiet look that is not waited for.
  const most_s = state.quiet_doses > 0 ? config.probe_max_s : PROBE_LAST_S;
  return Math.min(most_s, affordable_after_s(state, memory - state.memory_at_dose_bytes));
}

function affordable_after_s(state: ContainmentState, grown: number): number {
  return grown / (PROBE_COST * Math.max(1, state.slope_before_bytes_per_s));
}

/** Ever more rarely while it still grows; after a look that ended late and was dear, as rarely as its price asks for. */
function next_probe(state: ContainmentState, grown: number, config: HoldConfig): number {
  const affordable_s = affordable_after_s(state, grown);
  const rarer_s = Math.min(config.probe_max_s, state.next_probe_s * 2);
  return Math.min(PROBE_LAST_S, Math.max(rarer_s, affordable_s));
}

/** A dose lasts longer each time nothing grew in it, so that a leak which ended is let go after three of them. */
function step_dose(
  state: ContainmentState,
  seen: ContainmentObservation,
  memory: number,
  in_phase_s: number,
  config: HoldConfig,
  act: ActConfig,
  now_ns: number,
): Step {
  // The pulses were the first looks; a thread that is caught only asleep had none.
  const doses = state.aims ? state.quiet_doses : state.quiet_doses - QUIET_PULSES + 1;
  const least_s = state.aims ? AIMED_DOSE_S : 0;
  const length_s = Math.max(least_s, config.probe_dose_s * 10 ** doses);
  const grown = memory - state.memory_at_dose_bytes;
  const allowed = Math.max(256 * 1024, state.slope_tail_bytes_per_s * Math.max(in_phase_s, 0.1));
  if (grown > allowed && in_phase_s < least_s && !is_scarce(state, seen, act)) return keep(state);
  if (grown > allowed && good_moment(state, seen, in_phase_s - least_s)) {
    const next_probe_s = next_probe(state, grown, config);
    const back = { ...to_phase(state, "hold", now_ns), next_probe_s, quiet_doses: 0 };
    const why = `it grew ${mib(grown)} in ${(in_phase_s * 1000).toFixed(0)} ms: held again, next probe in ${next_probe_s.toFixed(0)} s`;
    return keep(back, [adjust(state, frozen(true), why)]);
  }
  if (grown > allowed || in_phase_s < length_s) return keep(state);
  const quiet_doses = state.quiet_doses + 1;
  if (doses >= 2) {
    return end(state, "would_have_stopped", `no growth in ${quiet_doses} looks, the last of ${length_s} s`, false);
  }
  const back = { ...to_phase(state, "hold", now_ns), quiet_doses };
  return keep(back, [
    adjust(state, frozen(true), `no growth in a dose of ${(length_s * 1000).toFixed(0)} ms: a longer one follows`),
  ]);
}
