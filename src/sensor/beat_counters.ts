import type { Absence } from "../model/sample.ts";
import { DIMENSIONS, type DimensionName } from "./dimensions.ts";
import type { BeatCounter, BeatFigures, SensorPorts } from "./ports.ts";
import type { Sense } from "./sense.ts";
import { Window } from "./window.ts";

/** A dimension made of beat counters: the counters it needs, and its value from their window (NaN: no data). */
export interface BeatDimension {
  readonly name: DimensionName;
  readonly counters: readonly BeatCounter[];
  /** `first` is the channel of the first counter; the others follow. */
  readonly value: (window: Window, first: number) => number;
}

/** The plain case: the summed rate of the counters per second. */
export function rate_of(name: DimensionName, ...counters: BeatCounter[]): BeatDimension {
  const value = (window: Window, first: number): number => {
    let sum = 0;
    for (let i = 0; i < counters.length; i++) sum += window.rate(first + i);
    return sum;
  };
  return { name, counters, value };
}

/** The dimensions a sense makes of the beat's own counters, by the kernel's time. */
export class BeatCounters implements Sense {
  readonly dimensions: readonly DimensionName[];
  readonly absences: readonly Absence[];
  readonly values: Float64Array;
  ready = false;
  missed = 0;
  readonly #parts: readonly BeatDimension[];
  readonly #first: readonly number[];
  readonly #counters: readonly BeatCounter[];
  readonly #window: Window;

  constructor(ports: SensorPorts, parts: readonly BeatDimension[]) {
    const absences: Absence[] = [];
    this.#parts = parts.filter((part) => {
      const why = part.counters.map((counter) => ports.missing_counter(counter)).find((reason) => reason !== null);
      if (why === undefined || why === null) return true;
      absences.push({ what: part.name, why, costs: DIMENSIONS[part.name].costs });
      return false;
    });
    this.absences = absences;
    this.dimensions = this.#parts.map((part) => part.name);
    this.values = new Float64Array(this.#parts.length);
    this.#counters = this.#parts.flatMap((part) => part.counters);
    const first: number[] = [];
    for (let at = 0, i = 0; i < this.#parts.length; at += this.#parts[i]!.counters.length, i++) first.push(at);
    this.#first = first;
    this.#window = new Window(this.#counters.length);
  }

  feel(beat: BeatFigures): void {
    for (let i = 0; i < this.#counters.length; i++) this.#window.current[i] = beat[this.#counters[i]!];
    if (!this.#window.advance(beat.t_ns)) return;
    for (let i = 0; i < this.#parts.length; i++) {
      const value = this.#parts[i]!.value(this.#window, this.#first[i]!);
      if (Number.isFinite(value)) this.values[i] = value;
      else this.missed++;
    }
    this.ready = true;
  }
}
