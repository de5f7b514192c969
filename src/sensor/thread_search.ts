import type { Maybe } from "../model/sample.ts";
import type { GrowthKinds, ThreadChange, ThreadSearch } from "../model/search.ts";
import { peers_of } from "./peers.ts";
import { answers_between, steps_of } from "./progress.ts";
import type { Runtime } from "./runtime.ts";
import type { ThreadBaseline, ThreadRates } from "./thread_baseline.ts";
import { same_thread, type ThreadFigures, type ThreadTable } from "./thread_table.ts";

/** The ones with the largest shares. Not counted as a loss: a decision reads the first of them, and their shares are of all threads. */
const MAX_REPORTED = 16;
/** The kernel charges memory in pieces, and the two readings are not of the same instant: bytes, CPU seconds, bytes. */
const UNCERTAIN = { memory: 1048576, cpu: 0.01, io: 1048576 } as const;

/** What two tables of threads say, without what is read of the cgroup and its leading process. */
export type Searched = Omit<ThreadSearch, "runtime" | "runtime_heap_limit_bytes" | "kinds" | "bounds" | "global_lock">;

/** What a cgroup as a whole has used so far. */
export interface Whole {
  readonly t_ns: number;
  readonly memory_bytes: Maybe<number>;
  readonly cpu_ns: Maybe<number>;
  readonly io_bytes: Maybe<number>;
}

/** Two readings of one cgroup, and what is known beside them. */
export interface Comparison {
  readonly cgroup_id: number;
  readonly resource: ThreadSearch["resource"];
  readonly before: ThreadTable;
  readonly after: ThreadTable;
  readonly baseline: ThreadBaseline;
  readonly whole_before: Maybe<Whole>;
  readonly whole_after: Maybe<Whole>;
  /** What of its memory grows. */
  readonly kinds: Maybe<GrowthKinds>;
}

interface Found {
  readonly thread: ThreadFigures;
  readonly change: ThreadChange;
  readonly positive: number;
}

/**
 * Who changed between two tables of one cgroup, against its own baseline. The share is a thread's positive change, as part of the summed
 * positive change or of what the cgroup as a whole did, whichever is more: what no thread is seen to do, no thread may be blamed for.
 * A thread without a baseline (young, or first seen) counts with all it does.
 */
export function compare_tables(comparison: Comparison): Searched {
  const { cgroup_id, resource, before, after } = comparison;
  const born = ages_of_processes(after);
  const found: Found[] = [];
  for (const thread of after.threads.values()) {
    const one = change_of(thread, comparison, born.get(thread.pid) ?? thread.age_s);
    if (one !== null) found.push(one);
  }
  found.sort((a, b) => b.positive - a.positive);
  const summed = found.reduce((sum, { positive }) => sum + positive, 0);
  const whole_per_s = rate_of_whole(comparison);
  const blamable = seen_in_threads(comparison, summed, whole_per_s);
  const leader = found[0]?.thread;
  const peers = leader === undefined ? null : peers_of(leader, before, after, comparison.baseline);
  return {
    cgroup_id,
    resource,
    window_s: (after.t_ns - before.t_ns) / 1e9,
    threads_searched: after.threads.size,
    total_steps_per_s: found.reduce((sum, { change }) => sum + change.steps_per_s, 0),
    ...(peers === null ? {} : { peers }),
    ...(whole_per_s === null ? {} : { whole_per_s }),
    threads: found
      .slice(0, MAX_REPORTED)
      .map(({ change, positive }) => ({ ...change, share: summed > 0 ? (positive / summed) * blamable : 0 })),
  };
}

function change_of(
  thread: ThreadFigures,
  { resource, before, after, baseline }: Comparison,
  process_age_s: number,
): Maybe<Found> {
  const earlier = same_thread(before, thread);
  // A thread born inside the window did all it did since its birth.
  const elapsed_s = earlier === null ? Math.max(1e-3, thread.age_s) : (thread.t_ns - earlier.t_ns) / 1e9;
  if (elapsed_s <= 0) return null;
  const per_s = (now: number, then: number | undefined): number => Math.max(0, now - (then ?? 0)) / elapsed_s;
  const usual = baseline.rates_of(thread.tid, thread.start_ns);
  const rates = {
    fault_bytes_per_s: per_s(thread.fault_bytes, earlier?.fault_bytes),
    cpu_share: per_s(thread.cpu_ns, earlier?.cpu_ns) / 1e9,
    io_bytes_per_s: per_s(thread.io_bytes, earlier?.io_bytes),
  };
  const positive = Math.max(0, in_resource(rates, resource) - (usual === null ? 0 : in_resource(usual, resource)));
  const waits_per_s = per_s(thread.waits, earlier?.waits);
  const answers = earlier === null ? 0 : answers_between(earlier, thread);
  const change: ThreadChange = {
    tid: thread.tid,
    pid: thread.pid,
    comm: thread.comm,
    ...rates,
    baseline_fault_bytes_per_s: usual?.fault_bytes_per_s ?? null,
    steps_per_s: steps_of(waits_per_s, rates.cpu_share * 1e9),
    waits_per_s,
    answers_per_s: after.counts_answers ? answers / elapsed_s : null,
    share: 0,
    age_s: thread.age_s,
    process_age_s,
  };
  return { thread, change, positive };
}

/** What the cgroup did between the readings of it, per second: bytes, cores, bytes. */
function rate_of_whole({ resource, whole_before, whole_after }: Comparison): Maybe<number> {
  if (whole_before === null || whole_after === null || whole_after.t_ns <= whole_before.t_ns) return null;
  const used = (whole: Whole) =>
    resource === "memory" ? whole.memory_bytes : resource === "cpu" ? whole.cpu_ns : whole.io_bytes;
  const [before, after] = [used(whole_before), used(whole_after)];
  if (before === null || after === null) return null;
  const per_s = ((after - before) / (whole_after.t_ns - whole_before.t_ns)) * 1e9;
  return Math.max(0, resource === "cpu" ? per_s / 1e9 : per_s);
}

/**
 * Part of what the cgroup did that its threads were seen to do, 0..1. For memory that is what came by their page faults: what is written into a
 * tmpfs, or kept by the kernel, grows without any.
 */
function seen_in_threads(
  { resource, before, after, kinds }: Comparison,
  summed: number,
  whole_per_s: Maybe<number>,
): number {
  if (whole_per_s === null) return 1;
  const window_s = Math.max(1e-3, (after.t_ns - before.t_ns) / 1e9);
  // What the kernel takes back where it is needed is not counted.
  const cache = resource === "memory" ? Math.max(0, kinds?.cache_bytes_per_s ?? 0) : 0;
  const whole = whole_per_s - cache - UNCERTAIN[resource] / window_s;
  if (whole <= 0) return 1;
  const by_faults = kinds === null || resource !== "memory" ? 1 : faulted_part(kinds);
  return Math.min(1, by_faults, summed / whole);
}

/** Of the growth that lasts, the part that can only come by page faults: private memory, and what of the shared one is mapped. */
function faulted_part(kinds: GrowthKinds): number {
  const shmem = Math.max(0, kinds.shmem_bytes_per_s);
  const faulted = Math.max(0, kinds.anon_bytes_per_s) + Math.min(shmem, Math.max(0, kinds.mapped_bytes_per_s));
  const lasting = Math.max(0, kinds.anon_bytes_per_s) + shmem + Math.max(0, kinds.kernel_bytes_per_s);
  return lasting > 0 ? faulted / lasting : 1;
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

export function with_runtime(searched: Searched, { runtime, heap_limit_bytes, global_lock }: Runtime): ThreadSearch {
  const known = { ...searched, runtime, runtime_heap_limit_bytes: heap_limit_bytes };
  return global_lock === undefined ? known : { ...known, global_lock };
}

function in_resource(
  rates: Pick<ThreadRates, "fault_bytes_per_s" | "cpu_share" | "io_bytes_per_s">,
  resource: ThreadSearch["resource"],
): number {
  if (resource === "memory") return rates.fault_bytes_per_s;
  return resource === "cpu" ? rates.cpu_share : rates.io_bytes_per_s;
}
