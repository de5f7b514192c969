import type { Action, ContainmentObservation, Setting } from "../model/containment.ts";
import type { Verdict } from "../model/decision.ts";
import type { Unmet } from "../model/precondition.ts";
import type { ContainmentState } from "./state.ts";

/** What a beat makes of one containment: its next state (null when it ends), the actions and verdicts. */
export interface Step {
  readonly next: ContainmentState | null;
  readonly actions: readonly Action[];
  readonly verdicts: readonly Verdict[];
  /** It was seen not to work: the caller may try the next rung, or the next level answer. */
  readonly failed: boolean;
  /** It was never tried: a bound of the motor forbids it, for so long. */
  readonly wait_s?: number;
  /** It was never tried, or ended early: a precondition is not met. */
  readonly unmet?: Unmet;
}

type Ending = Pick<Verdict, "verdict" | "detail"> & Pick<Step, "failed" | "wait_s">;

/** The end of a containment that nobody decided: its object has gone, the motor could not or no longer hold it. */
export function ended_by_itself(
  state: ContainmentState,
  seen: ContainmentObservation,
  setting: Setting,
  gone: string,
): Step | null {
  const ending = how_it_ended(seen, gone);
  if (ending === null) return null;
  const { verdict, detail, failed, wait_s } = ending;
  const release: Action = { id: state.id, verb: "release", target: state.target, setting, reason: detail };
  // Records older than this field lack it: then the release was always asked for.
  const actions = seen.in_force === false ? [] : [release];
  const why = seen.unmet === undefined ? {} : { unmet: seen.unmet };
  const step: Step = { next: null, actions, verdicts: [{ id: state.id, verdict, detail }], failed, ...why };
  return wait_s === undefined ? step : { ...step, wait_s };
}

function how_it_ended(seen: ContainmentObservation, gone: string): Ending | null {
  if (!seen.alive || seen.status === "gone") {
    return {
      verdict: "gone",
      detail: seen.status === "gone" && seen.detail !== "" ? seen.detail : gone,
      failed: false,
    };
  }
  if (seen.status === "refused" || seen.status === "failed") {
    const { detail, wait_s } = seen;
    return wait_s === undefined
      ? { verdict: "refused", detail, failed: true }
      : { verdict: "refused", detail, failed: false, wait_s };
  }
  return seen.in_force === false ? { verdict: "expired", detail: seen.detail, failed: false } : null;
}
