/** A Welford estimate as plain JSON, so that the learned self survives a restart. */
export interface WelfordState {
  readonly dimension_count: number;
  readonly half_life_s: number | null;
  readonly count: number;
  readonly weight: number;
  readonly weight_squared: number;
  readonly mean: readonly number[];
  /** Weighted sum of squares and products about the mean, row by row. */
  readonly moment: readonly number[];
}

/**
 * Mean and covariance of a vector, one sample at a time, with exponential forgetting.
 *
 * Each update costs O(n²) and allocates nothing. The covariance is the unbiased one for reliability weights
 * (divisor W − ΣW²/W), which is n − 1 when nothing is forgotten.
 * Source: Welford 1962; West 1979 for the weighted form.
 */
export class Welford {
  readonly dimension_count: number;
  readonly half_life_s: number | null;
  /** Current mean, updated in place. */
  readonly mean: Float64Array;
  /** Upper triangle, row by row; what is below the diagonal is left alone. */
  readonly #moment: Float64Array;
  readonly #delta: Float64Array;
  #count = 0;
  #weight = 0;
  #weight_squared = 0;

  /** @param half_life_s seconds after which a sample counts half; null never forgets. */
  constructor(dimension_count: number, half_life_s: number | null = null) {
    if (!Number.isInteger(dimension_count) || dimension_count < 1) {
      throw new RangeError(`Cannot estimate a covariance of ${dimension_count} dimensions: give a positive integer`);
    }
    if (half_life_s !== null && !(half_life_s > 0)) {
      throw new RangeError(`Cannot forget with a half-life of ${half_life_s} s: give a positive number or null`);
    }
    this.dimension_count = dimension_count;
    this.half_life_s = half_life_s;
    this.mean = new Float64Array(dimension_count);
    this.#moment = new Float64Array(dimension_count * dimension_count);
    this.#delta = new Float64Array(dimension_count);
  }

  /** Samples seen, forgotten or not. */
  get count(): number {
    return this.#count;
  }

  /** Sum of the weights that are not yet forgotten. */
  get weight(): number {
    return this.#weight;
  }

  /** Number of equally weighted samples that would be as certain as this estimate. */
  get effective_count(): number {
    return this.#weight_squared > 0 ? (this.#weight * this.#weight) / this.#weight_squared : 0;
  }

  /** Learn `x`, which came `dt_s` seconds after the previous sample. Throws RangeError on non-finite input. */
  update(x: ArrayLike<number>, dt_s = 0, weight = 1): void {
    const n = this.dimension_count;
    this.#refuse(x, dt_s, weight);
    const keep = this.half_life_s === null ? 1 : 2 ** (-dt_s / this.half_life_s);
    this.#weight = keep * this.#weight + weight;
    this.#weight_squared = keep * keep * this.#weight_squared + weight * weight;
    this.#count += 1;
    const gain = weight / this.#weight;
    const delta = this.#delta;
    for (let j = 0; j < n; j++) {
      delta[j] = x[j]! - this.mean[j]!;
      this.mean[j]! += gain * delta[j]!;
    }
    const factor = weight * (1 - gain);
    const moment = this.#moment;
    for (let i = 0; i < n; i++) {
      const scaled_delta = factor * delta[i]!;
      const row = i * n;
      for (let j = i; j < n; j++) moment[row + j] = keep * moment[row + j]! + scaled_delta * delta[j]!;
    }
  }

  /** Covariance of dimensions i and j; 0 while fewer than two samples are known. */
  covariance(i: number, j: number): number {
    const divisor = this.#divisor();
    const at = Math.min(i, j) * this.dimension_count + Math.max(i, j);
    return divisor > 0 ? this.#moment[at]! / divisor : 0;
  }

  variance(j: number): number {
    return this.covariance(j, j);
  }

  /** Write the lower triangle of the n×n covariance, row by row, into `out`; what is above the diagonal is left alone. */
  lower_into(out: Float64Array): void {
    const n = this.dimension_count;
    const divisor = this.#divisor();
    for (let i = 0; i < n; i++) {
      for (let j = 0; j <= i; j++) out[i * n + j] = divisor > 0 ? this.#moment[j * n + i]! / divisor : 0;
    }
  }

  /** Write the n×n covariance, row by row, into `out`. */
  covariance_into(out: Float64Array): void {
    const n = this.dimension_count;
    for (let i = 0; i < n; i++) for (let j = 0; j < n; j++) out[i * n + j] = this.covariance(i, j);
  }

  snapshot(): WelfordState {
    return {
      dimension_count: this.dimension_count,
      half_life_s: this.half_life_s,
      count: this.#count,
      weight: this.#weight,
      weight_squared: this.#weight_squared,
      mean: Array.from(this.mean),
      moment: this.#both_triangles(),
    };
  }

  /** Throws RangeError when the state is not one that `snapshot` can have written. */
  static restore(state: WelfordState): Welford {
    const restored = new Welford(state.dimension_count, state.half_life_s);
    const n = state.dimension_count;
    const numbers = [state.count, state.weight, state.weight_squared, ...state.mean, ...state.moment];
    if (state.mean.length !== n || state.moment.length !== n * n || !numbers.every(Number.isFinite)) {
      throw new RangeError(`Cannot restore a covariance of ${n} dimensions: its numbers are missing or not finite`);
    }
    restored.mean.set(state.mean);
    restored.#moment.set(state.moment);
    restored.#count = state.count;
    restored.#weight = state.weight;
    restored.#weight_squared = state.weight_squared;
    return restored;
  }

  /** An estimate that counts as `weight` equally weighted samples. @param covariance n × n, row by row */
  static of(mean: Float64Array, covariance: Float64Array, weight: number, half_life_s: number | null): Welford {
    const moment = Array.from(covariance, (value) => value * (weight - 1));
    const known = { count: weight, weight, weight_squared: weight, mean: Array.from(mean), moment };
    return Welford.restore({ dimension_count: mean.length, half_life_s, ...known });
  }

  #both_triangles(): number[] {
    const n = this.dimension_count;
    return Array.from({ length: n * n }, (_, at) => {
      const [i, j] = [Math.floor(at / n), at % n];
      return this.#moment[Math.min(i, j) * n + Math.max(i, j)]!;
    });
  }

  #divisor(): number {
    if (this.#count < 2) return 0;
    return this.#weight - this.#weight_squared / this.#weight;
  }

  #refuse(x: ArrayLike<number>, dt_s: number, weight: number): void {
    if (x.length !== this.dimension_count) {
      throw new RangeError(`Cannot learn a vector of ${x.length} numbers: expected ${this.dimension_count}`);
    }
    if (!(dt_s >= 0) || !(weight > 0) || !Number.isFinite(dt_s) || !Number.isFinite(weight)) {
      throw new RangeError(`Cannot learn with weight ${weight} after ${dt_s} s: both must be finite, weight positive`);
    }
    for (let j = 0; j < x.length; j++) {
      if (!Number.isFinite(x[j]!)) throw new RangeError(`Cannot learn ${x[j]} in dimension ${j}: it is not finite`);
    }
  }
}
