import type { Maybe } from "../model/sample.ts";
import type { ThreadChange, ThreadSearch } from "../model/search.ts";
import type { Runtime } from "./runtime.ts";
import type { ThreadBaseline, ThreadRates } from "./thread_baseline.ts";
import { same_thread, type ThreadTable } from "./thread_table.ts";

/** The ones with the largest shares. Not counted as a loss: a decision reads the first of them, and their shares are of all threads. */
const MAX_REPORTED = 16;

type Searched = Omit<ThreadSearch, "runtime" | "runtime_heap_limit_bytes">;

/**
 * Who changed between two tables of one cgroup, against its own baseline. The share is a thread's positive change over the
 * summed positive change; a thread without a baseline (young, or first seen) counts with all it does.
 */
export function compare_tables(
  cgroup_id: number,
  resource: ThreadSearch["resource"],
  before: ThreadTable,
  after: ThreadTable,
  baseline: ThreadBaseline,
): Searched {
  const found: { change: ThreadChange; positive: number }[] = [];
  let summed = 0;
  let total_steps_per_s = 0;
  const born = ages_of_processes(after);
  for (const thread of after.threads.values()) {
    const earlier = same_thread(before, thread);
    // A thread born inside the window did all it did since its birth.
    const elapsed_s = earlier === null ? Math.max(1e-3, thread.age_s) : (thread.t_ns - earlier.t_ns) / 1e9;
    if (elapsed_s <= 0) continue;
    const per_s = (now: number, then: number | undefined): number => Math.max(0, now - (then ?? 0)) / elapsed_s;
    const usual = baseline.rates_of(thread.tid, thread.start_ns);
    const rates = {
      fault_bytes_per_s: per_s(thread.fault_bytes, earlier?.fault_bytes),
      cpu_share: per_s(thread.cpu_ns, earlier?.cpu_ns) / 1e9,
      io_bytes_per_s: per_s(thread.io_bytes, earlier?.io_bytes),
    };
    const positive = Math.max(0, in_resource(rates, resource) - (usual === null ? 0 : in_resource(usual, resource)));
    const steps_per_s = per_s(thread.steps, earlier?.steps);
    summed += positive;
    total_steps_per_s += steps_per_s;
    const { tid, pid, comm, age_s } = thread;
    const process_age_s = born.get(pid) ?? age_s;
    const baseline_fault_bytes_per_s = usual?.fault_bytes_per_s ?? null;
    const change = {
      tid,
      pid,
      comm,
      ...rates,
      baseline_fault_bytes_per_s,
      steps_per_s,
      share: 0,
      age_s,
      process_age_s,
    };
    found.push({ change, positive });
  }
  found.sort((a, b) => b.positive - a.positive);
  return {
    cgroup_id,
    resource,
    window_s: (after.t_ns - before.t_ns) / 1e9,
    threads_searched: after.threads.size,
    total_steps_per_s,
    threads: found
      .slice(0, MAX_REPORTED)
      .map(({ change, positive }) => ({ ...change, share: summed > 0 ? positive / summed : 0 })),
  };
}

/** A process is as old as its first thread, or as the oldest that is left. */
function ages_of_processes({ threads }: ThreadTable): ReadonlyMap<number, number> {
  const ages = new Map<number, number>();
  for (const { pid, age_s } of threads.values()) if (age_s > (ages.get(pid) ?? 0)) ages.set(pid, age_s);
  return ages;
}

/** The process with the largest summed share; null when there is no thread. */
export function leading_pid(threads: readonly ThreadChange[]): Maybe<number> {
  const shares = new Map<number, number>();
  for (const thread of threads) shares.set(thread.pid, (shares.get(thread.pid) ?? 0) + thread.share);
  let leader: Maybe<number> = null;
  for (const [pid, share] of shares) if (leader === null || share > shares.get(leader)!) leader = pid;
  return leader;
}

export function with_runtime(searched: Searched, { runtime, heap_limit_bytes }: Runtime): ThreadSearch {
  return { ...searched, runtime, runtime_heap_limit_bytes: heap_limit_bytes };
}

function in_resource(rates: Omit<ThreadRates, "start_ns">, resource: ThreadSearch["resource"]): number {
  if (resource === "memory") return rates.fault_bytes_per_s;
  return resource === "cpu" ? rates.cpu_share : rates.io_bytes_per_s;
}
