import type { Carrier, TaskFigures, TaskReading, TaskWindow } from "../model/attribution.ts";
import type { Maybe } from "../model/sample.ts";

/** What one thread did over the window. */
export interface ThreadPart {
  readonly tid: number;
  readonly comm: string;
  /** In the unit of the resource. */
  readonly rate: number;
  /** Above what it usually does. */
  readonly change: number;
}

/** What one process, or a part of the kernel, did over the window. */
export interface Part {
  readonly pid: Maybe<number>;
  readonly comm: string;
  readonly cgroup_id: Maybe<number>;
  readonly age_s: Maybe<number>;
  readonly is_kernel: boolean;
  readonly rate: number;
  /** What it is ranked by: above its usual, in the unit of the resource. */
  readonly change: number;
  /** What its share is taken of; absent: its rate. */
  readonly amount?: number;
  /** Empty where no thread was told from the others. */
  readonly threads: readonly ThreadPart[];
  readonly extra?: Partial<Pick<Carrier, "held_bytes" | "gained_bytes" | "written_share" | "ended">>;
}

/** The rate of what lived for less is that of a guess. */
const SHORTEST_LIFE_S = 0.05;

/** Thread of the kernel: `kworker/u8:1-flush` and `kworker/0:2` are one part of it. */
const OWN_NAME_ENDS = /[/:].*$/;

/** What moved by an amount over the window did so at this rate: a process that was born within it, since its birth. */
export function rate_of(amount_per_s: number, age_s: Maybe<number>, over_s: number): number {
  return age_s === null || age_s >= over_s ? amount_per_s : (amount_per_s * over_s) / Math.max(SHORTEST_LIFE_S, age_s);
}

export function window_s({ before, after }: TaskWindow): number {
  return Math.max(1e-3, (after.t_ns - before.t_ns) / 1e9);
}

/** The same thread in an earlier reading; null when it is new or its tid was used again. */
export function same_task({ threads }: TaskReading, { tid, start_ns }: TaskFigures): Maybe<TaskFigures> {
  const earlier = threads.get(tid);
  return earlier !== undefined && earlier.start_ns === start_ns ? earlier : null;
}

/** Older than the reading in which it is missing: what it did before is not known, and so nothing is said of it. */
function is_unknown(now: TaskFigures, earlier: Maybe<TaskFigures>, since: TaskReading): boolean {
  return earlier === null && now.age_s > Math.max(0, now.t_ns - since.t_ns) / 1e9 + 0.05;
}

/** What a counter of a thread moved by since an earlier reading; null where that is not known. */
export function moved_since(
  since: TaskReading,
  now: TaskFigures,
  counter: (task: TaskFigures) => number,
): Maybe<number> {
  const earlier = same_task(since, now);
  if (is_unknown(now, earlier, since)) return null;
  return Math.max(0, counter(now) - (earlier === null ? 0 : counter(earlier)));
}

/** What it moved by over the window; nothing where that is not known. */
export function moved({ before }: TaskWindow, now: TaskFigures, counter: (task: TaskFigures) => number): number {
  return moved_since(before, now, counter) ?? 0;
}

interface Gathering {
  readonly pid: number;
  comm: string;
  cgroup_id: number;
  age_s: number;
  is_kernel: boolean;
  rate: number;
  change: number;
  readonly threads: ThreadPart[];
}

/** Threads of one process are summed; the process bears the name, cgroup and age of its main thread, where it is there. */
export function gather(
  window: TaskWindow,
  rates_of: (task: TaskFigures) => { readonly rate: number; readonly change: number },
): Map<number, Gathering> {
  const found = new Map<number, Gathering>();
  for (const task of window.after.threads.values()) {
    const { rate, change } = rates_of(task);
    const { tid, pid, comm, cgroup_id, age_s, is_kernel } = task;
    let process = found.get(pid);
    if (process === undefined) {
      process = { pid, comm, cgroup_id, age_s, is_kernel, rate: 0, change: 0, threads: [] };
      found.set(pid, process);
    }
    if (tid === pid) {
      process.comm = comm;
      process.cgroup_id = cgroup_id;
      process.age_s = age_s;
    }
    process.rate += rate;
    process.change += change;
    if (rate > 0) process.threads.push({ tid, comm, rate, change });
  }
  return found;
}

/** Parts of one name in one cgroup, which an operator would call one thing. */
export function group_key({ comm, cgroup_id, is_kernel }: Part): string {
  return is_kernel ? `kernel ${comm.replace(OWN_NAME_ENDS, "")}` : `${cgroup_id} ${comm}`;
}
