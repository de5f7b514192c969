import { writeSync } from "node:fs";
import { width_of } from "../report/screen.ts";
import type { Output } from "./output.ts";

/** The alternate screen without a cursor, where long lines are cut; and everything back. */
const ENTER = "\x1b[?1049h\x1b[?25l\x1b[?7l\x1b[2J";
/** Cleared before it is left: what tmux keeps of it after a resize would be mixed with the lines of the shell. */
const LEAVE = "\x1b[H\x1b[2J\x1b[?7h\x1b[?25h\x1b[?1049l";
/** Terminals that know it show a frame at once; others ignore it. */
const FRAME_BEGIN = "\x1b[?2026h";
const FRAME_END = "\x1b[?2026l";
const SUSPEND = "\x1a";

export interface TerminalEvents {
  /** One key, as the terminal sends it. */
  readonly key: (key: string) => void;
  /** The size has changed, or the terminal came back: everything is to be drawn anew. */
  readonly resized: () => void;
}

/**
 * A terminal as a whole screen. `leave` gives it back as it was; it runs also where the process ends in another way, but for SIGKILL.
 * Standard output must be a terminal.
 */
export class Terminal implements Disposable {
  readonly #output: Output;
  readonly #events: TerminalEvents;
  /** What the terminal shows. */
  #shown: readonly string[] = [];
  #is_entered = false;

  constructor(output: Output, events: TerminalEvents) {
    this.#output = output;
    this.#events = events;
  }

  enter(): void {
    this.#is_entered = true;
    this.#shown = [];
    process.on("exit", this.#last_resort);
    process.stdout.on("resize", this.#resized);
    if (process.stdin.isTTY) {
      process.stdin.setRawMode(true);
      process.stdin.on("data", this.#received);
      process.stdin.resume();
    }
    this.#output.write_screen(ENTER);
  }

  get rows(): number {
    return this.#output.rows;
  }

  get columns(): number {
    return this.#output.screen.columns ?? 80;
  }

  /** Only lines that are not shown yet are written. A terminal that is behind shows the next frame instead. */
  draw(lines: readonly string[]): void {
    if (!this.#is_entered) return;
    const wanted = lines.map((line) => this.#output.screen_line(line));
    const rows = Math.max(wanted.length, this.#shown.length);
    const { columns } = this;
    let out = "";
    for (let row = 0; row < rows; row++) {
      const line = wanted[row] ?? "";
      if (line === this.#shown[row]) continue;
      // Behind a line that fills the row, the cursor still stands on its last character.
      out += `\x1b[${row + 1};1H${line}${width_of(line) < columns ? "\x1b[K" : ""}`;
    }
    if (out === "" || this.#output.write_screen(`${FRAME_BEGIN}${out}${FRAME_END}`)) this.#shown = wanted;
  }

  leave(): void {
    if (!this.#is_entered) return;
    this.#is_entered = false;
    process.off("exit", this.#last_resort);
    process.stdout.off("resize", this.#resized);
    if (process.stdin.isTTY) {
      process.stdin.off("data", this.#received);
      process.stdin.setRawMode(false);
      process.stdin.pause();
    }
    give_back();
  }

  [Symbol.dispose](): void {
    this.leave();
  }

  readonly #last_resort = (): void => this.leave();

  readonly #resized = (): void => {
    this.#shown = [];
    this.#output.write_screen("\x1b[2J");
    this.#events.resized();
  };

  readonly #received = (bytes: Buffer): void => {
    for (const key of keys_of(bytes.toString("utf8"))) {
      if (key === SUSPEND) this.#suspend();
      else this.#events.key(key);
    }
  };

  /** Until the shell lets it go on: then the terminal is taken again. */
  #suspend(): void {
    process.stdin.setRawMode(false);
    give_back();
    process.kill(process.pid, "SIGSTOP");
    process.stdin.setRawMode(true);
    this.#shown = [];
    this.#output.write_screen(ENTER);
    this.#events.resized();
  }
}

/** At once: the event loop may not come back. */
function give_back(): void {
  try {
    writeSync(1, LEAVE);
  } catch {
    // The terminal is gone, and nothing is left to be given back.
  }
}

/** The keys in what a terminal sent: a sequence that begins with ESC is one key. */
export function keys_of(text: string): readonly string[] {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: ESC begins the sequences of cursor and function keys
  return text.match(/\x1b(?:[[O][0-9;?]*[ -/]*[@-~])?|[^\x1b]/gu) ?? [];
}
