/* SPDX-License-Identifier: GPL-2.0 */
/* What the programs keep: counters per CPU, figures per cgroup, and what they share with user space. */
#ifndef HOSA_STATE_H
#define HOSA_STATE_H

#include "kernel.h"
#include <bpf/bpf_helpers.h>
#include "wire.h"

#define MAX_CPUS 512
#define MAX_CGROUPS 8192
#define MAX_ROWS (MAX_CGROUPS + 1024) /* what has changed finds room in a full sweep, too */
#define MAX_USAGES 32768
#define MAX_DEPTH 32
#define MAX_STARTERS 4096
#define MIN_PERIOD_NS 1000000ULL
#define NONE (~0ULL)

/* Counters of one CPU, written only there: no atomics, no shared cache line. */
struct slot {
	__u64 switches;
	/* Idle time in one word, so that another CPU never reads half of a change:
	 * running: idle so far (>= 0) · idle: idle so far - start of this idle stretch (< 0). */
	__s64 idle_mark_ns;
	__u64 run_since_ns;
	struct task_struct *run_task; /* only compared and looked at by a read that may fail: it may be gone */
	__u64 run_cgroup;
	__u64 forks;
	__u64 threads;
	__u64 execs;
	__u64 reclaim_stalls;
	__u64 oom_kills;
	__u64 block_completed;
	__u64 block_bytes;
	__u64 block_latency_ns;
	__u64 connects;
	__u64 retransmits;
	__u64 syscalls[HOSA_SYSCALL_CLASSES];
} __attribute__((aligned(64)));

struct slot slots[MAX_CPUS];
struct beat total;      /* scratch of the beat: its only writer is the timer */
__u64 next_ns;          /* the absolute grid the beats stand on */
__u64 armed_period_ns;
__u64 begun_pass;
__u64 pass_ns;
__u64 threads_asked_ns; /* when the threads of one cgroup were last asked for */
bool counts_sends;      /* only meanwhile, so that at other times a send costs nothing more */

/* What user space sets (first part) and reads (second part) through the map's mmap. */
struct control {
	__u64 period_ns;
	__u64 page_size;
	__u64 nr_cpus;
	__u64 memory_threshold_bytes;
	__u64 cpu_threshold_ns;
	__u64 io_threshold_bytes;
	__u64 thread_cgroup_id; /* whose threads iter/task emits; 0: all */
	__u64 watched_tid;      /* of these, the one whose futex wakes are counted from now on; 0: none */
	__u64 kernel_threads;   /* iter/task emits threads of the kernel itself, too */
	__u64 full_sweep;       /* emit rows of unchanged cgroups, too */
	__u64 pass;             /* user space counts up before each run of iter/cgroup */

	__u64 rows;       /* rows written by the latest pass */
	__u64 lost_beats; /* beats the full ring buffer refused */

	/* Set by user space where a node has more cgroups than rows. */
	__u64 populated_only; /* pass over cgroups in which nothing lives, and forget what was counted of them */
	__u64 most_cgroups;   /* unchanged cgroups that have a row in one full sweep */
	__u64 first_row;      /* unchanged cgroups that a full sweep passes over: the sweeps before have emitted them */

	/* Of the latest pass. */
	__u64 cgroups;    /* online cgroups that may have a row */
	__u64 cut_at;     /* cgroups met by a full sweep before the rows were full; 0: they are not */
	__u64 empty;      /* online cgroups passed over because nothing lives in them */
	__u64 uncounted;  /* cgroups without an entry in usages, which is full: their CPU time and I/O are not counted */
	/* Ever. */
	__u64 late_rows;  /* changed rows that found no room: they come with the next pass */
	__u64 lost_tasks; /* counters of a thread that the kernel could not make */
};

volatile struct control control = {
	.period_ns = 100000000,
	.page_size = 4096,
	.nr_cpus = 1,
	.memory_threshold_bytes = 65536,
	.cpu_threshold_ns = 1000000,
	.io_threshold_bytes = 4096,
	.most_cgroups = MAX_CGROUPS,
};

struct emitted {
	__u64 memory_bytes, memory_max, memory_high, cpu_ns, io_bytes, exec_ns;
	__u32 populated, seen;
};

/* One entry per live cgroup: made by mkdir or by the iterator, removed by rmdir. */
struct usage {
	__u64 cpu_ns;
	__u64 io_bytes;
	__u64 exec_ns;
	__u64 running_ns; /* stretches in progress, as of running_pass */
	__u64 running_pass;
	struct emitted emitted;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC); /* room is taken by the cgroups that are there, not by those that might be */
	__uint(max_entries, MAX_USAGES);
	__type(key, __u64);
	__type(value, struct usage);
} usages SEC(".maps");

/* Rows of the latest pass. An array, because the iterator's own buffer ends at 32 KiB and cannot be resumed. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, MAX_ROWS);
	__type(key, __u32);
	__type(value, struct cgroup_row);
} rows SEC(".maps");

/* Kept with the thread by the kernel: gone when it exits, never mixed up when its tid is used again. */
struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, __u64);
} huge_faults SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, __u64);
} futex_wakes SEC(".maps");

/* The processes that begin processes, threads and connections. The kernel drops the least recent, so that a storm stays. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, MAX_STARTERS);
	__type(key, __u32);
	__type(value, struct starter_row);
} starters SEC(".maps");

/* Made for the threads of a cgroup when it is asked about. */
struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, __u64);
} sends SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 256 * 1024);
} beats SEC(".maps");

struct heart {
	struct bpf_timer timer;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct heart);
} hearts SEC(".maps");

/* Named here so that the object's BTF holds them: user space takes their layout from there. */
const struct thread_row *thread_row_layout __attribute__((unused));
const struct cgroup_row *cgroup_row_layout __attribute__((unused));
const struct starter_row *starter_row_layout __attribute__((unused));

static __always_inline struct slot *here(void)
{
	return &slots[bpf_get_smp_processor_id() & (MAX_CPUS - 1)];
}

static __always_inline struct usage *usage_of(__u64 id)
{
	return bpf_map_lookup_elem(&usages, &id);
}

static __always_inline struct usage *usage_made(__u64 id)
{
	struct usage *usage = usage_of(id);
	struct usage fresh = {};

	if (usage)
		return usage;
	bpf_map_update_elem(&usages, &id, &fresh, BPF_NOEXIST);
	return usage_of(id);
}

#endif
