import type { AuditItem } from "../audit/index.ts";
import type { Output } from "./output.ts";

const MOST_SAID = 5;

/** Counts the places where an audit is broken, and names the first of them; says as well where it lacks lines by its own account. */
export class AuditProblems {
  readonly #output: Output;
  count = 0;
  #remarks = 0;

  constructor(output: Output) {
    this.#output = output;
  }

  say({ file, line, problem }: Extract<AuditItem, { type: "problem" }>): void {
    if (this.count < MOST_SAID) this.#output.say(`error: ${file}:${line}: ${problem}`);
    if (this.count === MOST_SAID) this.#output.say("error: more such lines follow");
    this.count += 1;
  }

  /** Lines that were lost before this one, and a file that another program took away: no break of the chain. */
  remark({ file, line, record }: Extract<AuditItem, { type: "record" }>): void {
    const { lost = 0, lost_why, continues } = record;
    const why = lost_why === undefined || lost_why === "" ? "" : `: ${lost_why}`;
    if (lost > 0) this.#note(`${file}:${line}: ${lost} lines before this one were not written${why}`);
    if (continues === undefined) return;
    this.#note(`${file}:${line}: continues line ${continues.seq} of the chain: ${continues.why}`);
  }

  #note(text: string): void {
    if (this.#remarks < MOST_SAID) this.#output.say(`note: ${text}`);
    if (this.#remarks === MOST_SAID) this.#output.say("note: more such lines follow");
    this.#remarks += 1;
  }
}
