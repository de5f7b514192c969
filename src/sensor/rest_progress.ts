import type { Maybe } from "../model/sample.ts";
import type { ThreadPort } from "./ports.ts";
import { steps_of } from "./progress.ts";

/**
 * How far the other threads of a cgroup have got, as one counter that only grows: their steps (progress.ts). Threads that
 * come count from their first sight on, threads that go keep what they added, so churn is never taken for a standstill.
 */
export class RestProgress {
  readonly #port: ThreadPort;
  readonly #cgroup_id: number;
  readonly #except_tid: number | null;
  #before = new Map<number, number>();
  #now = new Map<number, number>();
  #total = 0;
  #wakes: Maybe<number> = null;
  #wakes_at_first: Maybe<number> = null;

  constructor(port: ThreadPort, cgroup_id: number, except_tid: number | null) {
    this.#port = port;
    this.#cgroup_id = cgroup_id;
    this.#except_tid = except_tid;
  }

  /** How often the one that is left out has woken others since the first reading; null where that is not counted. */
  get wakes(): Maybe<number> {
    return this.#wakes === null ? null : this.#wakes - (this.#wakes_at_first ?? 0);
  }

  /** Steps of the rest since the first call, cumulative. */
  read(): number {
    const rows = this.#port.threads(this.#cgroup_id, this.#except_tid ?? 0);
    this.#now.clear();
    for (let row = 0; row < rows.count; row++) {
      const tid = rows.tid(row);
      if (tid === this.#except_tid) {
        this.#wakes = rows.wakes(row);
        this.#wakes_at_first ??= this.#wakes;
        continue;
      }
      const steps = steps_of(rows.waits(row), rows.cpu_ns(row));
      const before = this.#before.get(tid);
      if (before !== undefined && steps > before) this.#total += steps - before;
      this.#now.set(tid, steps);
    }
    [this.#before, this.#now] = [this.#now, this.#before];
    return this.#total;
  }
}
