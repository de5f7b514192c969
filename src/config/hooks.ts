import * as v from "valibot";
import { flag, integer, number } from "./field.ts";

const HOOKS_MAX = 4;
const WORDS_MAX = 32;

/** One entry of the lists `hooks.pre` and `hooks.post`. */
export const HOOK = v.strictObject({
  command: v.pipe(
    v.array(v.pipe(v.string(), v.maxLength(4096), v.regex(/^[^\0]*$/))),
    v.minLength(1),
    v.maxLength(WORDS_MAX),
    v.check(([program = ""]) => program.startsWith("/"), "the program is no absolute path"),
  ),
  min_level: integer({ unit: "level", initial: 2, min: 1, max: 5, docs: "Run from this level up." }),
  timeout_s: number({ unit: "s", initial: 10, min: 0.1, max: 300, docs: "Killed with its process group after this." }),
  notifies: flag({ initial: false, docs: "It only tells others: run where nothing is contained, too." }),
});

function commands(docs: string) {
  return v.optional(
    v.pipe(
      v.array(HOOK),
      v.maxLength(HOOKS_MAX),
      v.metadata({
        unit: "–",
        accepts:
          `list (at most ${HOOKS_MAX}) of {command: [absolute path, arguments…], min_level: 1..5 (2), ` +
          "timeout_s: 0.1..300 (10), notifies: true or false (false)}",
        docs,
      }),
    ),
    () => [],
  );
}

/** The section `hooks`: commands that are run beside the beat. */
export const HOOKS = v.strictObject({
  pre: commands(
    "Started when an action has been decided, and before a quarantine closes the network; nothing waits for it. No shell; the program must not be changeable by others. Where nothing is contained (detection) only those with notifies: true.",
  ),
  post: commands("Started when it is known what became of an action: applied, judged, released."),
  at_once: integer({
    unit: "processes",
    initial: 2,
    min: 1,
    max: 8,
    docs: "Hooks that run at a time; those of one action run one after the other.",
  }),
});
