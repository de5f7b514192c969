import { randomBytes } from "node:crypto";
import { writeSync } from "node:fs";
import type { LogLevel } from "../config/index.ts";
import { SCHEMA_VERSION } from "../model/schema_version.ts";
import { visible, visible_lines } from "../model/visible.ts";
import { cut, type Screen, screen_text, takes_utf8 } from "../report/screen.ts";
import { type Style, style } from "../report/style.ts";
import type { Answers } from "./documents.ts";
import { is_journal, with_priority } from "./journal.ts";

/** Lines a reader does not take are dropped beyond this, so that a stalled terminal never holds the beat. */
const MAX_PENDING_BYTES = 1_048_576;

/** Of a terminal that does not tell its size, and the least that is written for. */
const DEFAULT_COLUMNS = 80;
const MIN_COLUMNS = 20;
const DEFAULT_ROWS = 24;
/** Text of which nothing has to be escaped: most of it. */
const PLAIN = /^[\n\t\x20-\x7e]*$/;

const NAMES = { stdout: "standard output", stderr: "standard error" } as const;
type Stream = keyof typeof NAMES;

/**
 * Standard output and error: the only place that writes to them. Whatever is not a color of ours and would be obeyed by a terminal is
 * escaped here. Text is written as the screen can show it; documents (JSON, YAML, roff, pictures, pages, scripts) are UTF-8 and not laid
 * out. A closed pipe is a reader that has seen enough, never an error; everything else that keeps text from being written is one.
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
  readonly #ascii = !takes_utf8(process.env);
  #needs_reader = true;
  /** Writes that have not ended. */
  readonly #pending: Record<Stream, number> = { stdout: 0, stderr: 0 };
  #settled: (() => void)[] = [];
  #answered = false;
  #help = "";
  /** The line that is drawn: it stays below whatever is written. */
  #drawn = "";

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

  /** What standard output shows text on; the width of a terminal may change at any time. */
  get screen(): Screen {
    return { columns: columns_of(process.stdout), ascii: this.#ascii };
  }

  get #error_screen(): Screen {
    return { columns: columns_of(process.stderr), ascii: this.#ascii };
  }

  /** Whether the one answer of a command has been printed as JSON. */
  get has_answered(): boolean {
    return this.#answered;
  }

  /** Lines of ours; names in them went through `visible` before. */
  print(text: string): void {
    this.#print(screen_text(this.#safe(text), this.screen));
  }

  /** One of many lines of JSON. */
  print_json(value: unknown): void {
    this.#print(this.#safe(`${JSON.stringify(value)}\n`));
  }

  /** The one answer of a command, as a line of JSON that says which version of docs/schema/ it follows. */
  print_answer<Name extends keyof Answers>(_name: Name, answer: Unversioned<Answers[Name]>): void {
    this.#answered = true;
    this.print_json({ schema_version: SCHEMA_VERSION, ...answer });
  }

  /** Collects the parts of a help text. */
  add_help(text: string): void {
    this.#help += text;
  }

  take_help(): string {
    const text = this.#help;
    this.#help = "";
    return text;
  }

  #print(text: string): void {
    if (this.#closed.signal.aborted) return;
    if (process.stdout.writableLength > MAX_PENDING_BYTES) {
      this.dropped++;
      return;
    }
    this.#above_drawn(() => this.#write("stdout", text));
  }

  #above_drawn(write: () => void): void {
    const drawn = this.#drawn;
    if (drawn !== "") this.draw("");
    write();
    if (drawn !== "") this.draw(drawn);
  }

  /** Takes away the line that is drawn, if there is one. */
  undraw(): void {
    if (this.#drawn !== "") this.draw("");
  }

  /** Print all of it, as fast as the reader takes it: for output that must be complete rather than prompt. */
  async deliver(text: string): Promise<void> {
    await this.#deliver(screen_text(this.#safe(text), this.screen));
  }

  /** Lines of JSON, all of them. */
  async deliver_json(values: readonly unknown[]): Promise<void> {
    await this.deliver_document(values.map((value) => `${JSON.stringify(value)}\n`).join(""));
  }

  /** What is no text for a person: as it is, all of it. */
  async deliver_document(text: string): Promise<void> {
    await this.#deliver(this.#safe(text));
  }

  async #deliver(text: string): Promise<void> {
    if (this.#closed.signal.aborted) return;
    await new Promise<void>((resolve) => {
      const done = (): void => {
        this.#closed.signal.removeEventListener("abort", done);
        resolve();
      };
      this.#closed.signal.addEventListener("abort", done);
      this.undraw();
      this.#write("stdout", text, done);
    });
  }

  /** Whether standard error is a terminal on which a line can be drawn over itself. */
  get is_terminal(): boolean {
    return process.stderr.isTTY === true && process.env["TERM"] !== "dumb";
  }

  /** Replace the line the cursor is on, cut to the width of the terminal; the empty text takes it away. Only for a terminal. */
  draw(text: string): void {
    this.#drawn = text;
    const { ascii, columns } = this.#error_screen;
    const line = screen_text(this.#safe(text), { ascii, columns: null });
    this.#write("stderr", `\r\x1b[K${cut(line, (columns ?? DEFAULT_COLUMNS) - 1)}`);
  }

  /** Whether standard output is a terminal that can show a whole screen. */
  get is_full_screen(): boolean {
    return process.stdout.isTTY === true && process.env["TERM"] !== "dumb";
  }

  /** Lines of the terminal that standard output is. */
  get rows(): number {
    const told = [process.stdout.rows, Number(process.env["LINES"])].find((one) => one !== undefined && one > 0);
    return told ?? DEFAULT_ROWS;
  }

  /** A line of a screen as the terminal shows it: no wider than it is. */
  screen_line(line: string): string {
    return screen_text(this.#safe(line, visible), { ascii: this.#ascii, columns: null });
  }

  /** Commands to the terminal, and lines that went through `screen_line`. False: it is behind, and nothing was written. */
  write_screen(text: string): boolean {
    if (this.#closed.signal.aborted || process.stdout.writableLength > 0) return false;
    this.#write("stdout", text);
    return true;
  }

  /** One line for the operator. */
  say(text: string): void {
    this.#say(`${this.#safe(text, visible)}\n`);
  }

  /** Lines that are put together already, such as those of a usage error. */
  say_lines(text: string): void {
    this.#say(this.#safe(text));
  }

  #say(safe_text: string): void {
    this.#above_drawn(() => this.#write("stderr", screen_text(safe_text, this.#error_screen)));
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

/** Each of the forms that an answer may have, without its version. */
type Unversioned<Answer> = Answer extends unknown ? Omit<Answer, "schema_version"> : never;

/** Null where the stream is no terminal. */
function columns_of({ isTTY, columns }: { readonly isTTY?: boolean; readonly columns?: number }): number | null {
  if (isTTY !== true) return null;
  const told = [columns, Number(process.env["COLUMNS"])].find((one) => one !== undefined && one > 0);
  return Math.max(MIN_COLUMNS, told ?? DEFAULT_COLUMNS);
}

/** https://no-color.org: any non-empty value switches colour off. */
function wants_color(is_terminal: boolean): boolean {
  return is_terminal && !process.env["NO_COLOR"] && process.env["TERM"] !== "dumb";
}
