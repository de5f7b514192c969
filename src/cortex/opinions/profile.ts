import type { Season } from "./season.ts";

const MOST_BINS = 288;

/** Running profile of one period: at most 288 phases, each an exponentially weighted mean of its neighbourhood. */
export class Profile {
  readonly period_rows: number;
  readonly bins: number;
  readonly #follows: Float64Array;
  readonly #n: number;
  readonly #values: Float64Array;
  readonly #seen: Float64Array;
  readonly #kernel: Float64Array;
  readonly #spread: number;
  readonly #gain: number;

  constructor(season: Season, gain: number, spread: number) {
    const bins = Math.min(MOST_BINS, season.period_rows);
    this.period_rows = season.period_rows;
    this.bins = bins;
    this.#follows = season.follows;
    this.#n = season.follows.length;
    this.#values = new Float64Array(bins * this.#n);
    this.#seen = new Float64Array(bins);
    this.#gain = gain * (bins / season.period_rows);
    this.#spread = Math.min(spread, Math.floor((bins - 1) / 4));
    this.#kernel = new Float64Array(2 * this.#spread + 1);
    let sum = 0;
    for (let k = -this.#spread; k <= this.#spread; k++) {
      const value = this.#spread === 0 ? 1 : Math.exp(-0.5 * (k / (this.#spread / 2)) ** 2);
      this.#kernel[k + this.#spread] = value;
      sum += value;
    }
    for (let k = 0; k < this.#kernel.length; k++) this.#kernel[k]! /= sum;
  }

  /** x without its season, into `out`. */
  residual_into(out: Float64Array, x: Float64Array, row: number): void {
    const at = this.#bin(row) * this.#n;
    for (let j = 0; j < this.#n; j++) out[j] = x[j]! - this.#follows[j]! * this.#values[at + j]!;
  }

  learn(x: Float64Array, row: number): void {
    const centre = this.#bin(row);
    for (let k = -this.#spread; k <= this.#spread; k++) {
      const bin = (centre + k + this.bins) % this.bins;
      const weight = this.#kernel[k + this.#spread]!;
      this.#seen[bin]! += weight;
      const gain = Math.max(this.#gain * weight, weight / this.#seen[bin]!);
      const at = bin * this.#n;
      for (let j = 0; j < this.#n; j++) this.#values[at + j]! += gain * (x[j]! - this.#values[at + j]!);
    }
  }

  #bin(row: number): number {
    return Math.floor(((row % this.period_rows) * this.bins) / this.period_rows);
  }
}
