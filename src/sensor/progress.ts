import type { Maybe } from "../model/sample.ts";
import type { Progress } from "../model/search.ts";

/** So much CPU time counts as one step. */
const STEP_NS = 10e6;
/** A thread that waits more seldom, and runs for at least this part of the time, computes. */
const COMPUTES_WAITS_PER_S = 12;
const COMPUTES_SHARE = 0.1;
/** A thread that waits or answers so often is part of the service's daily work. */
const MOVING_PER_S = 4;

/** How far a thread has got, in steps: how often it waited for something, plus its CPU time in steps of 10 ms. */
export function steps_of(waits: number, cpu_ns: number): number {
  return waits + cpu_ns / STEP_NS;
}

/** Steps per second of what is known as progress. */
export function steps_per_s({ waits_per_s, cpu_share }: Progress): number {
  return waits_per_s + (cpu_share * 1e9) / STEP_NS;
}

/** What is counted of one thread since its start; null where it is not counted. */
export interface Doings {
  readonly waits: number;
  readonly cpu_ns: number;
  /** Calls of write(2) and its like, failed ones among them, and what they wrote. */
  readonly writes: number;
  readonly written_bytes: number;
  /** Calls of send(2) and its like, which the kernel counts nowhere else. */
  readonly sends: number;
}

/** Calls that wrote or sent something from one reading of a thread to the next. */
export function answers_between(before: Doings, after: Doings): number {
  const wrote = after.written_bytes > before.written_bytes ? after.writes - before.writes : 0;
  return Math.max(0, wrote) + Math.max(0, after.sends - before.sends);
}

/** Sums what several threads did in stretches of time of like length. */
export class ProgressSum {
  #waits = 0;
  #cpu = 0;
  #computing = 0;
  #answers: Maybe<number> = 0;
  #moving = 0;

  /** @param cpu_share in cores. @param answers_per_s null: not counted on this host */
  add(waits_per_s: number, cpu_share: number, answers_per_s: Maybe<number>): void {
    this.#waits += waits_per_s;
    this.#cpu += cpu_share;
    if (waits_per_s < COMPUTES_WAITS_PER_S && cpu_share >= COMPUTES_SHARE) this.#computing += cpu_share;
    this.#answers = answers_per_s === null || this.#answers === null ? null : this.#answers + answers_per_s;
    if (waits_per_s + (answers_per_s ?? 0) >= MOVING_PER_S) this.#moving += 1;
  }

  get progress(): Progress {
    return {
      waits_per_s: this.#waits,
      cpu_share: this.#cpu,
      computing_share: this.#computing,
      answers_per_s: this.#answers,
      moving: this.#moving,
    };
  }
}
