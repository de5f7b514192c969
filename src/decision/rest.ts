import type { ContainmentObservation } from "../model/containment.ts";
import type { Maybe } from "../model/sample.ts";
import type { Progress } from "../model/search.ts";
import type { HoldConfig } from "./config.ts";
import {
  are_back,
  are_stuck,
  CHANCE_SIGMA,
  LEAST_PER_S,
  most_of,
  stands_still,
  type Witness,
  would_be_missed,
} from "./liveness.ts";
import type { ContainmentState } from "./state.ts";

/** A burst is no pace. */
const AWAKE_WINDOW_S = 0.5;
/** What was lowered because the load fell is expected again after so long, each time twice as long: peers that are stuck cannot show that the load is back. */
const LULL_FIRST_S = 30;
/** Of peers that do nothing at all the first time is shorter: that is what a lock looks like, too. */
const IDLE_LULL_FIRST_S = 5;
const LULL_MAX_S = 600;

/** What is expected of the peers, in records that know their progress; null in older ones. */
export function expected_of(state: ContainmentState, seen: ContainmentObservation): Maybe<Progress> {
  return state.peers_pace ?? seen.peers_before ?? null;
}

/** Switches the earlier pace would have made in the window measured; null when that is not known. */
function expected_switches(state: ContainmentState, seen: ContainmentObservation): number | null {
  const before = state.rest_pace_per_s ?? seen.rest_steps_before_per_s;
  return before === null || seen.rest_window_s === null ? null : before * seen.rest_window_s;
}

/**
 * The peers stand still although they moved before: the held thread may own a lock they need. Counts scatter with their root, so a drop counts
 * when it is both large (below `rest_min`) and beyond chance. Null while they do not, or nothing is known.
 */
export function rest_stalls(state: ContainmentState, seen: ContainmentObservation, config: HoldConfig): Maybe<Witness> {
  const before = expected_of(state, seen);
  if (before !== null) return peers_stall(before, seen, config);
  const expected = expected_switches(state, seen);
  if (expected === null || seen.rest_steps_per_s === null || seen.rest_window_s === null) return null;
  const made = seen.rest_steps_per_s * seen.rest_window_s;
  const stalls = made < config.rest_min * expected && expected - made > CHANCE_SIGMA * Math.sqrt(expected);
  if (!stalls) return null;
  const before_per_s = state.rest_pace_per_s ?? seen.rest_steps_before_per_s ?? 0;
  return { unit: "steps/s", now: seen.rest_steps_per_s, before: before_per_s };
}

function peers_stall(before: Progress, seen: ContainmentObservation, config: HoldConfig): Maybe<Witness> {
  const now = seen.peers ?? null;
  if (now === null || seen.rest_window_s === null) return null;
  return stands_still(before, now, seen.rest_window_s, config.rest_min);
}

/** The window is long enough that peers which stood still would have been noticed. */
export function rest_is_known(state: ContainmentState, seen: ContainmentObservation): boolean {
  const before = expected_of(state, seen);
  if (before !== null) {
    const now = seen.peers ?? null;
    return now !== null && would_be_missed(before, now, seen.rest_window_s ?? 0);
  }
  const expected = expected_switches(state, seen);
  return expected !== null && expected > LEAST_PER_S;
}

/** It is seen that the peers work again, or (where only their steps are known) that they do not stand still. */
export function rest_is_back(state: ContainmentState, seen: ContainmentObservation, config: HoldConfig): boolean {
  const before = expected_of(state, seen);
  const now = seen.peers ?? null;
  return before === null || (now !== null && are_back(before, now, config.rest_min));
}

/** Thawed, the peers still burn CPU time or look again and again for what does not come: their lock is not free yet. */
export function rest_is_stuck(state: ContainmentState, seen: ContainmentObservation): boolean {
  const before = expected_of(state, seen);
  const now = seen.peers ?? null;
  return before !== null && now !== null && are_stuck(before, now, seen.rest_window_s ?? 0);
}

/** What the peers do now, as counts per second. */
export function present_of(seen: ContainmentObservation): number {
  const now = seen.peers ?? null;
  return now === null ? (seen.rest_steps_per_s ?? 0) : most_of(now);
}

/** The load has fallen: the peers are held against what they do now, until they are seen to do more again, or for a while. */
export function lulled(state: ContainmentState, seen: ContainmentObservation, now_ns: number): ContainmentState {
  const first_s = seen.peers !== undefined && present_of(seen) < LEAST_PER_S ? IDLE_LULL_FIRST_S : LULL_FIRST_S;
  const lull_s = state.lull === undefined ? first_s : Math.min(LULL_MAX_S, 2 * state.lull.lasts_s);
  return { ...lowered(state, seen), lull: { until_ns: now_ns + lull_s * 1e9, lasts_s: lull_s } };
}

function lowered(state: ContainmentState, seen: ContainmentObservation): ContainmentState {
  const before = state.lull_from_per_s ?? state.rest_pace_per_s ?? seen.rest_steps_before_per_s;
  const steps = { ...state, rest_pace_per_s: seen.rest_steps_per_s };
  const known = before === null ? steps : { ...steps, lull_from_per_s: before };
  const expected = expected_of(state, seen);
  const now = seen.peers ?? null;
  if (expected === null || now === null) return known;
  const peers_pace = each_of(expected, now, (before, present) =>
    present < before ? at_least(present, seen.rest_window_s ?? 0) : present,
  );
  return { ...known, peers_pace, peers_from: state.peers_from ?? expected };
}

/** What was surely done, of a count over a short window; more is expected once it is seen for longer. */
function at_least(per_s: number, window_s: number): number {
  return window_s > 0 ? Math.max(0, per_s - 2 * Math.sqrt(per_s / window_s)) : 0;
}

/**
 * What the peers do beside the thread that stands still is what is expected of them from then on: before, they also waited for that thread
 * and fought with it over locks, and each wait is a step.
 */
export function beside_held(
  state: ContainmentState,
  seen: ContainmentObservation,
  { rest_min }: HoldConfig,
): ContainmentState {
  const expected = expected_of(state, seen);
  const now = seen.peers ?? null;
  if (expected !== null) {
    if (now === null) return state;
    const peers_pace = each_of(expected, now, (before, present) =>
      present < before && present >= rest_min * before ? present : before,
    );
    return { ...state, peers_pace, peers_from: state.peers_from ?? expected };
  }
  const before = state.rest_pace_per_s ?? seen.rest_steps_before_per_s;
  const pace = seen.rest_steps_per_s;
  if (before === null || pace === null || pace >= before || pace < rest_min * before) return state;
  return lowered(state, seen);
}

/**
 * After a lull more is expected of the peers again, once they do more for a while, beyond chance, or when the lull is over; never more than
 * before it.
 */
export function awake(state: ContainmentState, seen: ContainmentObservation, now_ns: number): ContainmentState {
  const { lull } = state;
  if (lull !== undefined && lull.until_ns !== null && now_ns >= lull.until_ns) return without_lull(state);
  if (state.peers_pace !== undefined) return awake_peers(state, state.peers_pace, seen);
  const { rest_pace_per_s: pace, lull_from_per_s: most } = state;
  if (most === undefined || pace === null || seen.rest_steps_per_s === null) return state;
  const window_s = seen.rest_window_s ?? 0;
  if (!is_more(pace, seen.rest_steps_per_s, window_s)) return state;
  return { ...state, rest_pace_per_s: Math.min(most, seen.rest_steps_per_s) };
}

/** Everything is expected again that was before; how long the lull was is remembered, so that the next one is longer. */
function without_lull(state: ContainmentState): ContainmentState {
  const { peers_pace, peers_from, ...others } = state;
  const known = { ...others, rest_pace_per_s: state.lull_from_per_s ?? state.rest_pace_per_s };
  const lull = { until_ns: null, lasts_s: state.lull?.lasts_s ?? LULL_FIRST_S };
  const from = peers_from ?? peers_pace;
  return from === undefined ? { ...known, lull } : { ...known, lull, peers_pace: from, peers_from: from };
}

function awake_peers(state: ContainmentState, pace: Progress, seen: ContainmentObservation): ContainmentState {
  const now = seen.peers ?? null;
  const most = state.peers_from ?? pace;
  const window_s = seen.rest_window_s ?? 0;
  if (now === null || window_s < AWAKE_WINDOW_S) return state;
  const raised = each_of(pace, now, (expected, present, name) =>
    is_more(expected, present, window_s)
      ? Math.max(expected, Math.min(most[name] ?? 0, at_least(present, window_s)))
      : expected,
  );
  return same(raised, pace) ? state : { ...state, peers_pace: raised };
}

function is_more(expected: number, present: number, window_s: number): boolean {
  const more = (present - expected) * window_s;
  return window_s >= AWAKE_WINDOW_S && more > CHANCE_SIGMA * Math.sqrt(expected * window_s);
}

type Name = keyof Progress;

function each_of(
  expected: Progress,
  now: Progress,
  choose: (expected: number, present: number, name: Name) => number,
): Progress {
  const answers =
    expected.answers_per_s === null || now.answers_per_s === null
      ? null
      : choose(expected.answers_per_s, now.answers_per_s, "answers_per_s");
  return {
    waits_per_s: choose(expected.waits_per_s, now.waits_per_s, "waits_per_s"),
    cpu_share: choose(expected.cpu_share, now.cpu_share, "cpu_share"),
    computing_share: choose(expected.computing_share, now.computing_share, "computing_share"),
    answers_per_s: answers,
    moving: choose(expected.moving, now.moving, "moving"),
  };
}

function same(one: Progress, other: Progress): boolean {
  return (Object.keys(one) as Name[]).every((name) => one[name] === other[name]);
}

/** Another thread of the cgroup is held from now on: what it did goes missing from the peers of each hold before it, and none of them stalls. */
export function without_thread(
  live: readonly ContainmentState[],
  held: ContainmentState,
  seen: readonly ContainmentObservation[],
): readonly ContainmentState[] {
  return live.map((state) => {
    if (!is_beside(state, held)) return state;
    const observed = seen.find(({ id }) => id === state.id);
    const pace = state.rest_pace_per_s ?? observed?.rest_steps_before_per_s ?? null;
    const steps = pace === null ? state : { ...state, rest_pace_per_s: Math.max(0, pace - (held.steps_per_s ?? 0)) };
    const expected = observed === undefined ? (state.peers_pace ?? null) : expected_of(state, observed);
    if (expected === null || held.own === undefined) return steps;
    return { ...steps, peers_pace: shifted(expected, held.own, -1) };
  });
}

/** That thread runs again: what it does is expected of the peers as before. */
export function with_thread(live: readonly ContainmentState[], held: ContainmentState): readonly ContainmentState[] {
  return live.map((state) => {
    if (!is_beside(state, held)) return state;
    const pace = state.rest_pace_per_s;
    const steps = pace === null ? state : { ...state, rest_pace_per_s: pace + (held.steps_per_s ?? 0) };
    if (state.peers_pace === undefined || held.own === undefined) return steps;
    return { ...steps, peers_pace: shifted(state.peers_pace, held.own, 1) };
  });
}

function shifted(pace: Progress, own: Progress, sign: 1 | -1): Progress {
  return each_of(pace, own, (expected, part) => Math.max(0, expected + sign * part));
}

/** Another hold of a thread of the same cgroup. */
export function is_beside({ id, rung, target }: ContainmentState, held: ContainmentState): boolean {
  return rung === "thread_hold" && id !== held.id && target.cgroup_id === held.target.cgroup_id;
}
