import type { PartOutcome } from "../model/containment.ts";
import { errno_text } from "../model/errno.ts";
import { FileTrouble } from "./trouble.ts";

/**
 * Acts on each of several things, and says of each what became of it: one that refuses keeps none of the others from it. What is no answer
 * of the kernel is thrown on.
 * @param why the cause in words, where more is known than what the errno says
 */
export function act_on_each<T>(
  things: readonly T[],
  subject: (thing: T) => string,
  act: (thing: T) => void,
  why: (code: string) => string = errno_text,
): readonly PartOutcome[] {
  return things.map((thing) => {
    try {
      act(thing);
      return { subject: subject(thing), status: "done", detail: "" };
    } catch (error) {
      if (!(error instanceof FileTrouble)) throw error;
      return { subject: subject(thing), status: error.vanished ? "gone" : "failed", detail: why(error.code) };
    }
  });
}

/** Those that did not take it, though they are there. */
export function refusals(parts: readonly PartOutcome[]): readonly PartOutcome[] {
  return parts.filter(({ status }) => status !== "done" && status !== "gone");
}

const NAMED_MAX = 4;

/** `thread 41: operation not permitted (EPERM); thread 42: …`, of many the first few and how many more there are. */
export function parts_sentence(parts: readonly PartOutcome[]): string {
  const named = parts.slice(0, NAMED_MAX).map(({ subject, detail }) => `${subject}: ${detail}`);
  const more = parts.length > NAMED_MAX ? [`${parts.length - NAMED_MAX} more`] : [];
  return [...named, ...more].join("; ");
}
