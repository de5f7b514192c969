import { randomBytes } from "node:crypto";
import { writeSync } from "node:fs";
import type { LogLevel } from "../config/index.ts";
import { visible, visible_lines } from "../model/visible.ts";
import { type Style, style } from "../report/style.ts";
import { is_journal, with_priority } from "./journal.ts";

/** Lines a reader does not take are dropped beyond this, so that a stalled terminal never holds the beat. */
const MAX_PENDING_BYTES = 1_048_576;

/** Text of which nothing has to be escaped: most of it. */
const PLAIN = /^[\n\t\x20-\x7e]*$/;

const NAMES = { stdout: "standard output", stderr: "standard error" } as const;
type Stream = keyof typeof NAMES;

/**
 * Standard output and error: the only place that writes to them. Whatever is not a colour of ours and would be obeyed by a terminal is
 * escaped here. A closed pipe is a reader that has seen enough, never an error; everything else that keeps text from being written is one.
 */
export class Output {
  readonly paint: Style;
  readonly paint_errors: Style;
  /** Lines dropped because nobody read them. */
  dropped = 0;
  /** What could not be written, and why: "cannot write to standard output: No space left on device". */
  failure: string | null = null;
  readonly #closed: AbortController;
  readonly #journal = {
    out: is_journal(1, process.env["JOURNAL_STREAM"]),
    errors: is_journal(2, process.env["JOURNAL_STREAM"]),
  };
  readonly #seal = randomBytes(8).toString("hex");
  readonly #own_color = new RegExp(`\\x1b${this.#seal}(\\[[0-9;]*m)`);
  #needs_reader = true;
  /** Writes that have not ended. */
  readonly #pending: Record<Stream, number> = { stdout: 0, stderr: 0 };
  #settled: (() => void)[] = [];

  constructor(closed: AbortController) {
    this.#closed = closed;
    this.paint = style(wants_color(process.stdout.isTTY === true), this.#seal);
    this.paint_errors = style(wants_color(process.stderr.isTTY === true), this.#seal);
    for (const stream of ["stdout", "stderr"] as const) {
      process[stream].on("error", (error) => this.#failed(stream, error));
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

  /** Lines of ours, or lines of JSON; names in text went through `visible` before, in JSON through the quoting. */
  print(text: string): void {
    if (this.#closed.signal.aborted) return;
    if (process.stdout.writableLength > MAX_PENDING_BYTES) {
      this.dropped++;
      return;
    }
    this.#write("stdout", this.#safe(text));
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
      this.#write("stdout", this.#safe(text), done);
    });
  }

  /** Whether standard error is a terminal on which a line can be drawn over itself. */
  get is_terminal(): boolean {
    return process.stderr.isTTY === true && process.env["TERM"] !== "dumb";
  }

  /** Replace the line the cursor is on; the empty text takes it away. Only for a terminal. */
  draw(text: string): void {
    this.#write("stderr", `\r\x1b[K${this.#safe(text)}`);
  }

  /** One line for the operator. */
  say(text: string): void {
    this.#write("stderr", `${this.#safe(text, visible)}\n`);
  }

  /** Lines that are put together already, such as those of a usage error. */
  say_lines(text: string): void {
    this.#write("stderr", this.#safe(text));
  }

  /** A message by severity, one line: a word in front for a person, a priority for the journal. */
  log(level: LogLevel, text: string): void {
    this.say(this.#journal.errors ? with_priority(level, visible(text)) : `${level}: ${text}`);
  }

  /** What ends the command: each line under its word. */
  complain(lines: readonly string[], word: "error" | "defect" = "error"): void {
    for (const [i, line] of lines.entries()) {
      if (this.#journal.errors) this.log("error", line);
      else if (word === "defect") this.say(i === 0 ? `defect: ${line}` : line);
      else this.say(`${i === 0 ? this.paint_errors.red("error:") : "error:"} ${line}`);
    }
  }

  /** One line of a daemon's report on standard output. */
  report(level: LogLevel, text: string): void {
    const line = visible(text);
    this.print(`${this.#journal.out ? with_priority(level, line) : line}\n`);
  }

  /** Says on standard error what could not be written; nothing where that is what failed. */
  confess(): void {
    try {
      if (this.failure !== null) writeSync(2, `hosa: ${this.failure}\n`);
    } catch {
      // Then the exit code alone says it.
    }
  }

  /** Until what was written has been handed over, or cannot be. */
  async drained(): Promise<void> {
    while (this.#pending.stdout + this.#pending.stderr > 0 && !this.#closed.signal.aborted) {
      await new Promise<void>((resolve) => {
        this.#settled.push(resolve);
        this.#closed.signal.addEventListener("abort", () => resolve(), { once: true });
      });
    }
  }

  #write(stream: Stream, text: string, done: () => void = () => {}): void {
    this.#pending[stream] += 1;
    process[stream].write(text, (error) => {
      this.#pending[stream] -= 1;
      if (error != null) this.#failed(stream, error);
      done();
      const settled = this.#settled;
      this.#settled = [];
      for (const resolve of settled) resolve();
    });
  }

  /** Own colours stay, all else is escaped. @param shown what becomes of the text between them */
  #safe(text: string, shown = visible_lines): string {
    if (PLAIN.test(text) && (shown === visible_lines || !text.includes("\n"))) return text;
    return text
      .split(this.#own_color)
      .map((part, i) => (i % 2 === 0 ? shown(part) : `\x1b${part}`))
      .join("");
  }

  #failed(stream: Stream, error: Error): void {
    // Of a daemon whose log cannot be written, too, the beats go on.
    if (!this.#needs_reader) return;
    if (!this.#closed.signal.aborted && !is_gone(error)) {
      this.failure ??= `cannot write to ${NAMES[stream]}: ${in_words(error)}`;
    }
    this.#closed.abort();
  }
}

function is_gone(error: Error): boolean {
  return "code" in error && error.code === "EPIPE";
}

/** "ENOSPC: no space left on device, write" → "No space left on device". */
function in_words(error: Error): string {
  const words = /^[A-Z0-9]+: (.+), \w+$/.exec(error.message)?.[1] ?? error.message;
  return `${words.slice(0, 1).toUpperCase()}${words.slice(1)}`;
}

/** https://no-color.org: any non-empty value switches colour off. */
function wants_color(is_terminal: boolean): boolean {
  return is_terminal && !process.env["NO_COLOR"] && process.env["TERM"] !== "dumb";
}
