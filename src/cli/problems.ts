import type { AuditItem } from "../audit/index.ts";
import type { Output } from "./output.ts";

const MOST_SAID = 5;

/** Counts the places where an audit is broken, and names the first of them. */
export class AuditProblems {
  readonly #output: Output;
  count = 0;

  constructor(output: Output) {
    this.#output = output;
  }

  say({ file, line, problem }: Extract<AuditItem, { type: "problem" }>): void {
    if (this.count < MOST_SAID) this.#output.say(`error: ${file}:${line}: ${problem}`);
    if (this.count === MOST_SAID) this.#output.say("error: more such lines follow");
    this.count += 1;
  }
}
