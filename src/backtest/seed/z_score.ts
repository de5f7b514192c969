import type { RowDetector, RowJudgement } from "../detector.ts";

/** Rows of the window. */
const WINDOW_ROWS = 288;
/** A vote is a deviation beyond so many standard deviations. */
const SIGMAS = 3;
/** Smallest believed standard deviation, part of the range of the window: a column that hardly moves has none of its own. */
const RANGE_PART = 0.01;

/**
 * Rolling z-score, the first detector of the seed: each dimension against mean and standard deviation of the last 288 rows. Its score is the
 * largest |z| of a row over 3, so that it votes above 1. Whatever comes enters the window, anomalies too: that is how the rule is written.
 */
export class RollingZScore implements RowDetector {
  readonly name = "z_score";
  readonly scored_by = "z_score";
  readonly threshold = 1;
  readonly #n: number;
  readonly #window: Float64Array;
  readonly #contribution: Float64Array;
  #count = 0;

  constructor(dimensions: number) {
    this.#n = dimensions;
    this.#window = new Float64Array(WINDOW_ROWS * dimensions);
    this.#contribution = new Float64Array(dimensions);
  }

  get constant(): readonly string[] {
    return [];
  }

  learn(x: Float64Array): void {
    this.#window.set(x, (this.#count % WINDOW_ROWS) * this.#n);
    this.#count += 1;
  }

  skip(): void {}

  finish_warmup(): void {}

  score(x: Float64Array): RowJudgement {
    let largest = 0;
    for (let j = 0; j < this.#n; j++) {
      const z = this.#z(j, x[j]!);
      this.#contribution[j] = z * z;
      largest = Math.max(largest, Math.abs(z));
    }
    this.learn(x);
    const score = largest / SIGMAS;
    return { score, alarm: score > 1, level: score > 1 ? 1 : 0, contribution: this.#contribution };
  }

  /** Two passes over the window: sums that are carried along would drift. */
  #z(j: number, value: number): number {
    const rows = Math.min(this.#count, WINDOW_ROWS);
    if (rows < 2) return 0;
    let sum = 0;
    let low = Number.POSITIVE_INFINITY;
    let high = Number.NEGATIVE_INFINITY;
    for (let row = 0; row < rows; row++) {
      const one = this.#window[row * this.#n + j]!;
      sum += one;
      low = Math.min(low, one);
      high = Math.max(high, one);
    }
    const mean = sum / rows;
    let squares = 0;
    for (let row = 0; row < rows; row++) squares += (this.#window[row * this.#n + j]! - mean) ** 2;
    const least = RANGE_PART * (high > low ? high - low : Math.max(1, Math.abs(high)));
    return (value - mean) / Math.max(Math.sqrt(squares / (rows - 1)), least);
  }
}
