import { quantile_sorted } from "../../cortex/quantile.ts";
import type { RowDetector, RowJudgement } from "../detector.ts";
import { resolutions } from "../resolution.ts";

/** Train rows the quartiles are taken of: evenly spread ones of more. */
const MOST_ROWS = 16_384;
/** Tukey's fence: so many interquartile ranges beyond the quartiles. */
const RANGES = 1.5;

/**
 * Fences around the quartiles of the train rows, the second detector of the seed. Its score is the largest excursion of a row, in fences: 1 at
 * the fence of the dimension that is farthest out, so that it votes above 1.
 */
export class IqrFence implements RowDetector {
  readonly name = "iqr_fence";
  readonly scored_by = "iqr_fence";
  readonly threshold = 1;
  readonly #n: number;
  readonly #contribution: Float64Array;
  #rows: Float64Array[] = [];
  #stride = 1;
  #seen = 0;
  #fences: readonly { readonly low: number; readonly high: number; readonly width: number }[] = [];

  constructor(dimensions: number) {
    this.#n = dimensions;
    this.#contribution = new Float64Array(dimensions);
  }

  get constant(): readonly string[] {
    return [];
  }

  learn(x: Float64Array): void {
    this.#seen += 1;
    if (this.#seen % this.#stride !== 0) return;
    this.#rows.push(x.slice());
    if (this.#rows.length < MOST_ROWS) return;
    this.#rows = this.#rows.filter((_, i) => i % 2 === 1);
    this.#stride *= 2;
  }

  skip(): void {}

  finish_warmup(): void {
    const { resolution } = resolutions(this.#rows);
    this.#fences = Array.from({ length: this.#n }, (_, j) => {
      const sorted = Float64Array.from(this.#rows, (row) => row[j]!).sort();
      if (sorted.length === 0) return { low: 0, high: 0, width: 1 };
      const [low, high] = [quantile_sorted(sorted, 0.25), quantile_sorted(sorted, 0.75)];
      // A column that hardly moves has no range of its own.
      return { low, high, width: RANGES * Math.max(high - low, resolution[j]!) };
    });
    this.#rows = [];
  }

  score(x: Float64Array): RowJudgement {
    let largest = 0;
    for (let j = 0; j < this.#n; j++) {
      const { low, high, width } = this.#fences[j]!;
      const fences = Math.max(0, low - x[j]!, x[j]! - high) / width;
      this.#contribution[j] = fences * fences;
      largest = Math.max(largest, fences);
    }
    return { score: largest, alarm: largest > 1, level: largest > 1 ? 1 : 0, contribution: this.#contribution };
  }
}
