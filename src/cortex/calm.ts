import { BLOCK_S } from "./block_tail.ts";

/** Cuts the time in which the node is calm into blocks, so that every learned tail closes its block at the same beat. */
export class CalmClock {
  #since_ns: number | null = null;
  #blocks = 0;

  /** Calm blocks completed so far. */
  get blocks(): number {
    return this.#blocks;
  }

  /** What the tails must do at this beat. */
  advance(t_ns: number, calm: boolean): "close" | "discard" | "wait" {
    if (!calm) {
      this.#since_ns = null;
      return "discard";
    }
    this.#since_ns ??= t_ns;
    if (t_ns - this.#since_ns < BLOCK_S * 1e9) return "wait";
    this.#since_ns = t_ns;
    this.#blocks += 1;
    return "close";
  }
}
