import { LearnedMetric } from "./learned_metric.ts";
import { Neighbours } from "./neighbours.ts";
import { Profile } from "./profile.ts";
import type { Season } from "./season.ts";

/** Weight of a new distance in its smoothed value; between .2 and .4 it hardly matters. */
const ALPHA = 0.3;
/** Memories of the forecasts, as weight of a new row: a jump, a step, a ramp and a slow drift each have one that suits. */
const MEMORIES = [1, 1 / 4, 1 / 16, 1 / 64] as const;
/** The errors of a forecast are spiky: the weak directions of their correlation are noise. */
const INNOVATION_LAMBDA = 10;
const HALF_LIFE_ROWS = 36_000;
const RESERVOIR_ROWS = 200;
const RESERVOIR_STRIDE = 40;
const NEIGHBOUR = 5;
/** Weight of a new period; half-width of a bin, in bins. */
const SEASON = { gain: 0.15, spread_bins: 6 } as const;

/** The names of the opinions, in the order of their distances and votes. */
export const OPINION_NAMES: readonly string[] = [
  "level",
  "neighbours",
  ...MEMORIES.map((memory) => `innovation_${Math.round(1 / memory)}`),
];

/** The votes by the names of the opinions, nats. */
export function named_votes(votes: Float64Array): Record<string, number> {
  return Object.fromEntries(OPINION_NAMES.map((name, k) => [name, votes[k]!]));
}

/** What a row of n dimensions costs at most to measure and to learn, in multiply-adds: a factorization for every metric is among it. */
export function row_products(n: number): number {
  return RESERVOIR_ROWS * n + (1 + MEMORIES.length) * n * n * (2 + n / 6);
}

/**
 * A self as the opinions know it, and how far a row is from it: the Mahalanobis distance of the level without its season, the
 * distance to the fifth nearest of what was learned, and the innovations against forecasts of four memories. A row is
 * measured before it may be learned: O(n²) five times and O(200 n), without allocation.
 */
export class Distances {
  /** Of the row last measured, smoothed. */
  readonly smooth = new Float64Array(OPINION_NAMES.length);
  readonly #distance = new Float64Array(OPINION_NAMES.length);
  readonly #level: LearnedMetric;
  readonly #neighbours: Neighbours;
  readonly #innovations: readonly LearnedMetric[];
  readonly #profile: Profile | null;
  readonly #forecasts: readonly Float64Array[];
  readonly #errors: readonly Float64Array[];
  readonly #residual: Float64Array;
  readonly #centred: Float64Array;
  #seen = 0;

  /** @param floor smallest believed standard deviation of each dimension. @param lambda ridge on the correlation of the level */
  constructor(floor: Float64Array, lambda: number, season: Season | null) {
    const n = floor.length;
    this.#level = new LearnedMetric(floor, lambda, HALF_LIFE_ROWS);
    this.#neighbours = new Neighbours(floor, RESERVOIR_ROWS, NEIGHBOUR, RESERVOIR_STRIDE, HALF_LIFE_ROWS);
    this.#innovations = MEMORIES.map(() => new LearnedMetric(floor, INNOVATION_LAMBDA, HALF_LIFE_ROWS));
    this.#profile = season === null ? null : new Profile(season, SEASON.gain, SEASON.spread_bins);
    this.#forecasts = MEMORIES.map(() => new Float64Array(n));
    this.#errors = MEMORIES.map(() => new Float64Array(n));
    this.#residual = new Float64Array(n);
    this.#centred = new Float64Array(n);
  }

  /** Rows of the season; null when there is none. */
  get period_rows(): number | null {
    return this.#profile?.period_rows ?? null;
  }

  /** Filters begin anew, because nobody knows what came between. */
  interrupt(): void {
    this.#seen = 0;
  }

  /** @param row its number, which tells its place in the season */
  measure(x: Float64Array, row: number): void {
    const residual = this.#residual;
    if (this.#profile === null) residual.set(x);
    else this.#profile.residual_into(residual, x, row);
    this.#forecast(this.#seen === 0);
    const { mean } = this.#level;
    for (let j = 0; j < x.length; j++) this.#centred[j] = residual[j]! - mean[j]!;
    this.#distance[0] = this.#level.distance(residual);
    this.#distance[1] = this.#neighbours.distance(this.#centred);
    for (let i = 0; i < MEMORIES.length; i++) {
      this.#distance[2 + i] = this.#innovations[i]!.distance(this.#errors[i]!);
    }
    const alpha = this.#seen === 0 ? 1 : ALPHA;
    for (let k = 0; k < this.smooth.length; k++) {
      this.smooth[k] = this.smooth[k]! + alpha * (this.#distance[k]! - this.smooth[k]!);
    }
    this.#seen += 1;
  }

  /** Learn the row just measured. */
  learn(x: Float64Array, row: number): void {
    this.#level.learn(this.#residual, this.#distance[0]!);
    this.#neighbours.learn(this.#centred);
    for (let i = 0; i < MEMORIES.length; i++) this.#innovations[i]!.learn(this.#errors[i]!, this.#distance[2 + i]!);
    this.learn_season(x, row);
  }

  learn_season(x: Float64Array, row: number): void {
    this.#profile?.learn(x, row);
  }

  /** Forecasts follow in alarm too: they are filters, not a self. */
  #forecast(first: boolean): void {
    const residual = this.#residual;
    for (let i = 0; i < MEMORIES.length; i++) {
      const forecast = this.#forecasts[i]!;
      const error = this.#errors[i]!;
      if (first) forecast.set(residual);
      for (let j = 0; j < residual.length; j++) {
        error[j] = residual[j]! - forecast[j]!;
        forecast[j] = forecast[j]! + MEMORIES[i]! * error[j]!;
      }
    }
  }
}
