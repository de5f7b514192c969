import type { WarmupProgress } from "../model/warmup.ts";
import { warmup_half, warmup_line } from "../report/warmup.ts";
import type { Output } from "./output.ts";

/** The progress of the warm-up: a line drawn over itself on a terminal, one line half-way in a log. The agent says the first and the last word. */
export class WarmupLine {
  readonly #output: Output;
  readonly #elsewhere: string;
  readonly #draws: boolean;
  #said = false;

  /** @param draws standard error is a person's terminal, not the log of a service */
  constructor(output: Output, draws: boolean, elsewhere: string) {
    this.#output = output;
    this.#draws = draws && output.is_terminal;
    this.#elsewhere = elsewhere;
  }

  update(progress: WarmupProgress | null): void {
    if (this.#draws) {
      this.#output.draw(progress === null ? "" : warmup_line(progress, this.#elsewhere, this.#output.paint_errors));
      return;
    }
    const half = progress === null || this.#said ? null : warmup_half(progress);
    if (half === null) return;
    this.#said = true;
    this.#output.log("info", half);
  }
}
