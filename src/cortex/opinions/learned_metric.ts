import { Mahalanobis } from "../mahalanobis.ts";
import { Welford } from "../welford.ts";

/** Mean and covariance learned row by row, and the distance from them: O(n²) a row. */
export class LearnedMetric {
  readonly #moments: Welford;
  readonly #metric: Mahalanobis;

  /** @param resolution smallest believed standard deviation of each dimension. @param half_life_rows rows after which one counts half */
  constructor(resolution: Float64Array, lambda: number, half_life_rows: number) {
    this.#moments = new Welford(resolution.length, half_life_rows);
    this.#metric = new Mahalanobis(resolution, lambda);
  }

  get mean(): Float64Array {
    return this.#moments.mean;
  }

  /** D of `x`; 0 until twice as many rows as dimensions are learned. */
  distance(x: Float64Array): number {
    if (this.#moments.count < 2 * x.length) return 0;
    this.#metric.refresh(this.#moments);
    return this.#metric.distance(x, this.#moments.mean);
  }

  /** @param distance at which `x` was found before it is learned */
  learn(x: Float64Array, distance: number): void {
    this.#moments.update(x, 1);
    this.#metric.moved(distance * distance, this.#moments.weight);
  }
}
