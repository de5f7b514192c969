import type { Absence, Maybe } from "../model/sample.ts";

/** Cumulative counters of the whole node at one instant of the kernel, named as `struct beat` in `bpf/wire.h`. */
export interface BeatFigures {
  readonly t_ns: number;
  readonly sequence: number;
  readonly switches: number;
  readonly idle_ns: number;
  readonly forks: number;
  readonly execs: number;
  readonly reclaim_stalls: number;
  readonly oom_kills: number;
  readonly block_completed: number;
  readonly block_bytes: number;
  readonly block_latency_ns: number;
  readonly connects: number;
  readonly retransmits: number;
  readonly syscalls: Float64Array;
}

/** The scalar counters of a beat a dimension may be made of. */
export type BeatCounter = Exclude<keyof BeatFigures, "t_ns" | "sequence" | "syscalls">;

/** Rows of one run of the cgroup iterator; valid until the next run. */
export interface CgroupRows {
  readonly count: number;
  /** Cgroups that may have a row, whether they have one or not; absent: those that have one. */
  readonly total?: number;
  t_ns(row: number): number;
  id(row: number): number;
  parent_id(row: number): number;
  level(row: number): number;
  name(row: number): string;
  memory_bytes(row: number): Maybe<number>;
  memory_max(row: number): Maybe<number>;
  cpu_ns(row: number): Maybe<number>;
  io_bytes(row: number): Maybe<number>;
  /** CLOCK_MONOTONIC of the last exec inside; 0 when none was seen. */
  exec_ns(row: number): number;
  /** Something lives in it or below it; absent: not known, and taken to be so. */
  populated?(row: number): boolean;
}

/** Rows of one run of the task iterator; valid until the next run. */
export interface ThreadRows {
  readonly count: number;
  t_ns(row: number): number;
  tid(row: number): number;
  pid(row: number): number;
  cgroup_id(row: number): number;
  comm(row: number): string;
  min_faults(row: number): number;
  maj_faults(row: number): number;
  huge_faults(row: number): number;
  /** Futex calls that wake others, since the thread was first watched; null where they are not counted. */
  wakes(row: number): Maybe<number>;
  cpu_ns(row: number): number;
  /** Voluntary context switches: how often it waited. */
  waits(row: number): number;
  io_bytes(row: number): number;
  /** The part of io_bytes that was written. */
  disk_written_bytes(row: number): number;
  /** What write(2) and its like were given, to files, pipes and sockets, whether or not a disk saw it. */
  written_bytes(row: number): number;
  /** How often they were called; absent where it is not counted. */
  writes?(row: number): number;
  /** Calls of send(2) and its like since the cgroup was first asked about; absent where they are not counted. */
  sends?(row: number): number;
  /** Anonymous and swapped pages of its process; null where the kernel does not say. */
  own_pages(row: number): Maybe<number>;
  /** Pages of shared memory and tmpfs its process has mapped. */
  shared_pages(row: number): number;
  /** A thread of the kernel itself. */
  is_kernel(row: number): boolean;
  /** Process of the parent; absent where it is not known. */
  parent_pid?(row: number): number;
  /** Its process runs the program of its parent, which has executed no other since: they share pages. */
  forked?(row: number): boolean;
  /** CLOCK_BOOTTIME of the thread's start. */
  start_ns(row: number): number;
}

/** Processes that began processes, threads or connections, cumulative since they did so first; valid until the next run. */
export interface StarterRows {
  readonly count: number;
  pid(row: number): number;
  /** CLOCK_BOOTTIME of the process's start. */
  start_ns(row: number): number;
  cgroup_id(row: number): number;
  comm(row: number): string;
  forks(row: number): number;
  threads(row: number): number;
  connects(row: number): number;
}

/** Where cgroup rows come from: the kernel's iterator, or files where it is missing. */
export interface CgroupPort {
  /** Rows of the cgroups that changed since the previous call, or of all of them. */
  cgroups(full: boolean): CgroupRows;
}

/** Where thread rows come from: the kernel's iterator, or /proc where it is missing. */
export interface ThreadPort {
  /**
   * Threads of one cgroup; of the whole node for id 0. From then on the wakes of the watched one among them are counted.
   * @param with_kernel threads of the kernel itself, too
   */
  threads(cgroup_id: number, watched_tid?: number, with_kernel?: boolean): ThreadRows;
  /** Walks that ended at their bound, ever: what came behind it was not looked at. */
  readonly cut_thread_walks?: number;
}

/** Counts of what each process begins: processes, threads and connections. */
export interface StarterPort {
  starters(): StarterRows;
}

/** A file kept open and read again from its start. The bytes are valid until the next read of the same file. */
export interface KeptFilePort {
  read(): Uint8Array;
  /** Closes it; absent where there is nothing to close. */
  [Symbol.dispose]?(): void;
}

/** Everything the senses touch outside themselves. */
export interface SensorPorts {
  readonly cgroups: CgroupPort;
  /** Null when the file does not exist or may not be opened. */
  open(path: string): KeptFilePort | null;
  /** CLOCK_MONOTONIC. */
  monotonic_ns(): number;
  /** CLOCK_REALTIME in milliseconds, to compare with the times of files. */
  realtime_ms(): number;
  /** Why a counter of the beat is not supplied on this host; null when it is. */
  missing_counter(counter: BeatCounter | "syscalls"): Maybe<string>;
  /** What the kernel side could not have, passed on in `Sensor.absences`. */
  readonly absences: readonly Absence[];
}
