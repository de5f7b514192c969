import type { Assessment } from "../model/assessment.ts";
import type { Decision } from "../model/decision.ts";

/** One beat as it was: references only, to values that never change. */
export interface FlightBeat {
  readonly assessment: Assessment;
  /** What the decision remembered before this beat. */
  readonly state: unknown;
  readonly decision: Decision;
}

/** Fixed objects of a beat on the heap. */
const FEWEST_BYTES = 1600;

/** Rough size of a beat on the heap: fixed objects, three vectors, and the lists that grow with trouble. */
function estimated_bytes({ x, growth, changes, containments }: Assessment): number {
  return FEWEST_BYTES + 24 * x.length + 500 * growth.length + 160 * changes.length + 320 * containments.length;
}

/** The last beats, bounded in age and in estimated bytes; the latest is always there. */
export class FlightRing {
  readonly #most_ns: number;
  readonly #most_bytes: number;
  readonly #beats: (FlightBeat | undefined)[];
  #first = 0;
  #length = 0;
  #bytes = 0;

  /** @param most_ns age, against the latest beat, beyond which a beat is dropped */
  constructor(most_ns: number, most_bytes: number) {
    this.#most_ns = most_ns;
    this.#most_bytes = most_bytes;
    this.#beats = new Array<FlightBeat | undefined>(Math.floor(most_bytes / FEWEST_BYTES) + 1);
  }

  get length(): number {
    return this.#length;
  }

  /** CLOCK_MONOTONIC of the oldest beat kept; Infinity when there is none. */
  get oldest_ns(): number {
    return this.#beats[this.#first]?.assessment.t_ns ?? Number.POSITIVE_INFINITY;
  }

  push(beat: FlightBeat): void {
    const bytes = estimated_bytes(beat.assessment);
    const since_ns = beat.assessment.t_ns - this.#most_ns;
    while (this.#length > 0 && (this.oldest_ns < since_ns || this.#bytes + bytes > this.#most_bytes)) {
      this.#drop_oldest();
    }
    this.#beats[(this.#first + this.#length) % this.#beats.length] = beat;
    this.#length += 1;
    this.#bytes += bytes;
  }

  /** Oldest first. */
  snapshot(): FlightBeat[] {
    const beats: FlightBeat[] = [];
    for (let k = 0; k < this.#length; k++) beats.push(this.#beats[(this.#first + k) % this.#beats.length]!);
    return beats;
  }

  #drop_oldest(): void {
    this.#bytes -= estimated_bytes(this.#beats[this.#first]!.assessment);
    this.#beats[this.#first] = undefined;
    this.#first = (this.#first + 1) % this.#beats.length;
    this.#length -= 1;
  }
}
