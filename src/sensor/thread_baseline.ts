import { same_thread, type ThreadTable } from "./thread_table.ts";

/** What a thread did while the node was calm, per second. */
export interface ThreadRates {
  readonly start_ns: number;
  readonly fault_bytes_per_s: number;
  readonly cpu_share: number;
  readonly io_bytes_per_s: number;
  readonly waits_per_s: number;
}

/** Weight of the newest sweep: a leak that begins shortly before it is noticed must not become its own normal. */
const NEWEST_WEIGHT = 0.3;

/** Per-thread baseline rates from sweeps over all threads, bounded by the size of a sweep. */
export class ThreadBaseline {
  #previous: ThreadTable | null = null;
  #rates = new Map<number, ThreadRates>();

  /** Learn from one sweep. `calm` false: the figures are taken, but nothing is learned from the stretch up to them. */
  learn(table: ThreadTable, calm: boolean): void {
    const previous = this.#previous;
    this.#previous = table;
    const kept = new Map<number, ThreadRates>();
    for (const thread of table.threads.values()) {
      const known = this.rates_of(thread.tid, thread.start_ns);
      const earlier = previous === null ? null : same_thread(previous, thread);
      if (!calm || earlier === null || thread.t_ns <= earlier.t_ns) {
        if (known !== null) kept.set(thread.tid, known);
        continue;
      }
      const per_s = 1e9 / (thread.t_ns - earlier.t_ns);
      const mix = (before: number | undefined, delta: number): number => {
        const rate = Math.max(0, delta) * per_s;
        return before === undefined ? rate : before + NEWEST_WEIGHT * (rate - before);
      };
      kept.set(thread.tid, {
        start_ns: thread.start_ns,
        fault_bytes_per_s: mix(known?.fault_bytes_per_s, thread.fault_bytes - earlier.fault_bytes),
        cpu_share: mix(known?.cpu_share, (thread.cpu_ns - earlier.cpu_ns) / 1e9),
        io_bytes_per_s: mix(known?.io_bytes_per_s, thread.io_bytes - earlier.io_bytes),
        waits_per_s: mix(known?.waits_per_s, thread.waits - earlier.waits),
      });
    }
    this.#rates = kept;
  }

  /** Null for a thread that was never seen twice while the node was calm. */
  rates_of(tid: number, start_ns: number): ThreadRates | null {
    const rates = this.#rates.get(tid);
    return rates !== undefined && rates.start_ns === start_ns ? rates : null;
  }
}
