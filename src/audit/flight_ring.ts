import type { Assessment } from "../model/assessment.ts";
import type { Decision } from "../model/decision.ts";
import type { Maybe } from "../model/sample.ts";

/** One beat as it was: references only. */
export interface FlightBeat {
  readonly assessment: Assessment;
  /** What the decision remembered before this beat. */
  readonly state: unknown;
  readonly decision: Decision;
}

/** Values of a beat that nobody keeps any more: whoever is given them may write over them. Null: there are none. */
export interface SpentBeat {
  assessment: Maybe<Assessment>;
  /** A DecisionState; opaque here. */
  state: Maybe<unknown>;
  decision: Maybe<Decision>;
}

/** A place of the ring, which is itself used again and again. */
interface Slot extends SpentBeat {
  kept: boolean;
}

const nothing = (): Slot => ({ assessment: null, state: null, decision: null, kept: false });

function move(from: SpentBeat, to: SpentBeat): void {
  to.assessment = from.assessment;
  to.state = from.state;
  to.decision = from.decision;
  clear(from);
}

function clear(slot: SpentBeat): void {
  slot.assessment = null;
  slot.state = null;
  slot.decision = null;
}

/** Fixed objects of a beat on the heap. */
const FEWEST_BYTES = 1600;
/** Not counted as a loss: what finds no place is made anew. Beats that wait to be written over; in steady state one leaves the ring for each that comes. */
const MOST_SPENT = 16;

/** Rough size of a beat on the heap: fixed objects, three vectors, and the lists that grow with trouble. */
function estimated_bytes({ x, growth, changes, containments }: Assessment): number {
  return FEWEST_BYTES + 24 * x.length + 500 * growth.length + 160 * changes.length + 320 * containments.length;
}

/**
 * The last beats, bounded in age and in estimated bytes; the latest is always there.
 *
 * Who may keep what for how long: what was pushed stays as it is while it is in the ring. What leaves the ring is handed out
 * by `refill` to be written over, unless it was pushed as kept, or was in the ring when a snapshot was taken: that is
 * never written again. So whoever keeps a beat beyond the next one must see to it that it is pushed as kept.
 */
export class FlightRing {
  readonly #most_ns: number;
  readonly #most_bytes: number;
  readonly #slots: (Slot | undefined)[];
  readonly #spent = Array.from({ length: MOST_SPENT }, nothing);
  #spent_count = 0;
  #first = 0;
  #length = 0;
  #bytes = 0;
  /** Beats dropped before their time, because those kept are as large as they may be. */
  early = 0;

  /** @param most_ns age, against the latest beat, beyond which a beat is dropped */
  constructor(most_ns: number, most_bytes: number) {
    this.#most_ns = most_ns;
    this.#most_bytes = most_bytes;
    this.#slots = new Array<Slot | undefined>(Math.floor(most_bytes / FEWEST_BYTES) + 1);
  }

  get length(): number {
    return this.#length;
  }

  /** CLOCK_MONOTONIC of the oldest beat kept; Infinity when there is none. */
  get oldest_ns(): number {
    return this.#length === 0 ? Number.POSITIVE_INFINITY : this.#slots[this.#first]!.assessment!.t_ns;
  }

  /** @param kept somebody else keeps values of this beat beyond the next one */
  push(assessment: Assessment, state: unknown, decision: Decision, kept: boolean): void {
    const bytes = estimated_bytes(assessment);
    const since_ns = assessment.t_ns - this.#most_ns;
    while (this.#length > 0 && (this.oldest_ns < since_ns || this.#bytes + bytes > this.#most_bytes)) {
      if (this.oldest_ns >= since_ns) this.early += 1;
      this.#drop_oldest();
    }
    const place = (this.#first + this.#length) % this.#slots.length;
    this.#slots[place] ??= nothing();
    const slot = this.#slots[place];
    slot.assessment = assessment;
    slot.state = state;
    slot.decision = decision;
    slot.kept = kept;
    this.#length += 1;
    this.#bytes += bytes;
  }

  /** Somebody keeps values of the latest beat beyond the next one. */
  keep_latest(): void {
    if (this.#length > 0) this.#slots[(this.#first + this.#length - 1) % this.#slots.length]!.kept = true;
  }

  /** Gives values that may be written over, or nothing. What stood in `desk` before is forgotten. */
  refill(desk: SpentBeat): void {
    if (this.#spent_count > 0) this.#spent_count -= 1;
    move(this.#spent[this.#spent_count]!, desk);
  }

  /** Oldest first. What is in the ring now is never written over: the snapshot may be kept for good. */
  snapshot(): FlightBeat[] {
    const beats: FlightBeat[] = [];
    for (let k = 0; k < this.#length; k++) {
      const slot = this.#slots[(this.#first + k) % this.#slots.length]!;
      slot.kept = true;
      beats.push({ assessment: slot.assessment!, state: slot.state, decision: slot.decision! });
    }
    return beats;
  }

  #drop_oldest(): void {
    const slot = this.#slots[this.#first]!;
    this.#bytes -= estimated_bytes(slot.assessment!);
    this.#first = (this.#first + 1) % this.#slots.length;
    this.#length -= 1;
    if (slot.kept || this.#spent_count === MOST_SPENT) {
      clear(slot);
      return;
    }
    move(slot, this.#spent[this.#spent_count]!);
    this.#spent_count += 1;
  }
}
