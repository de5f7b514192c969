import type { Absence } from "../model/sample.ts";
import { DIMENSIONS, type DimensionName } from "./dimensions.ts";
import { entropy_bits } from "./entropy.ts";
import type { BeatFigures, SensorPorts } from "./ports.ts";
import type { Sense } from "./sense.ts";
import { Window } from "./window.ts";

const CLASSES = 16;
/** Below this many calls in the window the mix is noise: with 16 classes a few calls each are needed. */
const MIN_CALLS = 64;

/** H(S): entropy of the mix of system calls over their classes, in bits. */
export class SyscallSense implements Sense {
  readonly dimensions: readonly DimensionName[];
  readonly absences: readonly Absence[];
  readonly values: Float64Array;
  ready: boolean;
  missed = 0;
  readonly #window = new Window(CLASSES);
  readonly #deltas = new Float64Array(CLASSES);
  #measured = false;

  constructor(ports: SensorPorts) {
    const name = "syscall_entropy_bits";
    const why = ports.missing_counter("syscalls");
    this.dimensions = why === null ? [name] : [];
    this.absences = why === null ? [] : [{ what: name, why, costs: DIMENSIONS[name].costs }];
    this.values = new Float64Array(this.dimensions.length);
    this.ready = why !== null;
  }

  feel(beat: BeatFigures): void {
    if (this.dimensions.length === 0) return;
    this.#window.current.set(beat.syscalls);
    if (!this.#window.advance(beat.t_ns)) return;
    this.ready = true;
    let calls = 0;
    for (let i = 0; i < CLASSES; i++) {
      const delta = this.#window.delta(i);
      if (delta < 0) {
        this.missed++;
        return;
      }
      this.#deltas[i] = delta;
      calls += delta;
    }
    // A quiet node keeps the last mix it showed; until it has shown one, that of all calls since the probe was loaded.
    if (calls >= MIN_CALLS) {
      this.values[0] = entropy_bits(this.#deltas);
      this.#measured = true;
    } else if (!this.#measured) this.values[0] = entropy_bits(this.#window.current);
  }
}
