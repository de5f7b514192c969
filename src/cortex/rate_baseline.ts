import { BLOCK_S } from "./block_tail.ts";

/** Part of its mean that a rate may always vary by. */
const RELATIVE_FLOOR = 0.1;

/** A rate and its own mean and standard deviation over calm time, learned with the same delay as the tails. */
export class RateBaseline {
  /** The rate now, set by the owner. */
  rate = 0;
  mean = 0;
  readonly #keep: number;
  readonly #floor: number;
  #square = 0;
  #weight = 0;
  readonly #current = { time: 0, sum: 0, square: 0 };
  readonly #pending = { time: 0, sum: 0, square: 0 };

  /** @param floor smallest believed standard deviation, in units of the rate */
  constructor(half_life_s: number, floor: number) {
    this.#keep = 2 ** (-BLOCK_S / half_life_s);
    this.#floor = floor;
  }

  /** (rate − mean) in own standard deviations; against a mean of 0 and the floor while nothing is learned. */
  get change(): number {
    const deviation = Math.sqrt(Math.max(0, this.#square - this.mean * this.mean));
    return (this.rate - this.mean) / Math.max(deviation, this.#floor, RELATIVE_FLOOR * Math.abs(this.mean));
  }

  /** The rate lasted for `dt_s`. */
  observe(dt_s: number): void {
    this.#current.time += dt_s;
    this.#current.sum += this.rate * dt_s;
    this.#current.square += this.rate * this.rate * dt_s;
  }

  close(): void {
    const { time, sum, square } = this.#pending;
    if (time > 0) {
      this.#weight = this.#keep * this.#weight + time;
      this.mean += (sum - time * this.mean) / this.#weight;
      this.#square += (square - time * this.#square) / this.#weight;
    }
    Object.assign(this.#pending, this.#current);
    clear(this.#current);
  }

  discard(): void {
    clear(this.#current);
    clear(this.#pending);
  }
}

function clear(block: { time: number; sum: number; square: number }): void {
  block.time = 0;
  block.sum = 0;
  block.square = 0;
}
