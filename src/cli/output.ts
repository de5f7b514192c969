import type { LogLevel } from "../config/index.ts";
import { type Style, style } from "../report/style.ts";
import { is_journal, with_priority } from "./journal.ts";

/** Lines a reader does not take are dropped beyond this, so that a stalled terminal never holds the beat. */
const MAX_PENDING_BYTES = 1_048_576;

/** Standard output and error. A closed pipe is a reader that has seen enough, never an error. */
export class Output {
  readonly paint: Style;
  readonly paint_errors: Style;
  /** Lines dropped because nobody read them. */
  dropped = 0;
  readonly #closed: AbortController;
  readonly #journal = {
    out: is_journal(1, process.env["JOURNAL_STREAM"]),
    errors: is_journal(2, process.env["JOURNAL_STREAM"]),
  };
  #needs_reader = true;

  constructor(closed: AbortController) {
    this.#closed = closed;
    this.paint = style(wants_color(process.stdout.isTTY === true));
    this.paint_errors = style(wants_color(process.stderr.isTTY === true));
    for (const stream of [process.stdout, process.stderr]) {
      stream.on("error", () => {
        if (this.#needs_reader) closed.abort();
      });
    }
  }

  /** A daemon works on when nobody reads its log: a journal that dies must not take it along. */
  become_daemon(): void {
    this.#needs_reader = false;
  }

  /** The reader went away. */
  get closed(): boolean {
    return this.#closed.signal.aborted;
  }

  print(text: string): void {
    if (this.#closed.signal.aborted) return;
    if (process.stdout.writableLength > MAX_PENDING_BYTES) {
      this.dropped++;
      return;
    }
    process.stdout.write(text);
  }

  /** Print all of it, as fast as the reader takes it: for output that must be complete rather than prompt. */
  async deliver(text: string): Promise<void> {
    if (this.#closed.signal.aborted) return;
    await new Promise<void>((resolve) => {
      const done = (): void => {
        this.#closed.signal.removeEventListener("abort", done);
        resolve();
      };
      this.#closed.signal.addEventListener("abort", done);
      process.stdout.write(text, done);
    });
  }

  /** Whether standard error is a terminal on which a line can be drawn over itself. */
  get is_terminal(): boolean {
    return process.stderr.isTTY === true && process.env["TERM"] !== "dumb";
  }

  /** Replace the line the cursor is on; the empty text takes it away. Only for a terminal. */
  draw(text: string): void {
    process.stderr.write(`\r\x1b[K${text}`);
  }

  /** One line for the operator. */
  say(text: string): void {
    process.stderr.write(`${text}\n`);
  }

  /** A message by severity: a word in front for a person, a priority for the journal. */
  log(level: LogLevel, text: string): void {
    this.say(this.#journal.errors ? with_priority(level, text) : `${level}: ${text}`);
  }

  /** What ends the command, each line under its word. */
  complain(text: string, word: "error" | "defect" = "error"): void {
    const lines = text.split("\n");
    if (this.#journal.errors) this.log("error", lines.join("\n"));
    else if (word === "defect") this.say(`defect: ${text}`);
    else this.say(lines.map((line, i) => `${i === 0 ? this.paint_errors.red("error:") : "error:"} ${line}`).join("\n"));
  }

  /** Lines of a daemon's report on standard output. */
  report(level: LogLevel, text: string): void {
    this.print(`${this.#journal.out ? with_priority(level, text) : text}\n`);
  }

  /** Until what was printed has been handed over; the reader may also go away. */
  async drained(): Promise<void> {
    for (const stream of [process.stdout, process.stderr]) {
      if (stream.destroyed || this.#closed.signal.aborted) continue;
      await new Promise<void>((resolve) => {
        stream.once("error", () => resolve());
        stream.write("", () => resolve());
      });
    }
  }
}

/** https://no-color.org: any non-empty value switches colour off. */
function wants_color(is_terminal: boolean): boolean {
  return is_terminal && !process.env["NO_COLOR"] && process.env["TERM"] !== "dumb";
}
