import { join } from "node:path";
import type { Assessment } from "../model/assessment.ts";
import type { Decision } from "../model/decision.ts";
import { reason_of } from "../model/errno.ts";
import { type FlightOrigin, prune_flights, write_flight } from "./flight_file.ts";
import { type FlightBeat, FlightRing, type SpentBeat } from "./flight_ring.ts";

/** An episode is what happens at this level and above. */
const EPISODE_LEVEL = 2;
/** Some four thousand beats: seven minutes of ordinary ones, forty seconds of the fastest. */
const MOST_BYTES = 8_388_608;
/** Flights that wait to be written; the oldest gives way. */
const MOST_WAITING = 2;

export interface FlightOptions {
  /** Where the flights go: beside the audit. */
  readonly directory: string;
  readonly minutes: number;
  /** Flights kept on disk. */
  readonly keep: number;
  readonly origin: FlightOrigin;
  /** ISO 8601 wall time; passed in, because clocks live in one place. */
  readonly wall_time: () => string;
  /** Called once when the disk begins to refuse. */
  readonly on_trouble: (text: string) => void;
}

interface Job {
  readonly path: string;
  readonly wall_time: string;
  readonly beats: readonly FlightBeat[];
  readonly origin: FlightOrigin;
}

/**
 * Keeps the last minutes of beats, and writes them when level 2 is reached and again when the episode is over, so that what
 * led there and what came of it can be decided again. `note` keeps references and does nothing else; writing
 * goes on only when `at_leisure` is called, in small pieces, and never rejects. What leaves the last minutes unkept is
 * given back by `refill`; a flight that waits or is being written has all its beats for good (`FlightRing`).
 */
export class FlightRecorder {
  readonly #options: FlightOptions;
  #ring: FlightRing;
  #origin: FlightOrigin;
  #episode: { readonly stem: string; readonly since_ns: number } | null = null;
  #waiting: Job[] = [];
  #writing: Promise<void> | null = null;
  #wake: (() => void) | null = null;
  #closing = false;
  #in_trouble = false;

  constructor(options: FlightOptions) {
    this.#options = options;
    this.#origin = options.origin;
    this.#ring = new FlightRing(options.minutes * 60e9, MOST_BYTES);
  }

  /** Something waits or is being written. */
  get busy(): boolean {
    return this.#waiting.length > 0 || this.#writing !== null;
  }

  /**
   * @param state what the decision remembered before this beat; null before the very first, which is left out
   * @param kept somebody else keeps values of this beat beyond the next one; who says false gives them away
   */
  note(assessment: Assessment, state: unknown, decision: Decision, kept = true): void {
    if (state === null || this.#closing) return;
    this.#ring.push(assessment, state, decision, kept);
    if (decision.level >= EPISODE_LEVEL === (this.#episode !== null)) return;
    if (this.#episode === null) this.#begin(decision.t_ns);
    else this.#end();
  }

  /** Somebody keeps values of the beat noted last beyond the next one after all. */
  keep_latest(): void {
    this.#ring.keep_latest();
  }

  /** Gives values of a beat that nobody keeps any more, to be written over, or nothing. */
  refill(desk: SpentBeat): void {
    this.#ring.refill(desk);
  }

  /** A flight is decided again under one configuration: what was flown under the old one is closed, and the next begins empty. */
  reconfigure(config: unknown): void {
    if (this.#episode !== null) this.#end();
    this.#origin = { ...this.#origin, config };
    this.#ring = new FlightRing(this.#options.minutes * 60e9, MOST_BYTES);
  }

  /** Goes on writing by one piece; call when nothing urgent runs, and give the event loop its turns while `busy`. */
  at_leisure(): void {
    this.#wake?.();
    this.#wake = null;
    const job = this.#writing === null ? this.#waiting.shift() : undefined;
    if (job === undefined) return;
    this.#writing = this.#write(job).finally(() => {
      this.#writing = null;
    });
  }

  /** Writes what the ring holds now to a path of the caller's, at once. Rejects with what the file system says. */
  async dump(path: string): Promise<void> {
    const { origin, wall_time } = this.#options;
    await write_flight(path, this.#ring.snapshot(), origin, wall_time(), () => Promise.resolve());
  }

  /** Writes what waits, and an episode that is not over as it stands. Never rejects. */
  async close(): Promise<void> {
    if (this.#episode !== null) this.#end();
    this.#closing = true;
    while (this.busy) {
      this.at_leisure();
      await this.#writing;
    }
  }

  #begin(t_ns: number): void {
    const stem = `flight-${this.#options.wall_time().replaceAll(":", "")}`;
    this.#episode = { stem, since_ns: t_ns };
    this.#enqueue(stem);
  }

  /** The same file again, unless its beginning has left the ring: then what led to the episode stays, and the end goes beside it. */
  #end(): void {
    if (this.#episode === null) return;
    const { stem, since_ns } = this.#episode;
    this.#episode = null;
    this.#enqueue(this.#ring.oldest_ns <= since_ns ? stem : `${stem}-end`);
  }

  #enqueue(stem: string): void {
    const path = join(this.#options.directory, `${stem}.jsonl.gz`);
    const others = this.#waiting.filter((job) => job.path !== path).slice(1 - MOST_WAITING);
    this.#waiting = [
      ...others,
      { path, wall_time: this.#options.wall_time(), beats: this.#ring.snapshot(), origin: this.#origin },
    ];
  }

  async #write({ path, wall_time, beats, origin }: Job): Promise<void> {
    const { directory, keep } = this.#options;
    try {
      await write_flight(path, beats, origin, wall_time, () => this.#leisure());
      await prune_flights(directory, keep, path);
      this.#in_trouble = false;
    } catch (error) {
      if (!this.#in_trouble) this.#options.on_trouble(`${path}: ${reason_of(error)}`);
      this.#in_trouble = true;
    }
  }

  #leisure(): Promise<void> {
    if (this.#closing) return Promise.resolve();
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }
}
