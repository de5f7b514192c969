import type { WarmupProgress } from "../model/warmup.ts";
import { alpha_for, Ewma } from "./ewma.ts";
import { Decimated } from "./quantile.ts";
import type { TailFit } from "./tail.ts";
import { type Budgets, learn_theta, type Theta } from "./thresholds.ts";

/** Learned samples per second: faster beats overlap in the window of their rates and say the same thing again. */
export const LEARNING_PERIOD_S = 0.1;
const MOST_DISTANCES = 18_000;
/** Distances of the first half are not used: the estimate was still immature and would inflate the thresholds. */
const FIRST_PART = 0.5;

/** Collects the distances of the second half of the warm-up and turns them into α and θ. */
export class Warmup {
  readonly #warmup_s: number;
  readonly #distances = new Decimated(MOST_DISTANCES);
  #learned_s = 0;

  constructor(warmup_s: number) {
    if (!(warmup_s > 0)) throw new RangeError(`Cannot warm up for ${warmup_s} s: give a positive duration`);
    this.#warmup_s = warmup_s;
  }

  get complete(): boolean {
    return this.#learned_s >= this.#warmup_s;
  }

  get progress(): WarmupProgress {
    return { learned_s: Math.min(this.#learned_s, this.#warmup_s), total_s: this.#warmup_s };
  }

  /** The part is over whose distances are not used. */
  get settling(): boolean {
    return this.#learned_s < FIRST_PART * this.#warmup_s;
  }

  /** A sample at `distance` was learned `dt_s` after the one before; null while no distance could be measured. */
  learn(distance: number | null, dt_s: number): void {
    this.#learned_s += dt_s;
    if (distance !== null && this.#learned_s >= FIRST_PART * this.#warmup_s) this.#distances.push(distance);
  }

  /** α for the noise seen, and the thresholds the distances smoothed with it call for. */
  conclude(dimension_count: number, budgets: Budgets): { alpha: number; theta: Theta; fit: TailFit | null } {
    const distances = this.#distances.values;
    const alpha = alpha_for(successive_variance(distances));
    const period_s = LEARNING_PERIOD_S * this.#distances.stride;
    const ewma = new Ewma(alpha, LEARNING_PERIOD_S);
    const smoothed = distances.map((distance) => ewma.update(distance, period_s));
    return { alpha, ...learn_theta(smoothed, period_s, dimension_count, budgets) };
  }
}

/** Half the mean squared step between neighbours: the variance of the noise alone, free of slow drift (von Neumann). */
export function successive_variance(values: readonly number[]): number {
  let sum = 0;
  for (let k = 1; k < values.length; k++) sum += (values[k]! - values[k - 1]!) ** 2;
  return values.length > 1 ? sum / (2 * (values.length - 1)) : 0;
}
