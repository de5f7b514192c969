import type {
  NodeTotals,
  StarterFigures,
  TaskFigures,
  TaskReading,
  TaskWindow,
  UsualRates,
} from "../../src/model/attribution.ts";

export const MIB = 1_048_576;
const BEGAN_NS = 1000e9;

/** A thread that has done nothing, of a process older than the window. */
export function task(tid: number, change: Partial<TaskFigures> = {}): TaskFigures {
  return {
    tid,
    pid: tid,
    cgroup_id: 7,
    comm: `program-${tid}`,
    t_ns: 0,
    start_ns: tid,
    age_s: 600,
    cpu_ns: 0,
    fault_bytes: 0,
    io_bytes: 0,
    disk_written_bytes: 0,
    written_bytes: 0,
    own_bytes: 0,
    shared_bytes: 0,
    is_kernel: false,
    ...change,
  };
}

export function starter(pid: number, change: Partial<StarterFigures> = {}): StarterFigures {
  return { pid, start_ns: pid, cgroup_id: 7, comm: `program-${pid}`, forks: 0, threads: 0, connects: 0, ...change };
}

export function totals(change: Partial<NodeTotals> = {}): NodeTotals {
  const kernel = { slab: 0, page_tables: 0, kernel_stacks: 0, per_cpu: 0, vmalloc: 0, huge_page_pool: 0 };
  return {
    used_bytes: 0,
    shared_bytes: 0,
    kernel_bytes: kernel,
    cores: 2,
    busy_ticks: 0,
    interrupt_ticks: 0,
    stolen_ticks: 0,
    block_bytes: 0,
    forks: 0,
    connects: 0,
    ...change,
  };
}

export function reading(
  at_s: number,
  tasks: readonly TaskFigures[],
  more: Partial<Pick<TaskReading, "totals" | "complete">> & {
    readonly starters?: readonly StarterFigures[] | null;
  } = {},
): TaskReading {
  const t_ns = BEGAN_NS + at_s * 1e9;
  const { starters = [], ...rest } = more;
  return {
    t_ns,
    threads: new Map(tasks.map((one) => [one.tid, { ...one, t_ns }])),
    complete: true,
    totals: totals(),
    starters: starters === null ? null : new Map(starters.map((one) => [one.pid, one])),
    ...rest,
  };
}

/** A second between two readings; the onset is the first of them unless one is given. */
export function window(
  before: TaskReading,
  after: TaskReading,
  more: { readonly onset?: TaskReading; readonly usual?: Readonly<Record<number, UsualRates>> } = {},
): TaskWindow {
  return {
    onset: more.onset ?? before,
    before,
    after,
    provisional: false,
    own_comm: "hosa",
    usual: (tid) => more.usual?.[tid] ?? null,
    path_of: (id) => (id === 1 ? "/" : `/service-${id}`),
    protected_because: (path) => (path === "/" ? "it is protected by default (/)" : null),
  };
}
