import { fit_pareto_tail, type Pareto, SCORE_SHAPE, tail_level } from "./pareto.ts";

/** Part of the maxima that lies in the fitted tail. */
const TAIL_PART = 0.1;
/** Fewer blocks say nothing about a tail. */
export const FEWEST_BLOCKS = 12;

/**
 * A threshold that a score goes beyond in a promised part of the blocks of time, learned from the maxima of the last
 * blocks. Blocks, because a smoothed score goes beyond in clumps, and a clump is one alarm.
 */
export class BlockMaxima {
  readonly #block_rows: number;
  readonly #maxima: Float64Array;
  readonly #sorted: Float64Array;
  #count = 0;
  #next = 0;
  #fill = 0;
  #highest = Number.NEGATIVE_INFINITY;
  #tail: Pareto | null = null;

  constructor(block_rows: number, blocks: number) {
    this.#block_rows = block_rows;
    this.#maxima = new Float64Array(blocks);
    this.#sorted = new Float64Array(blocks);
  }

  get tail(): Pareto | null {
    return this.#tail;
  }

  note(score: number): void {
    this.#highest = Math.max(this.#highest, score);
    this.#fill += 1;
    if (this.#fill < this.#block_rows) return;
    this.#maxima[this.#next] = this.#highest;
    this.#next = (this.#next + 1) % this.#maxima.length;
    this.#count = Math.min(this.#count + 1, this.#maxima.length);
    this.#fill = 0;
    this.#highest = Number.NEGATIVE_INFINITY;
  }

  /** @param promise part of the blocks with an alarm. @returns null while there are too few blocks */
  threshold(promise: number): number | null {
    if (this.#count < FEWEST_BLOCKS) return null;
    const sorted = this.#sorted.subarray(0, this.#count);
    sorted.set(this.#maxima.subarray(0, this.#count));
    this.#tail = fit_pareto_tail(sorted.sort(), TAIL_PART, SCORE_SHAPE);
    return tail_level(this.#tail, promise);
  }
}
