import { attribute } from "../attribution/attribute.ts";
import type { Attribution } from "../model/attribution.ts";
import type { TaskWatch } from "../sensor/task_watch.ts";

/** What was found so long ago says nothing of now: the node was calm in between. */
const STALE_NS = 3e9;

/** What carries the node's load, as of the latest reading. */
export class Attributor {
  readonly #watch: TaskWatch;
  readonly #monotonic_ns: () => number;
  #latest: Attribution | undefined;

  constructor(watch: TaskWatch, monotonic_ns: () => number) {
    this.#watch = watch;
    this.#monotonic_ns = monotonic_ns;
  }

  /**
   * Once a beat above level 0; the same value until a new reading was due.
   * @param sparing something is held, and so named: beside it the service needs the processors
   */
  observe(sparing = false): Attribution | undefined {
    const window = this.#watch.look(sparing);
    if (window !== null) this.#latest = attribute(window);
    else if (this.#latest !== undefined && this.#monotonic_ns() - this.#latest.t_ns > STALE_NS)
      this.#latest = undefined;
    return this.#latest;
  }
}
