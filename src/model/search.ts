import type { Maybe } from "./sample.ts";

/** One thread's change over the search window, against what it did before the onset. */
export interface ThreadChange {
  readonly tid: number;
  readonly pid: number;
  readonly comm: string;
  readonly fault_bytes_per_s: number;
  readonly baseline_fault_bytes_per_s: Maybe<number>;
  /** CPU fraction (of one core) over the window. */
  readonly cpu_share: number;
  readonly io_bytes_per_s: number;
  readonly steps_per_s: number;
  /** Part of the summed positive change of all threads searched, 0..1, in the resource searched. */
  readonly share: number;
  readonly age_s: number;
  /** Age of its process; absent in older records. */
  readonly process_age_s?: number;
}

/** What the search inside a cgroup found: threads, largest share first; bounded. */
export interface ThreadSearch {
  readonly cgroup_id: number;
  readonly resource: "cpu" | "memory" | "io";
  readonly window_s: number;
  readonly threads_searched: number;
  /** Steps (waits, and 10 ms of CPU time each) of all threads searched: what the rest of the service does, and whether there is a rest. */
  readonly total_steps_per_s: number;
  readonly threads: readonly ThreadChange[];
  /** "jvm", "go", "dotnet", "node" … when the leading process runs a managed runtime. */
  readonly runtime: Maybe<string>;
  /** The runtime's own bound on its heap, where it states one (-Xmx). */
  readonly runtime_heap_limit_bytes: Maybe<number>;
}
