import type { Maybe } from "./sample.ts";

/**
 * How far some threads get. A stuck program may have more CPU time than a working one (it spins), or more waits (it sleeps and looks
 * again), so the witnesses stand apart.
 */
export interface Progress {
  /** Voluntary context switches. */
  readonly waits_per_s: number;
  /** CPU time of all of them, in cores. */
  readonly cpu_share: number;
  /** CPU time of those that compute and hardly wait, in cores. */
  readonly computing_share: number;
  /** System calls that write or send; null where they are not counted. */
  readonly answers_per_s: Maybe<number>;
  /** Threads that wait or answer several times a second. */
  readonly moving: number;
}

/** The threads whose progress stands for the service beside a held thread: the other threads of its process, or, of a worker without any, the other workers of its pool. */
export type PeerScope = "process" | "pool";

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
  /** Voluntary context switches, and calls that write or send; absent in older records. */
  readonly waits_per_s?: number;
  readonly answers_per_s?: Maybe<number>;
  /** Part of what the cgroup as a whole did in the resource searched, 0..1; in older records of what its threads did. */
  readonly share: number;
  readonly age_s: number;
  /** Age of its process; absent in older records. */
  readonly process_age_s?: number;
}

/** What of a cgroup's memory grows, bytes/s, from its memory.stat. */
export interface GrowthKinds {
  readonly window_s: number;
  /** Private memory of its programs. */
  readonly anon_bytes_per_s: number;
  /** Files in memory (tmpfs, memfd) and shared memory. */
  readonly shmem_bytes_per_s: number;
  /** Of these, what programs have mapped: only that comes by page faults. */
  readonly mapped_bytes_per_s: number;
  /** Files of a disk, names and inodes: the kernel takes them back where memory is needed. */
  readonly cache_bytes_per_s: number;
  /** What the kernel keeps for it: stacks, page tables, buffers of sockets and the like. */
  readonly kernel_bytes_per_s: number;
}

/** What is known of the end of a growth, read of the leading process at most once a second. */
export interface GrowthBounds {
  readonly pid: number;
  /** Private pages that it shares with a fork, or with what it was forked from: each is copied at most once. Null: none, or not known. */
  readonly shared_bytes: Maybe<number>;
  /** By how much that has become less since it was first looked at. */
  readonly copied_bytes: Maybe<number>;
  /** Living processes that were forked from it and run its program on. */
  readonly forks: number;
  /** Private memory that is mapped and was never touched; null where not known. */
  readonly untouched_bytes: Maybe<number>;
  /** Since it was first looked at, so long ago: by how much the mapped and the touched memory grew. */
  readonly looked_s: number;
  readonly mapped_bytes: number;
  readonly touched_bytes: number;
  /** Free space of those file systems in memory that fill meanwhile; null where none does. */
  readonly tmpfs_free_bytes: Maybe<number>;
}

/** What the search inside a cgroup found: threads, largest share first; bounded. */
export interface ThreadSearch {
  readonly cgroup_id: number;
  readonly resource: "cpu" | "memory" | "io";
  readonly window_s: number;
  readonly threads_searched: number;
  /** Steps (waits, and 10 ms of CPU time each) of all threads searched. */
  readonly total_steps_per_s: number;
  /** What the peers of the first thread do; absent in older records. */
  readonly peers?: Progress & { readonly scope: PeerScope };
  readonly threads: readonly ThreadChange[];
  /** "jvm", "go", "dotnet", "node" … when the leading process runs a managed runtime. */
  readonly runtime: Maybe<string>;
  /** The runtime's own bound on its heap, where it states one (-Xmx). */
  readonly runtime_heap_limit_bytes: Maybe<number>;
  /** "python", "ruby": whichever thread of the leading process runs holds the lock that all others need; absent where there is none. */
  readonly global_lock?: string;
  /** What the cgroup as a whole did over the window, in the resource: bytes/s, cores, bytes/s; absent where not known. */
  readonly whole_per_s?: number;
  /** For memory; absent in older records and where they cannot be read. */
  readonly kinds?: GrowthKinds;
  readonly bounds?: GrowthBounds;
}
