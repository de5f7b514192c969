import { GAP_STEPS } from "../model/cadence.ts";
import type { Maybe } from "../model/sample.ts";
import { median } from "./metrics.ts";

/** A step that is off by more than this part of the interval, and no gap, is irregular. */
const IRREGULAR_PART = 0.5;

/** How the rows of a file follow each other in time. */
export interface Spacing {
  /** Steps longer than GAP_STEPS intervals, the rows missing in them, the time they take, and the longest. */
  readonly gaps: number;
  readonly missed_rows: number;
  readonly gap_s: number;
  readonly longest_gap_s: number;
  readonly longest_gap_from_s: Maybe<number>;
  readonly irregular_rows: number;
  /** Rows with the time of the row before. */
  readonly repeated_times: number;
}

/** The usual step between rows: the median of those above 0; null of fewer than two different times. */
export function interval_of(times: ArrayLike<number>): number | null {
  const steps: number[] = [];
  for (let row = 1; row < times.length; row++) {
    const step = times[row]! - times[row - 1]!;
    if (step > 0) steps.push(step);
  }
  const usual = median(steps);
  // Clocks written in milliseconds: 59.999 s is a minute.
  return usual === null ? null : usual >= 1 && Math.abs(usual - Math.round(usual)) < 0.01 ? Math.round(usual) : usual;
}

/** Follows the times of rows and counts what is not regular. */
export class SpacingCounter {
  readonly #interval_s: number;
  #last_s: number | null = null;
  #gaps = 0;
  #missed = 0;
  #gap_s = 0;
  #longest: { readonly from_s: number; readonly s: number } | null = null;
  #irregular = 0;
  #repeated = 0;

  constructor(interval_s: number) {
    this.#interval_s = interval_s;
  }

  /** Rows missing between the last one and this. */
  take(t_s: number | null): number {
    const last_s = this.#last_s;
    if (t_s === null) return 0;
    this.#last_s = t_s;
    if (last_s === null) return 0;
    const step = t_s - last_s;
    if (step === 0) this.#repeated += 1;
    if (step <= GAP_STEPS * this.#interval_s) {
      if (step !== 0 && Math.abs(step - this.#interval_s) > IRREGULAR_PART * this.#interval_s) this.#irregular += 1;
      return 0;
    }
    const missed = Math.round(step / this.#interval_s) - 1;
    this.#gaps += 1;
    this.#missed += missed;
    this.#gap_s += step;
    if (step > (this.#longest?.s ?? 0)) this.#longest = { from_s: last_s, s: step };
    return missed;
  }

  get(): Spacing {
    return {
      gaps: this.#gaps,
      missed_rows: this.#missed,
      gap_s: this.#gap_s,
      longest_gap_s: this.#longest?.s ?? 0,
      longest_gap_from_s: this.#longest?.from_s ?? null,
      irregular_rows: this.#irregular,
      repeated_times: this.#repeated,
    };
  }
}
