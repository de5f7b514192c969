import type { Assessment } from "../model/assessment.ts";
import type { Paused } from "../model/decision.ts";
import type { Maybe } from "../model/sample.ts";

/** The pause of an operator that is in force; null when there is none, or its time is up. */
export function paused({ pause }: Assessment, now_ns: number): Maybe<Paused> {
  if (pause === undefined || pause.until_ns <= now_ns) return null;
  return { code: "paused", left_s: (pause.until_ns - now_ns) / 1e9, reason: pause.reason };
}

/** The time left is told in whole minutes: a sentence that changes at every beat would be a line of the log at every beat. */
export function paused_words({ left_s, reason }: Paused): string {
  const left = left_s < 60 ? "less than a minute" : `${Math.ceil(left_s / 60)} min`;
  const why = reason === "" ? "" : ` (${reason})`;
  return `paused for another ${left}${why}: nothing new is contained`;
}
