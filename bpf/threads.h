/* SPDX-License-Identifier: GPL-2.0 */
/* Who inside a cgroup: one row per thread on demand, and what no file says of a thread. */
#ifndef HOSA_THREADS_H
#define HOSA_THREADS_H

#include "kernel.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include <asm/unistd_64.h>
#include <linux/futex.h>
#include "state.h"

SEC("fexit/do_huge_pmd_anonymous_page")
int BPF_PROG(huge_page, struct vm_fault *fault, unsigned int result)
{
	__u64 *count;

	if (result & VM_FAULT_FALLBACK)
		return 0;
	count = bpf_task_storage_get(&huge_faults, bpf_get_current_task_btf(), 0, BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (count)
		(*count)++;
	else
		__sync_fetch_and_add(&control.lost_tasks, 1);
	return 0;
}

/* A library calls these only where somebody waits: a contended lock is given back, a queue is filled. */
static __always_inline bool wakes_others(int operation)
{
	switch (operation & FUTEX_CMD_MASK) {
	case FUTEX_WAKE:
	case FUTEX_WAKE_OP:
	case FUTEX_WAKE_BITSET:
	case FUTEX_UNLOCK_PI:
	case FUTEX_REQUEUE:
	case FUTEX_CMP_REQUEUE:
	case FUTEX_CMP_REQUEUE_PI:
		return true;
	}
	return false;
}

/* Counted on the threads that are watched, which have their counter from the first row that was asked for. */
static __always_inline void note_futex(struct pt_regs *regs)
{
	__u64 *wakes;

	if (!wakes_others(regs->si))
		return;
	wakes = bpf_task_storage_get(&futex_wakes, bpf_get_current_task_btf(), 0, 0);
	if (wakes)
		(*wakes)++;
}

/* Answers that leave no trace in the kernel's own count of writes. */
static __always_inline bool sends_something(long number)
{
	switch (number) {
	case __NR_sendto:
	case __NR_sendmsg:
	case __NR_sendmmsg:
	case __NR_splice:
	case __NR_vmsplice:
	case __NR_io_submit:
	case __NR_io_uring_enter:
		return true;
	}
	return false;
}

static __always_inline void note_send(void)
{
	__u64 *count = bpf_task_storage_get(&sends, bpf_get_current_task_btf(), 0, 0);

	if (count)
		(*count)++;
}

/* Threads contained in a threaded child still belong to the cgroup they came from. */
static __always_inline bool within(struct cgroup *cgroup, __u64 id)
{
	struct cgroup_subsys_state *css;

	if (cgroup->kn->id == id)
		return true;
	css = cgroup->self.parent;
	for (int i = 0; i < MAX_DEPTH && css; i++) {
		if (css->cgroup->kn->id == id)
			return true;
		css = css->parent;
	}
	return false;
}

static __always_inline __u64 at_least_none(__s64 pages)
{
	return pages > 0 ? pages : 0; /* a sum over CPUs may be behind on one of them, and then a little below 0 */
}

/* What of a process grows with a leak, and not with files that are read. */
static __always_inline void note_memory(struct mm_struct *mm, struct thread_row *row)
{
	struct mm_struct___before_6_2 *before = (void *)mm;

	if (!mm)
		return;
	if (bpf_core_field_exists(before->rss_stat.count)) {
		row->own_pages = at_least_none(BPF_CORE_READ(before, rss_stat.count[MM_ANONPAGES].counter)) +
				 at_least_none(BPF_CORE_READ(before, rss_stat.count[MM_SWAPENTS].counter));
		row->shared_pages = at_least_none(BPF_CORE_READ(before, rss_stat.count[MM_SHMEMPAGES].counter));
	} else if (bpf_core_field_exists(mm->rss_stat[MM_ANONPAGES].count)) {
		row->own_pages = at_least_none(BPF_CORE_READ(mm, rss_stat[MM_ANONPAGES].count)) +
				 at_least_none(BPF_CORE_READ(mm, rss_stat[MM_SWAPENTS].count));
		row->shared_pages = at_least_none(BPF_CORE_READ(mm, rss_stat[MM_SHMEMPAGES].count));
	} else {
		row->own_pages = NONE;
	}
}

SEC("iter/task")
int thread_rows(struct bpf_iter__task *context)
{
	struct task_struct *task = context->task;
	struct thread_row row = {};
	struct task_struct *parent;
	struct cgroup *cgroup;
	__u64 *huge, *wakes, *sent, watch;

	if (control.thread_cgroup_id) {
		threads_asked_ns = bpf_ktime_get_ns();
		counts_sends = true;
	}
	if (!task || (task->flags & PF_KTHREAD && !control.kernel_threads))
		return 0;
	cgroup = task->cgroups->dfl_cgrp;
	if (control.thread_cgroup_id && !within(cgroup, control.thread_cgroup_id))
		return 0;

	row.t_ns = bpf_ktime_get_ns();
	row.cgroup_id = cgroup->kn->id;
	row.start_ns = task->start_boottime;
	row.min_faults = task->min_flt;
	row.maj_faults = task->maj_flt;
	huge = bpf_task_storage_get(&huge_faults, task, 0, 0);
	row.huge_faults = huge ? *huge : 0;
	watch = (__u32)task->pid == control.watched_tid ? BPF_LOCAL_STORAGE_GET_F_CREATE : 0;
	wakes = bpf_task_storage_get(&futex_wakes, task, 0, watch);
	if (watch && !wakes)
		__sync_fetch_and_add(&control.lost_tasks, 1);
	row.wakes = wakes ? *wakes : 0;
	sent = bpf_task_storage_get(&sends, task, 0, control.thread_cgroup_id ? BPF_LOCAL_STORAGE_GET_F_CREATE : 0);
	row.sends = sent ? *sent : 0;
	row.cpu_ns = task->se.sum_exec_runtime;
	row.waits = task->nvcsw;
	if (bpf_core_field_exists(task->ioac.read_bytes)) {
		row.disk_written_bytes = task->ioac.write_bytes;
		row.io_bytes = task->ioac.read_bytes + row.disk_written_bytes;
	}
	if (bpf_core_field_exists(task->ioac.wchar)) {
		row.written_bytes = task->ioac.wchar;
		row.writes = task->ioac.syscw;
	}
	note_memory(task->mm, &row);
	row.is_kernel = task->flags & PF_KTHREAD ? 1 : 0;
	row.tid = task->pid;
	row.pid = task->tgid;
	parent = task->real_parent;
	row.parent_pid = parent->tgid;
	row.forked = task->self_exec_id == task->parent_exec_id && parent->self_exec_id == task->parent_exec_id;
	bpf_probe_read_kernel_str(row.comm, sizeof(row.comm), task->comm);
	bpf_seq_write(context->meta->seq, &row, sizeof(row));
	return 0;
}

/* ---- processes that begin others ---- */

/* The entry of the process of `task`, found or made, under its present name; of the task that runs. */
static __always_inline struct starter_row *starter_of(struct task_struct *task)
{
	__u32 pid = task->tgid;
	__u64 start_ns = BPF_CORE_READ(task, group_leader, start_boottime);
	struct starter_row *starter = bpf_map_lookup_elem(&starters, &pid);

	if (!starter || starter->start_ns != start_ns) {
		struct starter_row fresh = { .start_ns = start_ns, .pid = pid };

		bpf_map_update_elem(&starters, &pid, &fresh, BPF_ANY);
		starter = bpf_map_lookup_elem(&starters, &pid);
		if (!starter)
			return NULL;
	}
	starter->cgroup_id = task->cgroups->dfl_cgrp->kn->id;
	BPF_CORE_READ_STR_INTO(&starter->comm, task, group_leader, comm);
	return starter;
}

SEC("iter/bpf_map_elem")
int starter_rows(struct bpf_iter__bpf_map_elem *context)
{
	struct starter_row *row = context->value;

	if (row)
		bpf_seq_write(context->meta->seq, row, sizeof(*row));
	return 0;
}

#endif
