import { progress_text } from "../report/backtest.ts";
import type { Output } from "./output.ts";

/** Rows between two drawings where the size of the input is not known. */
const ROWS_PER_DRAWING = 10_000;

/** A line on the terminal that is drawn over itself; nothing where standard error is no terminal. */
export class Progress {
  readonly #output: Output;
  #drawn = "";

  constructor(output: Output) {
    this.#output = output;
  }

  update(part: number | null, rows: number): void {
    const key = part === null ? `${Math.floor(rows / ROWS_PER_DRAWING)}` : `${Math.floor(part * 100)} %`;
    if (!this.#output.is_terminal || key === this.#drawn) return;
    this.#drawn = key;
    this.#output.draw(progress_text(part, rows, this.#output.paint_errors));
  }

  clear(): void {
    if (this.#drawn !== "") this.#output.draw("");
    this.#drawn = "";
  }
}
