import type { DecisionConfig } from "../decision/config.ts";
import type { DecisionState } from "../decision/state.ts";
import type { Assessment } from "../model/assessment.ts";
import type { Decision } from "../model/decision.ts";
import type { FlightHeader } from "../model/flight.ts";
import type { Level } from "../model/level.ts";
import type { Course } from "./course.ts";
import { FlightLines, is_header } from "./flight_lines.ts";
import { WallClock } from "./moment.ts";
import type { Sides } from "./sides.ts";
import type { Kind } from "./tally.ts";

/** A longer pause is a gap in the record, not a stay at a level. */
const LONGEST_BEAT_S = 10;

/** Begins a course of its own at a recorded state. */
export type Starter = (config: DecisionConfig, state: DecisionState, first: Assessment) => Course;

/** One flight, line by line: every beat is there, so the alternative goes its own way from the first on. */
export class FlightRun {
  readonly #file: string;
  readonly #lines: FlightLines;
  readonly #sides: Sides;
  readonly #start: Starter;
  readonly #told: ReadonlySet<number>;
  readonly #clock = new WallClock();
  /** The beats of this flight: the next one may begin with them. */
  readonly beats = new Set<number>();
  #header: FlightHeader | null = null;
  #course: Course | null = null;
  #live: (Kind & { readonly id: string })[] = [];
  #last_ns = 0;
  #levels: readonly [Level, Level] = [0, 0];

  /** @param told beats an earlier flight has told already */
  constructor(file: string, sides: Sides, start: Starter, told: ReadonlySet<number>) {
    this.#file = file;
    this.#lines = new FlightLines(file);
    this.#sides = sides;
    this.#start = start;
    this.#told = told;
  }

  /** Throws OperatorError (exit code 2) on what is no flight. */
  take(text: string): void {
    const line = this.#lines.take(text);
    if (is_header(line)) {
      this.#header = line;
      return;
    }
    const assessment: Assessment = { ...line.assessment, dimension_names: this.#header!.dimensions };
    try {
      this.#course ??= this.#begun(this.#header!, assessment);
      this.#beat(this.#course, assessment, line.decision);
    } catch (error) {
      throw this.#lines.undecidable(error);
    }
  }

  /** After the last line. Throws OperatorError when beats are missing. */
  finish(): void {
    const { wall_time } = this.#lines.finish();
    // A flight is put together at its last beat.
    this.#clock.set(wall_time, this.#last_ns);
    this.#sides.close(this.#last_ns);
  }

  #begun(header: FlightHeader, first: Assessment): Course {
    const state = header.state as DecisionState;
    for (const one of state.containments) {
      this.#live.push(one);
      const at = { t_ns: one.applied_ns, clock: this.#clock };
      for (const side of [this.#sides.recorded, this.#sides.other]) side.begin(one, at, false);
    }
    this.#levels = [state.level, state.level];
    this.#last_ns = first.t_ns;
    return this.#start(header.config as DecisionConfig, state, first);
  }

  #beat(course: Course, assessment: Assessment, recorded: Decision): void {
    const { t_ns } = assessment;
    const at = { t_ns, clock: this.#clock };
    const counts = !this.#told.has(t_ns);
    const seconds = (t_ns - this.#last_ns) / 1e9;
    if (counts && seconds < LONGEST_BEAT_S) this.#sides.stay(...this.#levels, seconds);
    const other = course.next(assessment, recorded);
    this.#levels = [recorded.level, other.level];
    this.#last_ns = t_ns;
    this.beats.add(t_ns);
    if (counts) this.#sides.compare(recorded, other, this.#file, at);
    this.#sides.applied(recorded, other, course, at, counts);
    this.#follow(recorded);
    this.#sides.recorded.keep(this.#live, t_ns);
  }

  #follow({ actions, verdicts }: Decision): void {
    for (const { id, verb, target, setting } of actions)
      if (verb === "apply") this.#live.push({ id, target, rung: setting.rung });
    const over = [
      ...actions.filter(({ verb }) => verb === "release").map(({ id }) => id),
      ...verdicts.filter(({ verdict }) => verdict !== "effective").map(({ id }) => id),
    ];
    if (over.length > 0) this.#live = this.#live.filter(({ id }) => !over.includes(id));
  }
}
