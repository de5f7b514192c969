import type { RowDetector, RowJudgement } from "../detector.ts";
import { IqrFence } from "./iqr_fence.ts";
import { IsolationForest } from "./isolation_forest.ts";
import { RollingZScore } from "./z_score.ts";

/**
 * The named baseline `seed`: rolling z-score, IQR fence and isolation forest (SPEC §10), each with a score of 1 at its own bound. The consensus
 * is the middle one of the three, so that it is above 1 where at least two vote.
 */
export class SeedConsensus implements RowDetector {
  readonly name = "seed";
  readonly scored_by = "consensus";
  readonly threshold = 1;
  readonly #parts: readonly RowDetector[];

  constructor(dimensions: number) {
    this.#parts = seed_parts(dimensions);
  }

  get constant(): readonly string[] {
    return [];
  }

  learn(x: Float64Array): void {
    for (const part of this.#parts) part.learn(x);
  }

  skip(rows: number): void {
    for (const part of this.#parts) part.skip(rows);
  }

  finish_warmup(): void {
    for (const part of this.#parts) part.finish_warmup();
  }

  score(x: Float64Array): RowJudgement {
    const judged = this.#parts.map((part) => part.score(x));
    return judged.sort((a, b) => a.score - b.score)[1]!;
  }
}

/** The three detectors of the seed, each on its own. */
export function seed_parts(dimensions: number): readonly RowDetector[] {
  return [new RollingZScore(dimensions), new IqrFence(dimensions), new IsolationForest(dimensions)];
}
