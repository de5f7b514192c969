import type { Maybe } from "../model/sample.ts";
import type { PeerScope, Progress, ThreadSearch } from "../model/search.ts";
import { answers_between, ProgressSum } from "./progress.ts";
import type { ThreadBaseline } from "./thread_baseline.ts";
import { same_thread, type ThreadFigures, type ThreadTable } from "./thread_table.ts";

/** What a thread did while the node was calm weighs as much as so long a look: a tenth of a second alone says little of ten waits a second. */
const BASELINE_S = 0.5;

/** What tells a process and its siblings apart. */
export interface Kin {
  readonly pid: number;
  readonly parent_pid: Maybe<number>;
  /** Name of its first thread. */
  readonly comm: string;
}

/** A worker of the same pool: another child of the same parent that runs under the same name. */
export function is_sibling(one: Kin, other: Kin): boolean {
  return (
    one.pid !== other.pid && one.parent_pid !== null && one.parent_pid === other.parent_pid && one.comm === other.comm
  );
}

/** Of each process its first thread, or the first that is known of it. */
export function kin_of(
  threads: Iterable<Pick<ThreadFigures, "tid" | "pid" | "parent_pid" | "comm">>,
): Map<number, Kin> {
  const processes = new Map<number, Kin>();
  for (const { tid, pid, parent_pid, comm } of threads)
    if (tid === pid || !processes.has(pid)) processes.set(pid, { pid, parent_pid, comm });
  return processes;
}

/**
 * What goes on beside the thread: in the other threads of its process, and only where these do nothing in the other workers of its pool. Its own
 * children, and whatever else runs in its cgroup, do not answer for it.
 */
export function peers_of(
  thread: ThreadFigures,
  before: ThreadTable,
  after: ThreadTable,
  baseline: ThreadBaseline,
): NonNullable<ThreadSearch["peers"]> {
  const threads = [...after.threads.values()];
  const sum = (scope: PeerScope, those: readonly ThreadFigures[]) => ({
    scope,
    ...sum_of(those, before, after, baseline),
  });
  const own = sum(
    "process",
    threads.filter(({ pid, tid }) => pid === thread.pid && tid !== thread.tid),
  );
  if (own.moving > 0 || own.computing_share > 0) return own;
  const processes = kin_of(threads);
  const self = processes.get(thread.pid)!;
  const pool = threads.filter(({ pid }) => is_sibling(self, processes.get(pid)!));
  return pool.length === 0 ? own : sum("pool", pool);
}

function sum_of(
  threads: readonly ThreadFigures[],
  before: ThreadTable,
  after: ThreadTable,
  baseline: ThreadBaseline,
): Progress {
  const sum = new ProgressSum();
  for (const thread of threads) {
    const earlier = same_thread(before, thread);
    const elapsed_s = earlier === null ? thread.age_s : (thread.t_ns - earlier.t_ns) / 1e9;
    if (elapsed_s <= 0) continue;
    const usual = baseline.rates_of(thread.tid, thread.start_ns);
    const per_s = (count: number, usual_per_s: number | undefined) =>
      usual_per_s === undefined ? count / elapsed_s : (count + usual_per_s * BASELINE_S) / (elapsed_s + BASELINE_S);
    const waits_per_s = per_s(thread.waits - (earlier?.waits ?? 0), usual?.waits_per_s);
    const cpu_share = per_s((thread.cpu_ns - (earlier?.cpu_ns ?? 0)) / 1e9, usual?.cpu_share);
    const answers = earlier === null ? 0 : answers_between(earlier, thread);
    sum.add(waits_per_s, cpu_share, after.counts_answers ? answers / elapsed_s : null);
  }
  return sum.progress;
}
