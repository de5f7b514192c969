import type { Maybe } from "./sample.ts";

/** What can be attributed: bytes/s of memory, cores, bytes/s of block I/O, processes begun per second, connections begun per second. */
export const ATTRIBUTED = ["memory", "cpu", "io", "forks", "network"] as const;
export type Attributed = (typeof ATTRIBUTED)[number];

/** What carries part of a change: a process (or one thread of it), several processes of one name, or the kernel itself. */
export interface Carrier {
  readonly kind: "process" | "processes" | "kernel";
  /** Name of the process; of the kernel, the part of it. */
  readonly comm: string;
  /** Of several processes, the one with the lowest pid. Null for the kernel where it is no thread. */
  readonly pid: Maybe<number>;
  /** The thread that carries most of it; null where none does. */
  readonly tid: Maybe<number>;
  readonly thread_comm: Maybe<string>;
  /** Part of the process's change that the thread carries, 0..1; null where it was not looked at. */
  readonly thread_share: Maybe<number>;
  /** Processes meant. */
  readonly count: number;
  readonly cgroup_id: Maybe<number>;
  /** Path below the cgroup v2 mount; empty where it is not known. */
  readonly path: string;
  /** In the unit of the resource, over the window. */
  readonly rate: number;
  /** Part of the node's, 0..1. */
  readonly share: number;
  /** Part of its cgroup's, 0..1; null where it is in none. */
  readonly share_of_cgroup: Maybe<number>;
  readonly age_s: Maybe<number>;
  /** Memory only: what it holds, and what it took since the onset (negative: gave back). */
  readonly held_bytes?: number;
  readonly gained_bytes?: number;
  /** I/O only: the part that was written, 0..1. */
  readonly written_share?: number;
  /** It has ended meanwhile. */
  readonly ended?: true;
  /** Why it is never contained; absent where it may be. To be named is not to be touched. */
  readonly protected?: string;
  /** HOSA itself: the agent, or a command that asks it. */
  readonly own?: true;
}

/** One resource: what the node does, and what carries it, largest first; bounded. */
export interface ResourceAttribution {
  /** Of the whole node over the window, in the unit of the resource. */
  readonly node_rate: number;
  readonly carriers: readonly Carrier[];
  /** Why nothing can be named; absent where it can. */
  readonly unknown?: "not_counted" | "no_counter";
}

/** What carries the present of the node, by resource: what was found, not what is to be done. */
export interface Attribution {
  readonly t_ns: number;
  /** The rates are taken over so long. */
  readonly window_s: number;
  /** The window reaches back to before the rise: shares are right, and rates of what ran before too low. */
  readonly provisional?: true;
  /** Gains of memory are counted since so long. */
  readonly since_s: number;
  readonly cores: number;
  readonly threads: number;
  /** False: the node has more threads than were read, and what the others do is missing here. */
  readonly complete: boolean;
  readonly memory: ResourceAttribution;
  /** The process that gave most memory back over the window; absent where none did. */
  readonly released?: Carrier;
  readonly cpu: ResourceAttribution;
  readonly io: ResourceAttribution;
  readonly forks: ResourceAttribution;
  readonly network: ResourceAttribution;
}

/** One thread's cumulative figures at one reading. */
export interface TaskFigures {
  readonly tid: number;
  readonly pid: number;
  readonly cgroup_id: number;
  readonly comm: string;
  readonly t_ns: number;
  readonly start_ns: number;
  readonly age_s: number;
  readonly cpu_ns: number;
  readonly fault_bytes: number;
  readonly io_bytes: number;
  readonly disk_written_bytes: number;
  readonly written_bytes: number;
  readonly own_bytes: Maybe<number>;
  readonly shared_bytes: number;
  readonly is_kernel: boolean;
}

/** Processes that began others, cumulative. */
export interface StarterFigures {
  readonly pid: number;
  readonly start_ns: number;
  readonly cgroup_id: number;
  readonly comm: string;
  readonly forks: number;
  readonly threads: number;
  readonly connects: number;
}

/** What the node as a whole used, and what of it no process holds. Bytes; CPU in ticks of 10 ms. */
export interface NodeTotals {
  readonly used_bytes: number;
  readonly shared_bytes: number;
  /** Memory of the kernel itself, by part. */
  readonly kernel_bytes: Readonly<Record<KernelPart, number>>;
  readonly cores: number;
  readonly busy_ticks: number;
  readonly interrupt_ticks: number;
  readonly stolen_ticks: number;
  readonly block_bytes: number;
  readonly forks: number;
  readonly connects: number;
}

export const KERNEL_PARTS = ["slab", "page_tables", "kernel_stacks", "per_cpu", "vmalloc", "huge_page_pool"] as const;
export type KernelPart = (typeof KERNEL_PARTS)[number];

/** One reading of the whole node. */
export interface TaskReading {
  readonly t_ns: number;
  readonly threads: ReadonlyMap<number, TaskFigures>;
  readonly complete: boolean;
  /** By pid; null where it is not counted. */
  readonly starters: Maybe<ReadonlyMap<number, StarterFigures>>;
  /** Null: only the threads were read. */
  readonly totals: Maybe<NodeTotals>;
}

/** What a thread usually does, per second. */
export interface UsualRates {
  readonly cpu_share: number;
  readonly io_bytes_per_s: number;
}

/** Two readings to be compared, and one from before the onset. */
export interface TaskWindow {
  readonly onset: TaskReading;
  readonly before: TaskReading;
  readonly after: TaskReading;
  /** `before` is from before the rise. */
  readonly provisional: boolean;
  usual(tid: number, start_ns: number): Maybe<UsualRates>;
  path_of(cgroup_id: number): Maybe<string>;
  /** Why the cgroup is never contained; null where it may be. */
  protected_because(path: string): Maybe<string>;
  /** Name of HOSA's own processes. */
  readonly own_comm: string;
}
