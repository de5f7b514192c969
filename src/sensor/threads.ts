import { page_size_bytes } from "../ffi/libc.ts";
import type { Maybe } from "../model/sample.ts";
import type { ThreadSearch } from "../model/search.ts";
import { BoundsWatch } from "./growth_bounds.ts";
import { KindsWatch } from "./growth_kinds.ts";
import type { ThreadPort } from "./ports.ts";
import { detect_runtime, type Runtime } from "./runtime.ts";
import { ThreadBaseline, type ThreadRates } from "./thread_baseline.ts";
import { compare_tables, leading_pid, type Whole, with_runtime } from "./thread_search.ts";
import { read_threads, type ThreadTable } from "./thread_table.ts";

const MIN_WINDOW_NS = 95e6;
/** A window grows no longer than this; then it starts again at its middle, so that a search follows the present. */
const MAX_WINDOW_NS = 1e9;
/** Readings of a search are no closer than this, nor than so many times what the latest one cost: a node may have thousands of threads. */
const SPACING_NS = 24e6;
const SPACING_COSTS = 15;
/** A search not asked about for so long begins anew. */
const STALE_NS = 3e9;
/** Not counted as a loss: a decision asks for one search at a time, and one that was let go of begins anew. */
const MAX_SEARCHES = 4;
/** In trouble nothing is learned, and the beat has better things to do than to walk over all threads. */
const RARER_IN_TROUBLE = 6;

export interface ThreadWatchPorts {
  readonly threads: ThreadPort;
  monotonic_ns(): number;
  /** CLOCK_BOOTTIME: differs from CLOCK_MONOTONIC by the time the node was suspended. */
  boottime_ns(): number;
}

export interface ThreadWatchOptions {
  readonly sweep_period_ns?: number;
  readonly page_bytes?: number;
  /** What a percentage heap limit of a cgroup's runtime refers to. */
  readonly memory_limit_bytes?: (cgroup_id: number) => Maybe<number>;
  /** What the cgroup as a whole has used so far; null where it is not known. */
  readonly whole?: (cgroup_id: number) => Maybe<Whole>;
  /** The directory of a cgroup; null where it is not known. */
  readonly directory_of?: (cgroup_id: number) => Maybe<string>;
  readonly detect?: (pid: number, memory_limit_bytes: Maybe<number>) => Runtime;
  /** Told of every sweep: what the node was like before something happened. */
  readonly on_sweep?: (table: ThreadTable) => void;
}

/** One reading of a search. */
interface Taken {
  readonly table: ThreadTable;
  readonly whole: Maybe<Whole>;
}

interface Running {
  base: Taken;
  next: Maybe<Taken>;
  asked_ns: number;
  /** Not read again before. */
  due_ns: number;
  readonly results: Map<ThreadSearch["resource"], ThreadSearch>;
  readonly runtimes: Map<number, Runtime>;
  readonly kinds: Maybe<KindsWatch>;
  bounds: Maybe<BoundsWatch>;
}

/** Who inside a cgroup carries a change: sweeps give each thread its normal, a search compares the present with it. */
export class ThreadWatch {
  readonly #ports: ThreadWatchPorts;
  readonly #options: ThreadWatchOptions;
  readonly #page_bytes: number;
  readonly #sweep_period_ns: number;
  readonly #baseline = new ThreadBaseline();
  readonly #searches = new Map<number, Running>();
  #next_sweep_ns = 0;

  constructor(ports: ThreadWatchPorts, options: ThreadWatchOptions = {}) {
    this.#ports = ports;
    this.#options = options;
    this.#page_bytes = options.page_bytes ?? page_size_bytes();
    this.#sweep_period_ns = options.sweep_period_ns ?? 5e9;
  }

  /** Once a beat: sweep all threads when due. `calm`: the node is at level 0, its threads may be learned as normal. */
  sweep(calm: boolean): void {
    const now_ns = this.#ports.monotonic_ns();
    if (now_ns < this.#next_sweep_ns) return;
    this.#next_sweep_ns = now_ns + this.#sweep_period_ns * (calm ? 1 : RARER_IN_TROUBLE);
    const table = this.#read(0, now_ns);
    this.#baseline.learn(table, calm);
    this.#options.on_sweep?.(table);
  }

  /** What a thread did while the node was calm; null where that was never seen. */
  usual(tid: number, start_ns: number): Maybe<ThreadRates> {
    return this.#baseline.rates_of(tid, start_ns);
  }

  /** The first call samples; from 100 ms later on each returns what changed since. Null while there is no window yet. */
  search(cgroup_id: number, resource: ThreadSearch["resource"]): Maybe<ThreadSearch> {
    const now_ns = this.#ports.monotonic_ns();
    const running = this.#running(cgroup_id, now_ns);
    running.asked_ns = now_ns;
    const known = running.results.get(resource) ?? null;
    if (now_ns - running.base.table.t_ns < MIN_WINDOW_NS || (known !== null && now_ns < running.due_ns)) return known;
    const taken = this.#take(cgroup_id, now_ns);
    const kinds = resource === "memory" ? (running.kinds?.look(now_ns) ?? null) : null;
    const { base } = running;
    const wholes = { whole_before: base.whole, whole_after: taken.whole, kinds };
    const tables = { before: base.table, after: taken.table, baseline: this.#baseline };
    const searched = compare_tables({ cgroup_id, resource, ...tables, ...wholes });
    const pid = leading_pid(searched.threads);
    const fills = (kinds?.shmem_bytes_per_s ?? 0) > 0;
    const bounds = resource === "memory" ? this.#bounds(running, pid, taken.table, now_ns, fills) : null;
    const result = {
      ...with_runtime(searched, this.#runtime(running, cgroup_id, pid)),
      ...(kinds === null ? {} : { kinds }),
      ...(bounds === null ? {} : { bounds }),
    };
    running.results.set(resource, result);
    this.#roll(running, taken);
    const cost_ns = this.#ports.monotonic_ns() - now_ns;
    running.due_ns = now_ns + Math.min(MAX_WINDOW_NS / 2, Math.max(SPACING_NS, SPACING_COSTS * cost_ns));
    return result;
  }

  #take(cgroup_id: number, now_ns: number): Taken {
    return { table: this.#read(cgroup_id, now_ns), whole: this.#options.whole?.(cgroup_id) ?? null };
  }

  #bounds(running: Running, pid: Maybe<number>, { threads }: ThreadTable, now_ns: number, fills: boolean) {
    // Without a directory the processes of the host cannot be looked at.
    if (pid === null || running.kinds === null) return null;
    if (running.bounds?.pid !== pid) running.bounds = new BoundsWatch(pid, now_ns);
    return running.bounds.look(() => threads.values(), now_ns, fills);
  }

  #read(cgroup_id: number, now_ns: number): ThreadTable {
    const boot_offset_ns = this.#ports.boottime_ns() - now_ns;
    return read_threads(this.#ports.threads, cgroup_id, this.#page_bytes, now_ns, boot_offset_ns);
  }

  #running(cgroup_id: number, now_ns: number): Running {
    const running = this.#searches.get(cgroup_id);
    if (running !== undefined && now_ns - running.asked_ns < STALE_NS) return running;
    const directory = this.#options.directory_of?.(cgroup_id) ?? null;
    const begun: Running = {
      base: this.#take(cgroup_id, now_ns),
      next: null,
      asked_ns: now_ns,
      due_ns: 0,
      results: new Map(),
      runtimes: new Map(),
      kinds: directory === null ? null : new KindsWatch(directory, now_ns),
      bounds: null,
    };
    this.#searches.delete(cgroup_id);
    this.#searches.set(cgroup_id, begun);
    drop_oldest(this.#searches, MAX_SEARCHES);
    return begun;
  }

  #roll(running: Running, taken: Taken): void {
    const age_ns = taken.table.t_ns - running.base.table.t_ns;
    if (running.next === null && age_ns >= MAX_WINDOW_NS / 2) running.next = taken;
    if (running.next === null || age_ns < MAX_WINDOW_NS) return;
    running.base = running.next;
    running.next = null;
  }

  #runtime(running: Running, cgroup_id: number, pid: Maybe<number>): Runtime {
    if (pid === null) return { runtime: null, heap_limit_bytes: null };
    const known = running.runtimes.get(pid);
    if (known !== undefined) return known;
    const limit = this.#options.memory_limit_bytes?.(cgroup_id) ?? null;
    const detected = (this.#options.detect ?? detect_runtime)(pid, limit);
    running.runtimes.set(pid, detected);
    drop_oldest(running.runtimes, 16);
    return detected;
  }
}

/** Maps keep insertion order: the first key is the oldest. */
function drop_oldest<K, V>(map: Map<K, V>, most: number): void {
  for (const key of map.keys()) {
    if (map.size <= most) return;
    map.delete(key);
  }
}
