import type { Decision } from "../model/decision.ts";
import type { Level } from "../model/level.ts";
import type { WhatIfSummary } from "../model/what_if.ts";
import type { Course } from "./course.ts";
import { iso, type Moment } from "./moment.ts";
import { Tally } from "./tally.ts";

/** What was decided and what would have been, counted side by side over all files. */
export class Sides {
  readonly recorded = new Tally();
  readonly other = new Tally();
  decisions = 0;
  seconds = 0;
  differing = 0;
  #first: { readonly file: string; readonly at: Moment; readonly recorded: string; readonly other: string } | null =
    null;

  get first_difference(): WhatIfSummary["first_difference"] {
    if (this.#first === null) return null;
    const { file, at, recorded, other } = this.#first;
    return { file, wall_time: iso(at), recorded, alternative: other };
  }

  stay(recorded: Level, other: Level, seconds: number): void {
    this.seconds += seconds;
    this.recorded.stay(recorded, seconds);
    this.other.stay(other, seconds);
  }

  compare(recorded: Decision, other: Decision, file: string, at: Moment): void {
    this.decisions += 1;
    const [was, would] = [words(recorded), words(other)];
    if (was === would) return;
    this.differing += 1;
    this.#first ??= { file, at, recorded: was, other: would };
  }

  /** @param counts false where another file has already told what is applied here */
  applied(recorded: Decision, other: Decision, course: Course, at: Moment, counts: boolean): void {
    for (const [tally, { actions }] of [
      [this.recorded, recorded],
      [this.other, other],
    ] as const) {
      for (const { verb, target, setting } of actions)
        if (verb === "apply") tally.begin({ target, rung: setting.rung }, at, counts);
    }
    this.other.keep(course.live, at.t_ns);
  }

  close(t_ns: number): void {
    this.recorded.close(t_ns);
    this.other.close(t_ns);
  }
}

/** What both sides are compared by: the level, and what is done to whom. */
function words({ level, actions }: Decision): string {
  const done = actions.map(({ verb, setting, target: { path, comm } }) => {
    const what = "frozen" in setting ? (setting.frozen ? " frozen" : " thawed") : "";
    return `${verb} ${setting.rung}${what} on ${path}${comm === null ? "" : ` "${comm}"`}`;
  });
  return `level ${level}${done.length === 0 ? "" : `, ${done.join(", ")}`}`;
}
