/* SPDX-License-Identifier: GPL-2.0 */
/* The few kernel types the programs read, with only the fields read: CO-RE finds their places at load time. */
#ifndef HOSA_KERNEL_H
#define HOSA_KERNEL_H

#include <linux/bpf.h>
#include <linux/types.h>
#include <stdbool.h>

#define PF_KTHREAD 0x00200000
#define CSS_ONLINE (1 << 1)
#define VM_FAULT_FALLBACK 0x000800
#define TCP_SYN_SENT 2
#define CLOCK_MONOTONIC 1
#define EBUSY 16

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

enum cgroup_subsys_id { memory_cgrp_id = 4 };

struct kernfs_node {
	const char *name;
	__u64 id;
};

struct cgroup_root {
	int hierarchy_id;
};

struct cgroup;

struct cgroup_subsys_state {
	struct cgroup *cgroup;
	unsigned int flags;
	struct cgroup_subsys_state *parent;
};

struct cgroup {
	struct cgroup_subsys_state self;
	int level;
	int nr_populated_csets;
	int nr_populated_domain_children;
	int nr_populated_threaded_children;
	struct kernfs_node *kn;
	struct cgroup_subsys_state *subsys[8];
	struct cgroup_root *root;
};

struct css_set {
	struct cgroup *dfl_cgrp;
};

typedef struct {
	long counter;
} atomic_long_t;

struct page_counter {
	atomic_long_t usage;
	unsigned long high;
	unsigned long max;
};

struct mem_cgroup {
	struct cgroup_subsys_state css;
	struct page_counter memory;
};

struct sched_entity {
	__u64 sum_exec_runtime;
	__u64 prev_sum_exec_runtime;
};

struct task_io_accounting {
	__u64 wchar;
	__u64 syscw;
	__u64 read_bytes;
	__u64 write_bytes;
};

struct thread_info {
	__u32 cpu;
};

enum { MM_ANONPAGES = 1, MM_SWAPENTS, MM_SHMEMPAGES, NR_MM_COUNTERS };

struct percpu_counter {
	__s64 count;
};

struct mm_struct {
	struct percpu_counter rss_stat[NR_MM_COUNTERS];
};

struct mm_rss_stat {
	atomic_long_t count[NR_MM_COUNTERS];
};

struct mm_struct___before_6_2 {
	struct mm_rss_stat rss_stat;
};

struct task_struct {
	struct thread_info thread_info;
	unsigned int flags;
	int on_cpu;
	struct sched_entity se;
	int pid;
	int tgid;
	struct task_struct *real_parent;
	__u64 parent_exec_id;
	__u64 self_exec_id;
	unsigned long nvcsw;
	__u64 start_boottime;
	unsigned long min_flt;
	unsigned long maj_flt;
	char comm[16];
	struct task_io_accounting ioac;
	struct css_set *cgroups;
	struct mm_struct *mm;
	struct task_struct *group_leader;
};

struct pt_regs {
	unsigned long si;
};

struct blkcg {
	struct cgroup_subsys_state css;
};

struct blkcg_gq {
	struct blkcg *blkcg;
};

struct bio {
	struct blkcg_gq *bi_blkg;
};

struct request {
	struct bio *bio;
	__u64 start_time_ns;
};

struct seq_file;

struct bpf_iter_meta {
	struct seq_file *seq;
} __attribute__((aligned(8)));

struct bpf_iter__cgroup {
	struct bpf_iter_meta *meta;
	struct cgroup *cgroup;
} __attribute__((aligned(8)));

struct bpf_iter__task {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
} __attribute__((aligned(8)));

struct bpf_map;

struct bpf_iter__bpf_map_elem {
	struct bpf_iter_meta *meta;
	struct bpf_map *map;
	void *key;
	void *value;
} __attribute__((aligned(8)));

#pragma clang attribute pop

struct sock;
struct sk_buff;
struct vm_fault;
struct linux_binprm;

#endif
