/* SPDX-License-Identifier: GPL-2.0 */
/* The only contract between kernel and user space. Offsets in user space are generated from the object's BTF. */
#ifndef HOSA_WIRE_H
#define HOSA_WIRE_H

#define HOSA_SYSCALL_CLASSES 16
#define HOSA_NAME_LEN 96
#define HOSA_COMM_LEN 16

/* One record per beat in the ring buffer: cumulative counters of the whole node, summed over CPUs at t_ns.
 * User space turns them into rates; a lost record therefore loses nothing but resolution. */
struct beat {
	__u64 t_ns;      /* bpf_ktime_get_ns() = CLOCK_MONOTONIC */
	__u64 sequence;
	__u64 period_ns; /* the period that led to this beat */
	__u64 switches;  /* context switches */
	__u64 idle_ns;   /* summed over CPUs, including the idle stretch in progress */
	__u64 forks;     /* new processes */
	__u64 threads;   /* new threads */
	__u64 execs;
	__u64 reclaim_stalls; /* direct reclaim begun, node and memory cgroup */
	__u64 oom_kills;
	__u64 block_completed;
	__u64 block_bytes;
	__u64 block_latency_ns; /* summed over completed requests */
	__u64 connects;         /* new outbound TCP connections */
	__u64 retransmits;
	__u64 syscalls[HOSA_SYSCALL_CLASSES];
};

/* One row per cgroup from iter/cgroup; rows of cgroups that did not change are left out unless a full sweep is asked for. */
struct cgroup_row {
	__u64 t_ns;
	__u64 id;
	__u64 parent_id;
	__u64 cpu_ns;   /* run time of its own tasks, from sched_switch */
	__u64 io_bytes; /* completed block I/O charged to it */
	__u64 memory_bytes; /* memory.current; ~0 without a memory controller here */
	__u64 memory_max;   /* own memory.max; ~0 unlimited */
	__u64 memory_high;  /* own memory.high; ~0 unlimited */
	__u64 exec_ns;      /* time of the last exec inside it; 0 never seen */
	__u32 level;
	__u32 populated;
	char name[HOSA_NAME_LEN];
};

/* One row per thread from iter/task. */
struct thread_row {
	__u64 t_ns;
	__u64 cgroup_id;
	__u64 start_ns; /* CLOCK_BOOTTIME start */
	__u64 min_faults;
	__u64 maj_faults;
	__u64 huge_faults; /* 2 MiB pages faulted in, since the probe was loaded */
	__u64 cpu_ns;
	__u64 waits; /* voluntary context switches */
	__u64 io_bytes; /* task io accounting: read_bytes + write_bytes */
	__u32 tid;
	__u32 pid;
	char comm[HOSA_COMM_LEN];
};

#endif
