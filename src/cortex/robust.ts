import { fast_mcd, type RobustEstimate } from "./fast_mcd.ts";

/** Rows the robust estimate looks at. */
const WINDOW_ROWS = 500;
/** Mardia's κ is far off when it is beyond the normal one by so many standard errors and by this part of it. */
const FAR_ERRORS = 5;
const FAR_PART = 0.5;

/** The distances are too heavy-tailed, or too contaminated, for plain moments to be trusted (SPEC §2). */
export function far_from_normal(kurtosis: number, normal_kurtosis: number, excess_errors: number): boolean {
  return excess_errors > FAR_ERRORS && kurtosis > (1 + FAR_PART) * normal_kurtosis;
}

/** An incident fills at least this part of the rows, and this part of what lies outside lies in one stretch of time. */
const INCIDENT_PART = 0.02;
const STRETCH_PART = 0.5;
/** A stretch goes on over so many rows that lie inside. */
const GAP_ROWS = 2;

/**
 * Whether what lies outside the bulk came in one stretch, as an incident does that fell into the warm-up. Bursts spread over
 * the whole time are the node's own nature: left out of its self they would be false alarms ever after.
 *
 * @param outside one flag per row, in the order of time
 */
export function is_incident(outside: ArrayLike<number>): boolean {
  let total = 0;
  let longest = 0;
  let stretch = 0;
  let gap = 0;
  for (let row = 0; row < outside.length; row++) {
    if (outside[row] === 1) {
      total += 1;
      stretch += 1;
      gap = 0;
      longest = Math.max(longest, stretch);
    } else {
      gap += 1;
      if (gap > GAP_ROWS) stretch = 0;
    }
  }
  return total >= INCIDENT_PART * outside.length && longest >= STRETCH_PART * total;
}

/** Evenly spread rows of the first part of the warm-up, for the estimate that replaces plain moments where κ is far off. */
export class RobustStart {
  readonly #n: number;
  readonly #rows: Float64Array;
  #count = 0;
  #stride = 1;
  #skipped = 0;

  constructor(dimension_count: number) {
    this.#n = dimension_count;
    this.#rows = new Float64Array(WINDOW_ROWS * dimension_count);
  }

  push(x: Float64Array): void {
    this.#skipped += 1;
    if (this.#skipped < this.#stride) return;
    this.#skipped = 0;
    if (this.#count === WINDOW_ROWS) this.#thin();
    this.#rows.set(x, this.#count * this.#n);
    this.#count += 1;
  }

  /** @param floor smallest believed standard deviation of each dimension. Null: too few rows */
  estimate(floor: Float64Array): RobustEstimate | null {
    return fast_mcd(this.#rows.subarray(0, this.#count * this.#n), this.#count, floor);
  }

  #thin(): void {
    const n = this.#n;
    for (let row = 0; 2 * row < WINDOW_ROWS; row++) this.#rows.copyWithin(row * n, 2 * row * n, (2 * row + 1) * n);
    this.#count = Math.ceil(WINDOW_ROWS / 2);
    this.#stride *= 2;
  }
}
