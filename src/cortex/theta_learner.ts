import { fit_pareto_tail, type ShapePrior } from "./opinions/pareto.ts";
import type { TailFit } from "./tail.ts";

/** Seconds of kernel time of one block: longer than a smoothed excursion, so that a clump is one value at any beat rate. */
const BLOCK_S = 2;
/** Blocks remembered: four and a half hours of judged-normal time, 64 KiB. */
const MOST_BLOCKS = 8192;
const FEWEST_BLOCKS = 300;
/** Five minutes of learned time from one fit to the next. */
const REFIT_BLOCKS = 150;
/** Many maxima allow a tail that begins far out, where it is more nearly Pareto. */
const EXCESSES = 200;
const LARGEST_PART = 0.1;
/** D̄ of a normal vector has a light tail; the prior is a little heavier, for nobody knows the tail beyond the data. */
const SHAPE: ShapePrior = { shape: 0.05, lowest: -0.2, highest: 0.5 };
/** Blocks of one alarm that are looked at: its beginning, for what comes later is what the alarm is about. */
const TEACHING_BLOCKS = 6;
/** What an alarm teaches ends this many times as far out as θ1 from the start of the tail: that it was one is what counts. */
const REACH = 2;
/** Places kept of a saved maximum: a thousandth of D says nothing. */
const SAVED_DIGITS = 1e3;

/** The remembered maxima of D̄, oldest first, and how many came since the last fit. Plain JSON. */
export interface LearnedMaxima {
  readonly maxima: readonly number[];
  readonly since_fit: number;
}

/**
 * The tail of D̄ as it is while the self is learned: maxima of 2-second blocks of kernel time, fitted again every 300 s of
 * learned time by probability-weighted moments (Hosking and Wallis 1987; `fit_pareto_tail`).
 *
 * Time at level 0 teaches every block. An alarm teaches one value, the highest of its first six blocks, because the
 * promise counts alarms and not beats: if alarms taught nothing, θ would shrink with each fit; if all of a long one did,
 * or its whole height, it would go blind. What reached level 2 teaches nothing. Fits happen at level 0 only, so that no
 * episode is judged by two thresholds. O(1) per beat without allocation; a fit sorts at most 8192 numbers.
 */
export class ThetaLearner {
  readonly #maxima = new Float64Array(MOST_BLOCKS);
  readonly #sorted = new Float64Array(MOST_BLOCKS);
  #count = 0;
  #next = 0;
  #since_fit = 0;
  #start = 0;
  #block_ns = Number.NEGATIVE_INFINITY;
  #highest = 0;
  #alarm = false;
  #incident = false;
  /** Blocks of the present alarm so far, and the highest of those that teach. */
  #run_blocks = 0;
  #run_highest = 0;

  /** Throws RangeError when the saved state holds what cannot be a distance. */
  constructor(state?: LearnedMaxima) {
    if (state === undefined) return;
    for (const value of state.maxima.slice(-MOST_BLOCKS)) {
      if (!Number.isFinite(value) || value < 0) throw new RangeError(`Cannot take up a block maximum of ${value}`);
      this.#push(value);
    }
    this.#since_fit = Math.max(0, Number(state.since_fit) || 0);
  }

  /** Blocks known. */
  get count(): number {
    return this.#count;
  }

  /**
   * Take D̄ of a beat and the level decided for it; true when a fit is due, which is never above level 0.
   *
   * @param t_ns CLOCK_MONOTONIC of the beat
   * @param theta1 vigilance threshold in force, units of D
   */
  follow(t_ns: number, d_smooth: number, level: number, theta1: number): boolean {
    let closed = false;
    if (t_ns - this.#block_ns >= BLOCK_S * 1e9) {
      closed = Number.isFinite(this.#block_ns);
      if (closed) this.#close(theta1);
      this.#block_ns = t_ns;
      this.#highest = 0;
      this.#alarm = false;
      this.#incident = false;
    }
    if (d_smooth > this.#highest) this.#highest = d_smooth;
    this.#alarm ||= level > 0;
    this.#incident ||= level > 1;
    return closed && level === 0 && this.#since_fit >= REFIT_BLOCKS && this.#count >= FEWEST_BLOCKS;
  }

  /** The tail of what is known; call when `follow` says so. Throws RangeError with fewer than 3 blocks. */
  fit(): TailFit {
    const sorted = this.#sorted.subarray(0, this.#count);
    sorted.set(this.#maxima.subarray(0, this.#count));
    sorted.sort();
    const wanted = Math.min(LARGEST_PART, EXCESSES / this.#count);
    const { threshold, shape, scale, part } = fit_pareto_tail(sorted, wanted, SHAPE);
    this.#since_fit = 0;
    this.#start = threshold;
    const episodes = Math.round(part * this.#count);
    const episodes_per_s = part / BLOCK_S;
    return { threshold, shape, scale, episodes, episodes_per_s, samples: this.#count, block_s: BLOCK_S };
  }

  snapshot(): LearnedMaxima {
    const oldest = this.#count < MOST_BLOCKS ? 0 : this.#next;
    const maxima = Array.from({ length: this.#count }, (_, k) => {
      return Math.round(this.#maxima[(oldest + k) % MOST_BLOCKS]! * SAVED_DIGITS) / SAVED_DIGITS;
    });
    return { maxima, since_fit: this.#since_fit };
  }

  #close(theta1: number): void {
    if (this.#alarm) {
      if (this.#run_blocks < TEACHING_BLOCKS) this.#run_highest = Math.max(this.#run_highest, this.#highest);
      if (this.#incident) this.#run_highest = Number.NaN;
      this.#run_blocks += 1;
      return;
    }
    if (this.#run_blocks > 0) {
      const reach = this.#start + REACH * Math.max(0, theta1 - this.#start);
      if (!Number.isNaN(this.#run_highest)) this.#push(Math.min(this.#run_highest, reach));
      this.#run_blocks = 0;
      this.#run_highest = 0;
    }
    this.#push(this.#highest);
    this.#since_fit += 1;
  }

  #push(value: number): void {
    this.#maxima[this.#next] = value;
    this.#next = (this.#next + 1) % MOST_BLOCKS;
    this.#count = Math.min(MOST_BLOCKS, this.#count + 1);
  }
}
