import { OperatorError } from "../model/error.ts";
import type { KeptFilePort, SensorPorts } from "./ports.ts";
import { Window } from "./window.ts";

/** Fills the counters of a reading from a file's bytes; false when the file does not read as expected. */
export type Parser = (bytes: Uint8Array, into: Float64Array) => boolean;

export interface CounterFileOptions {
  readonly path: string;
  readonly channels: number;
  readonly parse: Parser;
  /** Read at most this often; 0 at every beat. */
  readonly period_ns?: number;
  /** Shifts the turns against those of other files, so that at 100 Hz no beat has to read all the slow ones. */
  readonly phase_ns?: number;
  /** Window of the rates. */
  readonly span_ns?: number;
}

/** A kept /proc file whose figures are differenced over a sliding window by the time of their own reading. */
export class CounterFile {
  readonly window: Window;
  /** Readings that gave nothing usable: the last values were kept. */
  missed = 0;
  readonly #file: KeptFilePort;
  readonly #parse: Parser;
  readonly #scratch: Float64Array;
  readonly #period_ns: number;
  readonly #monotonic_ns: () => number;
  readonly #phase_ns: number;
  #turn = -1;

  private constructor(file: KeptFilePort, ports: SensorPorts, options: CounterFileOptions) {
    this.window = new Window(options.channels, options.span_ns);
    this.#scratch = new Float64Array(options.channels);
    this.#file = file;
    this.#parse = options.parse;
    this.#period_ns = options.period_ns ?? 0;
    this.#phase_ns = options.phase_ns ?? 0;
    this.#monotonic_ns = () => ports.monotonic_ns();
  }

  /**
   * Open and read once.
   * @returns null when the host has no such file.
   * @throws OperatorError when the file is there but does not read as expected.
   */
  static open(ports: SensorPorts, options: CounterFileOptions): CounterFile | null {
    const file = ports.open(options.path);
    if (file === null) return null;
    const opened = new CounterFile(file, ports, options);
    if (!opened.#take()) {
      throw new OperatorError(
        `reading ${options.path}: its text is not what this kernel interface is documented to give`,
        3,
        `show the file (cat ${options.path}); a container runtime that replaces it (lxcfs) must be kept out of the agent`,
      );
    }
    return opened;
  }

  /** Read when due. True when `window` holds a new difference. */
  feel(beat_ns: number): boolean {
    if (this.#period_ns > 0) {
      const turn = Math.floor((beat_ns + this.#phase_ns) / this.#period_ns);
      if (turn === this.#turn) return false;
      this.#turn = turn;
    }
    const t_ns = this.#monotonic_ns();
    if (!this.#take()) {
      this.missed++;
      return false;
    }
    return this.window.advance(t_ns);
  }

  #take(): boolean {
    try {
      if (!this.#parse(this.#file.read(), this.#scratch)) return false;
    } catch {
      // The read itself failed: for this beat that is "no data", counted by the caller.
      return false;
    }
    // Only a whole reading replaces the last one.
    this.window.current.set(this.#scratch);
    return true;
  }
}
