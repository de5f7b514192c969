/** Mardia's multivariate kurtosis of a normal vector of n dimensions: n (n + 2), no unit. Source: Mardia 1970 */
export function normal_kurtosis(dimension_count: number): number {
  return dimension_count * (dimension_count + 2);
}

/** Weight in samples, and the mean of D⁴, as plain JSON. */
export interface KurtosisState {
  readonly weight: number;
  readonly mean: number;
}

/** Mardia's κ = mean of D⁴ (Mardia 1970), online, O(1) a sample, with the same forgetting as the covariance. */
export class Kurtosis {
  readonly #dimension_count: number;
  readonly #half_life_s: number;
  #weight = 0;
  #mean = 0;

  constructor(dimension_count: number, half_life_s: number, state: KurtosisState = { weight: 0, mean: 0 }) {
    this.#dimension_count = dimension_count;
    this.#half_life_s = half_life_s;
    this.#weight = state.weight;
    this.#mean = state.mean;
  }

  update(distance: number, dt_s: number): void {
    this.#weight = this.#weight * 2 ** (-dt_s / this.#half_life_s) + 1;
    this.#mean += (distance ** 4 - this.#mean) / this.#weight;
  }

  get(): number {
    return this.#mean;
  }

  /** κ against the normal one in its standard errors sqrt(8 n (n + 2) / N); 0 while nothing is known. */
  excess(): number {
    const normal = normal_kurtosis(this.#dimension_count);
    return this.#weight > 0 ? (this.#mean - normal) / Math.sqrt((8 * normal) / this.#weight) : 0;
  }

  snapshot(): KurtosisState {
    return { weight: this.#weight, mean: this.#mean };
  }
}
