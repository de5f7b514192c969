import type { ContainmentObservation } from "../model/containment.ts";
import type { HoldConfig } from "./config.ts";
import type { ContainmentState } from "./state.ts";

/** A count this many standard deviations below the expected one is no chance. */
const CHANCE_SIGMA = 3.5;
/** A pace is taken over a second at most: of a slower rest nobody could tell that it stands still. */
export const REST_LEAST_STEPS_PER_S = CHANCE_SIGMA * CHANCE_SIGMA;
/** A burst is no pace. */
const AWAKE_WINDOW_S = 0.5;

/** Switches the earlier pace would have made in the window measured; null when that is not known. */
function expected_switches(state: ContainmentState, seen: ContainmentObservation): number | null {
  const before = state.rest_pace_per_s ?? seen.rest_steps_before_per_s;
  return before === null || seen.rest_window_s === null ? null : before * seen.rest_window_s;
}

/**
 * The rest of the service stands still although it moved before: the held thread may own a lock the others need. Counts
 * scatter with their root, so a drop counts when it is both large (below `rest_min`) and beyond chance.
 */
export function rest_stalls(state: ContainmentState, seen: ContainmentObservation, config: HoldConfig): boolean {
  const expected = expected_switches(state, seen);
  if (expected === null || seen.rest_steps_per_s === null || seen.rest_window_s === null) return false;
  const made = seen.rest_steps_per_s * seen.rest_window_s;
  return made < config.rest_min * expected && expected - made > CHANCE_SIGMA * Math.sqrt(expected);
}

/** The window is long enough that a rest which stood still would have been noticed. */
export function rest_is_known(state: ContainmentState, seen: ContainmentObservation): boolean {
  const expected = expected_switches(state, seen);
  return expected !== null && expected > REST_LEAST_STEPS_PER_S;
}

/** Its load has fallen: the rest is held against the pace it has now, until it is seen to be faster again. */
export function lulled(state: ContainmentState, seen: ContainmentObservation): ContainmentState {
  const before = state.lull_from_per_s ?? state.rest_pace_per_s ?? seen.rest_steps_before_per_s;
  const lowered = { ...state, rest_pace_per_s: seen.rest_steps_per_s };
  return before === null ? lowered : { ...lowered, lull_from_per_s: before };
}

/**
 * What the rest does beside the thread that stands still is what is expected of it from then on: before, it also waited for that thread
 * and fought with it over locks, and each wait is a step.
 */
export function beside_held(
  state: ContainmentState,
  seen: ContainmentObservation,
  { rest_min }: HoldConfig,
): ContainmentState {
  const before = state.rest_pace_per_s ?? seen.rest_steps_before_per_s;
  const pace = seen.rest_steps_per_s;
  if (before === null || pace === null || pace >= before || pace < rest_min * before) return state;
  return lulled(state, seen);
}

/** After a lull more is expected of the rest again, once it does more for a while, beyond chance; never more than before the lull. */
export function awake(state: ContainmentState, seen: ContainmentObservation): ContainmentState {
  const { rest_pace_per_s: pace, lull_from_per_s: most } = state;
  if (most === undefined || pace === null || seen.rest_steps_per_s === null) return state;
  const window_s = seen.rest_window_s ?? 0;
  const more = (seen.rest_steps_per_s - pace) * window_s;
  if (window_s < AWAKE_WINDOW_S || more <= CHANCE_SIGMA * Math.sqrt(pace * window_s)) return state;
  return { ...state, rest_pace_per_s: Math.min(most, seen.rest_steps_per_s) };
}

/** Another thread of the cgroup is held from now on: its steps go missing from the rest of each hold before it, and nobody stalls. */
export function without_thread(
  live: readonly ContainmentState[],
  held: ContainmentState,
  seen: readonly ContainmentObservation[],
): readonly ContainmentState[] {
  return live.map((state) => {
    if (!is_beside(state, held)) return state;
    const observed = seen.find(({ id }) => id === state.id)?.rest_steps_before_per_s ?? null;
    const pace = state.rest_pace_per_s ?? observed;
    return pace === null ? state : { ...state, rest_pace_per_s: Math.max(0, pace - (held.steps_per_s ?? 0)) };
  });
}

/** That thread runs again: its steps are expected of the rest as before. */
export function with_thread(live: readonly ContainmentState[], held: ContainmentState): readonly ContainmentState[] {
  return live.map((state) => {
    if (!is_beside(state, held) || state.rest_pace_per_s === null) return state;
    return { ...state, rest_pace_per_s: state.rest_pace_per_s + (held.steps_per_s ?? 0) };
  });
}

/** Another hold of a thread of the same cgroup. */
export function is_beside({ id, rung, target }: ContainmentState, held: ContainmentState): boolean {
  return rung === "thread_hold" && id !== held.id && target.cgroup_id === held.target.cgroup_id;
}
