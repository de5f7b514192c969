import { cholesky_in_place } from "./cholesky.ts";
import type { Welford } from "./welford.ts";

/** Accumulated relative move of Σ that makes a new factorization worthwhile: D moves by at most half of it. */
const MOVE_BOUND = 0.05;
/** A young estimate moves by more than that with every sample; once it has so many, one factorization serves for ten. */
const MATURE_SAMPLES_PER_DIMENSION = 4;
const FEWEST_SAMPLES = 10;
/** So far a move is followed at once, whatever it costs. */
const FAR_MOVE = 1;
/** Weight of an estimate from which its spread is believed to grow only slowly: five minutes at ten samples a second. */
const SETTLED_WEIGHT = 3000;

/**
 * Distance, no unit (Mahalanobis 1936):
 * D = sqrt(zᵀ (R + λI)⁻¹ z) with z_j = (x_j − μ_j) / σ_j, σ_j = max(sample σ_j, resolution_j), R the correlation matrix.
 *
 * Where σ_j is the resolution, the diagonal of R stays 1, so that R is positive semidefinite for every input and R + λI
 * can always be factorized: constant and collinear dimensions need no special case.
 *
 * Factorization rule: a learned sample at distance D moves Σ, measured in its own metric, by at most (1 + D²)/W, where W
 * is the weight of the estimate. These moves are added up and the matrix is factorized again when they exceed 5 %, once in
 * ten samples unless they exceed 1.
 *
 * Believing a spread: samples that lean on one dimension at distance c raise its variance by (c² − 1)/W each, so that a
 * sender who stays just below θ1 would make the node deaf within minutes. σ_j therefore never grows by more than 1/W a
 * sample: it can at most double while half of the estimate is forgotten. It shrinks as the estimate does.
 */
export class Mahalanobis {
  /** Standard deviations in use, scaled units. */
  readonly sigma: Float64Array;
  /** z: deviation in standard deviations, of the vector last measured. */
  readonly deviation: Float64Array;
  /** (R + λI)⁻¹ z of the vector last measured. */
  readonly weighted: Float64Array;
  readonly #resolution: Float64Array;
  readonly #lambda: number;
  readonly #factor: Float64Array;
  readonly #half: Float64Array;
  /** Standard deviations of the estimate, whether believed or not: the correlation is theirs. */
  readonly #spread: Float64Array;
  #move = Number.POSITIVE_INFINITY;
  #learned = 0;
  /** Logarithm of the growth of σ that is allowed since the last factorization; null while the estimate is young. */
  #allowed: number | null = null;
  #factorizations = 0;

  /** @param resolution smallest believed standard deviation of each dimension, scaled units. */
  constructor(resolution: ArrayLike<number>, lambda: number) {
    if (!(lambda > 0)) throw new RangeError(`Cannot regularize with lambda ${lambda}: give a positive number`);
    const n = resolution.length;
    for (let j = 0; j < n; j++) {
      if (!(resolution[j]! > 0) || !Number.isFinite(resolution[j]!)) {
        throw new RangeError(`Cannot use resolution ${resolution[j]} in dimension ${j}: give a positive number`);
      }
    }
    this.#resolution = Float64Array.from(resolution);
    this.#lambda = lambda;
    this.sigma = Float64Array.from(resolution);
    this.deviation = new Float64Array(n);
    this.weighted = new Float64Array(n);
    this.#half = new Float64Array(n);
    this.#spread = new Float64Array(n);
    this.#factor = new Float64Array(n * n);
  }

  get factorizations(): number {
    return this.#factorizations;
  }

  /** Tell that the estimate has learned a sample of this squared distance, with weight 1 of `weight`. */
  moved(distance_squared: number, weight: number): void {
    this.#learned += 1;
    if (weight >= SETTLED_WEIGHT) this.#allowed = (this.#allowed ?? 0) + 1 / weight;
    this.#move += (1 + distance_squared) / Math.max(weight, 1);
  }

  /** Factorize when Σ has moved enough since the last time; true when it did. */
  refresh(estimate: Welford): boolean {
    if (this.#move <= MOVE_BOUND) return false;
    const mature = estimate.count >= MATURE_SAMPLES_PER_DIMENSION * this.sigma.length;
    if (mature && this.#learned < FEWEST_SAMPLES && this.#move < FAR_MOVE) return false;
    this.factorize(estimate);
    return true;
  }

  /** Take σ and the Cholesky factor from the estimate, O(n³). Throws Error when R + λI is not positive definite. */
  factorize(estimate: Welford): void {
    const n = this.sigma.length;
    const factor = this.#factor;
    estimate.lower_into(factor);
    for (let j = 0; j < n; j++) {
      const spread = Math.max(Math.sqrt(Math.max(0, factor[j * n + j]!)), this.#resolution[j]!);
      this.#spread[j] = spread;
      const most = this.#allowed === null ? spread : this.sigma[j]! * Math.exp(this.#allowed);
      this.sigma[j] = Math.min(spread, most);
    }
    for (let i = 0; i < n; i++) {
      factor[i * n + i] = 1 + this.#lambda;
      for (let j = 0; j < i; j++) factor[i * n + j] = factor[i * n + j]! / this.#spread[i]! / this.#spread[j]!;
    }
    if (!cholesky_in_place(factor, n)) {
      throw new Error(
        `Cannot factorize the correlation of ${n} dimensions: it is not positive definite, forget the saved baseline`,
      );
    }
    this.#move = 0;
    this.#learned = 0;
    if (this.#allowed !== null) this.#allowed = 0;
    this.#factorizations += 1;
  }

  /** Distance of `x` from `mean`; leaves `deviation` and `weighted` filled. Throws RangeError on non-finite input. */
  distance(x: ArrayLike<number>, mean: ArrayLike<number>): number {
    if (this.#factorizations === 0) throw new Error("Cannot measure a distance before the first factorization");
    const n = this.sigma.length;
    const factor = this.#factor;
    const half = this.#half;
    const { sigma, deviation, weighted } = this;
    let squared = 0;
    for (let i = 0; i < n; i++) {
      const z = (x[i]! - mean[i]!) / sigma[i]!;
      if (!Number.isFinite(z))
        throw new RangeError(`Cannot measure the distance of ${x[i]} in dimension ${i}: it is not finite`);
      deviation[i] = z;
      let rest = z;
      for (let k = 0; k < i; k++) rest -= factor[i * n + k]! * half[k]!;
      half[i] = rest / factor[i * n + i]!;
      squared += half[i]! * half[i]!;
    }
    for (let i = n - 1; i >= 0; i--) {
      let rest = half[i]!;
      for (let k = i + 1; k < n; k++) rest -= factor[k * n + i]! * weighted[k]!;
      weighted[i] = rest / factor[i * n + i]!;
    }
    return Math.sqrt(squared);
  }
}
