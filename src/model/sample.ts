import type { Dimension } from "./dimension.ts";

/** Unlimited, absent or not applicable: stated as null, never as 0 or a huge number. */
export type Maybe<T> = T | null;

/** Memory of one cgroup at one beat. Identity is the id (inode of the cgroup directory), never only the path. */
export interface CgroupSample {
  readonly id: number;
  readonly parent_id: number;
  /** Path below the cgroup v2 mount, starting with "/". */
  readonly path: string;
  /** CLOCK_MONOTONIC of the reading. */
  readonly t_ns: number;
  /** memory.current of the cgroup; null where the memory controller is not on cgroup v2. */
  readonly memory_bytes: Maybe<number>;
  /** The tightest memory.max of the cgroup and its ancestors; null when unlimited. */
  readonly memory_limit_bytes: Maybe<number>;
  /** Headroom below the tightest limit (limit − usage of the cgroup that owns the limit); null when unlimited. */
  readonly memory_headroom_bytes: Maybe<number>;
  /** Cumulative CPU time of the cgroup's tasks, from the scheduler probe. */
  readonly cpu_ns: Maybe<number>;
  /** Cumulative block I/O, from the block probe. */
  readonly io_bytes: Maybe<number>;
  /** How long the cgroup has existed, as far as known (youngest bound). */
  readonly age_s: number;
  /** Seconds since the last exec inside it; Infinity is written as null. */
  readonly exec_age_s: Maybe<number>;
}

/** One thread as the task iterator saw it: cumulative counters, differenced by the reader. */
export interface ThreadSample {
  readonly tid: number;
  readonly pid: number;
  readonly cgroup_id: number;
  readonly comm: string;
  /** CLOCK_MONOTONIC of the reading. */
  readonly t_ns: number;
  /** Bytes brought in by page faults: minor faults × page size + huge-page faults × huge page size. */
  readonly fault_bytes: number;
  readonly major_faults: number;
  readonly cpu_ns: number;
  /** Voluntary context switches. */
  readonly waits: number;
  readonly io_bytes: number;
  /** The part of io_bytes that was written. */
  readonly disk_written_bytes: number;
  /** What write calls were given, whether or not a disk saw it. */
  readonly written_bytes: number;
  /** Anonymous and swapped memory of its process; null where the kernel does not say. */
  readonly own_bytes: Maybe<number>;
  /** Shared memory and tmpfs that its process has mapped. */
  readonly shared_bytes: number;
  /** A thread of the kernel itself. */
  readonly is_kernel: boolean;
  /** Since the thread's start. */
  readonly age_s: number;
}

/** Exhaustible memory of the node. */
export interface NodeMemory {
  readonly total_bytes: number;
  readonly available_bytes: number;
}

/** What the senses report at one beat. `x` is in natural units, in the order of `dimensions`. */
export interface Sample {
  /** CLOCK_MONOTONIC of the kernel's beat. */
  readonly t_ns: number;
  readonly sequence: number;
  readonly dimensions: readonly Dimension[];
  readonly x: Float64Array;
  readonly node_memory: NodeMemory;
  /** PSI "some" stall share of the window, per resource; null where PSI is off. */
  readonly stall: { readonly cpu: Maybe<number>; readonly memory: Maybe<number>; readonly io: Maybe<number> };
  /** The beat at which the cgroups were last looked at; at the beats between, `cgroups` and `gone` are empty. */
  readonly cgroups_at_ns: number;
  /** Every cgroup whose figures changed since they were last looked at. */
  readonly cgroups: readonly CgroupSample[];
  /** Cgroups that are gone since the previous beat, by id. */
  readonly gone: readonly number[];
  /** Kernel OOM kills since the start of the sensor. */
  readonly oom_kills: number;
}

/** A sense that could not be had: what is missing, why, and what that costs. */
export interface Absence {
  readonly what: string;
  readonly why: string;
  readonly costs: string;
}
