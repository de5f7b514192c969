import type { DecisionConfig } from "../decision/config.ts";
import type { DecisionState } from "../decision/state.ts";
import type { ActionEntry, AuditRecord, TransitionEntry } from "../model/audit.ts";
import { reason_of } from "../model/errno.ts";
import { OperatorError } from "../model/error.ts";
import type { Level } from "../model/level.ts";
import type { Course } from "./course.ts";
import { type Moment, WallClock } from "./moment.ts";
import type { Sides } from "./sides.ts";
import type { Starter } from "./what_if_flight.ts";

/** An audit, record by record: only the beats at which something was decided are there, each with the state it was decided from. */
export class AuditRun {
  readonly #file: string;
  readonly #sides: Sides;
  readonly #start: Starter;
  #course: Course | null = null;
  #last_ns: number | null = null;
  #levels: readonly [Level, Level] = [0, 0];

  constructor(file: string, sides: Sides, start: Starter) {
    this.#file = file;
    this.#sides = sides;
    this.#start = start;
  }

  /** Throws OperatorError (exit code 2) on a decision that cannot be made again. */
  add(record: AuditRecord): void {
    if (record.kind === "start") {
      this.finish();
      this.#course = null;
      this.#last_ns = null;
      this.#levels = [0, 0];
    }
    // A note of the writer itself bears no time of the beat.
    if (record.t_ns === 0) return;
    if (this.#last_ns !== null) this.#sides.stay(...this.#levels, Math.max(0, record.t_ns - this.#last_ns) / 1e9);
    this.#last_ns = record.t_ns;
    if (record.kind !== "transition" && record.kind !== "action") return;
    const clock = new WallClock();
    clock.set(record.wall_time, record.t_ns);
    try {
      this.#decided(record, { t_ns: record.t_ns, clock });
    } catch (error) {
      const why = reason_of(error);
      const hint = "It was written by another version, or changed since.";
      throw new OperatorError(`${this.#file}: ${record.id} cannot be decided again: ${why}`, 2, hint, error);
    }
  }

  finish(): void {
    if (this.#last_ns !== null) this.#sides.close(this.#last_ns);
  }

  #decided({ input, decision }: TransitionEntry | ActionEntry, at: Moment): void {
    const state = input.state as DecisionState;
    if (this.#course === null) {
      this.#course = this.#start(input.config as DecisionConfig, state, input.assessment);
      for (const one of state.containments) {
        for (const side of [this.#sides.recorded, this.#sides.other]) {
          side.begin(one, { t_ns: one.applied_ns, clock: at.clock }, false);
        }
      }
    }
    this.#sides.recorded.keep(state.containments, at.t_ns);
    const other = this.#course.at(input);
    this.#levels = [decision.level, other.level];
    this.#sides.compare(decision, other, this.#file, at);
    this.#sides.applied(decision, other, this.#course, at, true);
    const released = decision.actions.filter(({ verb }) => verb === "release").map(({ id }) => id);
    const applied = decision.actions
      .filter(({ verb }) => verb === "apply")
      .map(({ target, setting }) => ({ target, rung: setting.rung }));
    const live = [...state.containments.filter(({ id }) => !released.includes(id)), ...applied];
    this.#sides.recorded.keep(live, at.t_ns);
  }
}
