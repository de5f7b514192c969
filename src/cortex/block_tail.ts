/** Length of a block, and therefore how long a value waits before it can be learned: one to two blocks. */
export const BLOCK_S = 2;
/** Half a minute of blocks: fewer say nothing about a tail. */
const FEWEST_BLOCKS = 15;
/** A burst already seen at level 0 is not news, nor is one twice as large. */
const PEAK_MARGIN = 2;
const DEVIATIONS = 4;

/** A tail as plain JSON; mean, moment and peak in units of what was observed (the moment in its square). */
export type BlockTailState = readonly [count: number, weight: number, mean: number, moment: number, peak: number];

/**
 * Upper tail of a bursty quantity from the maxima of 2-second blocks: mean + 4 standard deviations of the maxima, or the
 * forgetting peak doubled, whichever is larger.
 *
 * Maxima, because a service that bursts once a minute has a harmless mean and a harmful-looking burst. A finished block
 * waits one more block before it counts and is dropped when calm ended meanwhile, so that the first beats of an anomaly,
 * which still look like level 0, cannot teach it.
 */
export class BlockTail {
  readonly #keep: number;
  #count = 0;
  #weight = 0;
  #mean = 0;
  #moment = 0;
  #peak = 0;
  #current = 0;
  #pending = 0;
  #has_pending = false;

  constructor(half_life_s: number, state?: BlockTailState) {
    this.#keep = 2 ** (-BLOCK_S / half_life_s);
    if (state === undefined) return;
    [this.#count, this.#weight, this.#mean, this.#moment, this.#peak] = state;
  }

  /** Blocks learned. */
  get count(): number {
    return this.#count;
  }

  /** The highest value learned, forgotten as time passes. */
  get peak(): number {
    return this.#peak;
  }

  /** Note a value of the present block. */
  observe(value: number): void {
    if (value > this.#current) this.#current = value;
  }

  /** The block ended in calm: the one before is learned, this one waits. */
  close(): void {
    if (this.#has_pending) this.#learn(this.#pending);
    this.#pending = this.#current;
    this.#has_pending = true;
    this.#current = 0;
  }

  /** The block ended in calm, but what it saw goes on: it counts, as one block, only once that has ended by itself. */
  hold(): void {
    this.#pending = this.#has_pending ? Math.max(this.#pending, this.#current) : this.#current;
    this.#has_pending = true;
    this.#current = 0;
  }

  /** Calm ended: what has not been learned yet never will be. */
  discard(): void {
    this.#has_pending = false;
    this.#current = 0;
  }

  /** Count blocks that are known to have been silent before the first value was seen. */
  credit_silence(blocks: number): void {
    for (let k = 0; k < Math.min(blocks, FEWEST_BLOCKS); k++) this.#learn(0);
  }

  /** The learned tail, at least `floor`; null while too young. */
  get(floor: number): number | null {
    if (this.#count < FEWEST_BLOCKS) return null;
    const sigma = Math.sqrt(Math.max(0, this.#moment / this.#weight));
    return Math.max(floor, this.#mean + DEVIATIONS * sigma, PEAK_MARGIN * this.#peak);
  }

  snapshot(): BlockTailState {
    return [this.#count, this.#weight, this.#mean, this.#moment, this.#peak];
  }

  #learn(value: number): void {
    this.#count += 1;
    this.#weight = this.#keep * this.#weight + 1;
    const delta = value - this.#mean;
    this.#mean += delta / this.#weight;
    this.#moment = this.#keep * this.#moment + delta * (value - this.#mean);
    this.#peak = Math.max(this.#keep * this.#peak, value);
  }
}
