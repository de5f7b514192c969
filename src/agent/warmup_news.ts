import type { Cortex } from "../cortex/cortex.ts";
import type { AgentOptions } from "./agent_options.ts";

const EVERY_NS = 1e9;

/** Tells once a second how far the warm-up is, and once that it is over. */
export class WarmupNews {
  readonly #cortex: Pick<Cortex, "warmup">;
  readonly #tell: AgentOptions["on_warmup"];
  #next_ns: number;

  constructor(cortex: Pick<Cortex, "warmup">, tell: AgentOptions["on_warmup"]) {
    this.#cortex = cortex;
    this.#tell = tell;
    // A node that is known already has no news.
    this.#next_ns = cortex.warmup === null ? Number.POSITIVE_INFINITY : 0;
  }

  turn(t_ns: number): void {
    if (this.#next_ns === Number.POSITIVE_INFINITY) return;
    const progress = this.#cortex.warmup;
    // The end is told at once: the run may be over before another second is.
    if (progress !== null && t_ns < this.#next_ns) return;
    this.#next_ns = progress === null ? Number.POSITIVE_INFINITY : t_ns + EVERY_NS;
    this.#tell(progress);
  }
}
