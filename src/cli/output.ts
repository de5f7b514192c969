import { type Style, style } from "../report/style.ts";

/** Lines a reader does not take are dropped beyond this, so that a stalled terminal never holds the beat. */
const MAX_PENDING_BYTES = 1_048_576;

/** Standard output and error. A closed pipe is a reader that has seen enough, never an error. */
export class Output {
  readonly paint: Style;
  readonly paint_errors: Style;
  /** Lines dropped because nobody read them. */
  dropped = 0;
  readonly #closed: AbortController;

  constructor(closed: AbortController) {
    this.#closed = closed;
    this.paint = style(wants_color(process.stdout.isTTY === true));
    this.paint_errors = style(wants_color(process.stderr.isTTY === true));
    for (const stream of [process.stdout, process.stderr]) stream.on("error", () => closed.abort());
  }

  print(text: string): void {
    if (this.#closed.signal.aborted) return;
    if (process.stdout.writableLength > MAX_PENDING_BYTES) {
      this.dropped++;
      return;
    }
    process.stdout.write(text);
  }

  /** One line for the operator. */
  say(text: string): void {
    process.stderr.write(`${text}\n`);
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
