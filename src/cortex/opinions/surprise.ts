import { fit_pareto_tail, type Pareto, tail_surprise, VOTE_SHAPE } from "./pareto.ts";
import { room_for } from "./room.ts";

/** Part of the rows that lies in the fitted tail. */
const TAIL_PART = 0.02;

/** −log p of a value against what was seen: empirical in the bulk, generalized Pareto beyond. */
export class Surprise {
  /** The values of the last fit stand first in it. */
  #room: Float64Array = new Float64Array(0);
  #sorted: Float64Array = this.#room;
  #tail: Pareto | null = null;

  /** @param values any order, at least 3; not kept */
  fit(values: Float64Array): void {
    this.#room = room_for(this.#room, values.length);
    this.#sorted = this.#room.subarray(0, values.length);
    this.#sorted.set(values);
    this.#sorted.sort();
    this.#tail = fit_pareto_tail(this.#sorted, TAIL_PART, VOTE_SHAPE);
  }

  /** Nats; 0 before the first fit. */
  of(value: number): number {
    const tail = this.#tail;
    if (tail === null) return 0;
    if (value > tail.threshold) return tail_surprise(tail, value);
    const sorted = this.#sorted;
    let low = 0;
    let high = sorted.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (sorted[middle]! < value) low = middle + 1;
      else high = middle;
    }
    return -Math.log((sorted.length - low + 0.5) / (sorted.length + 1));
  }
}
