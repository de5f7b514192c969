import type { Allowance } from "./allowance.ts";
import { BlockMaxima } from "./block_maxima.ts";
import { OPINION_NAMES } from "./distances.ts";
import { History } from "./history.ts";
import type { OpinionOptions } from "./options.ts";
import { room_for } from "./room.ts";
import { Surprise } from "./surprise.ts";

const TAIL_ROWS = 16_384;
const THRESHOLD_BLOCKS = 336;
/** Rows from the fit of one opinion to that of the next: each comes anew every 288 rows, and no row waits for more than one. */
const REFIT_ROWS = 48;
/** Multiply-adds that one step is worth of a sort, and of a search in what was sorted. */
const SORT_STEP = 5;

/**
 * Each smoothed distance becomes −log p against its own past; their sum (Fisher 1932) is judged against a threshold that keeps
 * the promised number of alarms. State is bounded: 16,384 rows of distances and 336 block maxima.
 */
export class Votes {
  readonly #options: OpinionOptions;
  readonly #surprises = OPINION_NAMES.map(() => new Surprise());
  readonly #tails = new History(OPINION_NAMES.length, TAIL_ROWS);
  readonly #maxima: BlockMaxima;
  /** Of the fits; kept, because the next one needs it again. */
  #column: Float64Array = new Float64Array(0);
  #theta = Number.POSITIVE_INFINITY;
  #rows_since_fit = 0;
  #turn = 0;

  constructor(options: OpinionOptions) {
    this.#options = options;
    this.#maxima = new BlockMaxima(options.block_rows, THRESHOLD_BLOCKS);
  }

  /** Threshold of the sum, nats. */
  get theta(): number {
    return this.#theta;
  }

  /** Rows of distances that were remembered. */
  get known_rows(): number {
    return this.#tails.count;
  }

  /** The sum of the votes, nats; each of them goes into `out`. */
  judge_into(out: Float64Array, smooth: Float64Array): number {
    let total = 0;
    for (let k = 0; k < out.length; k++) {
      out[k] = this.#surprises[k]!.of(smooth[k]!);
      total += out[k]!;
    }
    return total;
  }

  /** The distances of a normal row. */
  remember(smooth: Float64Array): void {
    this.#tails.push(smooth, false);
  }

  /** A sum that may teach the threshold. */
  note(score: number): void {
    this.#maxima.note(score);
  }

  /** The first fit: of every opinion to the rows remembered, at least 3, then of the threshold to the sums they give to these. */
  *fit(work: Allowance): Generator<void, void> {
    const { count } = this.#tails;
    const total = new Float64Array(count);
    for (let k = 0; k < this.#surprises.length; k++) {
      if (work.waits(SORT_STEP * count * Math.log2(count))) yield;
      const column = this.#fit_opinion(k);
      if (work.waits(SORT_STEP * count * Math.log2(count))) yield;
      for (let i = 0; i < count; i++) total[i]! += this.#surprises[k]!.of(column[i]!);
    }
    for (const score of total) this.#maxima.note(score);
    this.#fit_threshold();
  }

  /** A row has come: now and then the next opinion is fitted anew, and with the last of them the threshold. */
  follow(): void {
    this.#rows_since_fit += 1;
    if (this.#rows_since_fit < REFIT_ROWS) return;
    this.#rows_since_fit = 0;
    this.#fit_opinion(this.#turn);
    this.#turn = (this.#turn + 1) % this.#surprises.length;
    if (this.#turn === 0) this.#fit_threshold();
  }

  /** Returns what it was fitted to, in the order of time. */
  #fit_opinion(k: number): Float64Array {
    const { count } = this.#tails;
    this.#column = room_for(this.#column, count);
    const column = this.#column.subarray(0, count);
    this.#tails.column_into(column, k);
    this.#surprises[k]!.fit(column);
    return column;
  }

  #fit_threshold(): void {
    const { alarms_per_s, row_s, block_rows } = this.#options;
    this.#theta = this.#maxima.threshold(alarms_per_s * row_s * block_rows) ?? Number.POSITIVE_INFINITY;
  }
}
