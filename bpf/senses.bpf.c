// SPDX-License-Identifier: GPL-2.0
/* What the kernel feels: counters per CPU, one beat that sums them, one row per cgroup and per thread on demand.
 * Every program but the beat is optional: user space loads what this kernel accepts and says what is missing. */
#include "kernel.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include "state.h"
#include "syscalls.h"
#include "threads.h"

/* So long after the threads of a cgroup were last asked for. */
#define SENDS_COUNTED_NS 5000000000ULL

/* ---- scheduler ---- */

/* Whether the task a CPU was last seen to take up has left it unseen: some hosts run no program while a process of theirs
 * is current. A task is off its CPU only after the switch from it was told, and on it right after the switch to it was. */
static __always_inline bool left_unseen(const struct slot *slot, __u32 cpu, __u64 since)
{
	struct task_struct *task = slot->run_task;

	if (!since || !bpf_core_field_exists(task->on_cpu) || !bpf_core_field_exists(task->thread_info.cpu))
		return false;
	if (BPF_CORE_READ(task, on_cpu) && BPF_CORE_READ(task, thread_info.cpu) == cpu)
		return false;
	return *(volatile __u64 *)&slot->run_since_ns == since;
}

SEC("tp_btf/sched_switch")
int BPF_PROG(sched_switch, bool preempt, struct task_struct *prev, struct task_struct *next)
{
	__u64 now = bpf_ktime_get_ns();
	struct slot *slot = here();
	__s64 mark = slot->idle_mark_ns;
	__u64 since = slot->run_since_ns;
	struct task_struct *ran = slot->run_task;

	slot->switches++;
	if (prev->pid == 0 && mark < 0)
		mark += now;
	else if (prev->pid == 0 && since) /* what left unseen is taken to have left at once */
		mark += now - since;
	if (next->pid == 0 && mark >= 0)
		mark -= now;
	slot->idle_mark_ns = mark;

	slot->run_since_ns = next->pid ? now : 0;
	slot->run_task = next;
	slot->run_cgroup = next->pid ? next->cgroups->dfl_cgrp->kn->id : 0;
	if (prev->pid && since) {
		struct usage *usage = usage_of(prev->cgroups->dfl_cgrp->kn->id);
		__u64 ran_ns = now - since;

		if (prev != ran) { /* it was switched to unseen: what it ran since it was last picked is certainly its own */
			__u64 own_ns = prev->se.sum_exec_runtime - prev->se.prev_sum_exec_runtime;

			if (own_ns < ran_ns)
				ran_ns = own_ns;
		}
		/* Tasks of one cgroup leave several CPUs at once; this is the one shared word of the hot path. */
		if (usage)
			__sync_fetch_and_add(&usage->cpu_ns, ran_ns);
	}
	return 0;
}

SEC("tp_btf/sched_process_fork")
int BPF_PROG(sched_process_fork, struct task_struct *parent, struct task_struct *child)
{
	bool process = child->pid == child->tgid;
	struct starter_row *starter = starter_of(parent);

	if (process)
		here()->forks++;
	else
		here()->threads++;
	/* Threads of one process may begin others at once. */
	if (starter)
		__sync_fetch_and_add(process ? &starter->forks : &starter->threads, 1);
	return 0;
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(sched_process_exec, struct task_struct *task)
{
	struct usage *usage = usage_of(task->cgroups->dfl_cgrp->kn->id);

	here()->execs++;
	if (usage)
		usage->exec_ns = bpf_ktime_get_ns();
	return 0;
}

SEC("tp_btf/sys_enter")
int BPF_PROG(sys_enter, struct pt_regs *regs, long number)
{
	__u32 known = (__u64)number < SYSCALL_NUMBERS ? number & (SYSCALL_NUMBERS - 1) : SYSCALL_NUMBERS - 1;

	here()->syscalls[syscall_class[known] & (HOSA_SYSCALL_CLASSES - 1)]++;
	if (number == __NR_futex)
		note_futex(regs);
	else if (counts_sends && sends_something(number))
		note_send();
	return 0;
}

/* ---- memory ---- */

SEC("tp_btf/mm_vmscan_direct_reclaim_begin")
int BPF_PROG(direct_reclaim)
{
	here()->reclaim_stalls++;
	return 0;
}

SEC("tp_btf/mm_vmscan_memcg_reclaim_begin")
int BPF_PROG(memcg_reclaim)
{
	here()->reclaim_stalls++;
	return 0;
}

SEC("tp_btf/mark_victim")
int BPF_PROG(mark_victim)
{
	here()->oom_kills++;
	return 0;
}

/* ---- block and network ---- */

SEC("tp_btf/block_rq_complete")
int BPF_PROG(block_rq_complete, struct request *request, int error, unsigned int bytes)
{
	__u64 start = request->start_time_ns;
	struct slot *slot = here();
	struct cgroup *cgroup;
	struct usage *usage;

	slot->block_completed++;
	slot->block_bytes += bytes;
	if (start)
		slot->block_latency_ns += bpf_ktime_get_ns() - start;

	if (!bpf_core_field_exists(request->bio->bi_blkg) || !request->bio || !request->bio->bi_blkg)
		return 0;
	cgroup = request->bio->bi_blkg->blkcg->css.cgroup;
	if (cgroup->root->hierarchy_id != 0) /* a cgroup of the v1 hierarchy: its ids mean something else */
		return 0;
	usage = usage_of(cgroup->kn->id);
	if (usage)
		__sync_fetch_and_add(&usage->io_bytes, bytes);
	return 0;
}

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(inet_sock_set_state, struct sock *sock, int before, int after)
{
	struct starter_row *starter;

	if (after != TCP_SYN_SENT)
		return 0;
	here()->connects++;
	starter = starter_of(bpf_get_current_task_btf());
	if (starter)
		__sync_fetch_and_add(&starter->connects, 1);
	return 0;
}

SEC("tp_btf/tcp_retransmit_skb")
int BPF_PROG(tcp_retransmit_skb)
{
	here()->retransmits++;
	return 0;
}

/* ---- the beat ---- */

static long add_slot(__u32 cpu, void *context)
{
	struct slot *slot = &slots[cpu & (MAX_CPUS - 1)];
	__u64 since = slot->run_since_ns;
	__s64 mark = slot->idle_mark_ns;

	if (mark >= 0 && since < total.t_ns && left_unseen(slot, cpu, since))
		mark += total.t_ns - since;
	total.switches += slot->switches;
	total.idle_ns += mark < 0 ? total.t_ns + mark : mark;
	total.forks += slot->forks;
	total.threads += slot->threads;
	total.execs += slot->execs;
	total.reclaim_stalls += slot->reclaim_stalls;
	total.oom_kills += slot->oom_kills;
	total.block_completed += slot->block_completed;
	total.block_bytes += slot->block_bytes;
	total.block_latency_ns += slot->block_latency_ns;
	total.connects += slot->connects;
	total.retransmits += slot->retransmits;
	for (int i = 0; i < HOSA_SYSCALL_CLASSES; i++)
		total.syscalls[i] += slot->syscalls[i];
	return 0;
}

static __always_inline __u64 wanted_period_ns(void)
{
	__u64 period = control.period_ns;

	return period < MIN_PERIOD_NS ? MIN_PERIOD_NS : period;
}

static int beat(void *map, int *key, struct heart *heart)
{
	__u64 sequence = total.sequence + 1, period = armed_period_ns, now = bpf_ktime_get_ns(), idle_ns = total.idle_ns;

	__builtin_memset(&total, 0, sizeof(total));
	total.t_ns = now;
	total.sequence = sequence;
	total.period_ns = period;
	counts_sends = now - threads_asked_ns < SENDS_COUNTED_NS;
	bpf_loop(control.nr_cpus, add_slot, NULL, 0);
	if (total.idle_ns < idle_ns) /* behind an unseen switch another task ran: never go back */
		total.idle_ns = idle_ns;
	if (bpf_ringbuf_output(&beats, &total, sizeof(total), 0))
		control.lost_beats++;

	period = wanted_period_ns();
	armed_period_ns = period;
	next_ns += period;
	now = bpf_ktime_get_ns();
	if (next_ns <= now) /* late by whole periods: skip them, stay on the grid */
		next_ns += ((now - next_ns) / period + 1) * period;
	bpf_timer_start(&heart->timer, next_ns - now, 0);
	return 0;
}

/* Starts the beat, or re-starts it with the period user space has just set. */
SEC("syscall")
int start_beat(void *context)
{
	__u32 key = 0;
	struct heart *heart = bpf_map_lookup_elem(&hearts, &key);
	long error;

	if (!heart)
		return -1;
	error = bpf_timer_init(&heart->timer, &hearts, CLOCK_MONOTONIC);
	if (error && error != -EBUSY) /* busy: initialized by an earlier start */
		return error;
	error = bpf_timer_set_callback(&heart->timer, beat);
	if (error)
		return error;
	armed_period_ns = wanted_period_ns();
	next_ns = bpf_ktime_get_ns() + armed_period_ns;
	return bpf_timer_start(&heart->timer, armed_period_ns, 0);
}

/* ---- cgroups ---- */

static long note_running(__u32 cpu, void *context)
{
	struct slot *slot = &slots[cpu & (MAX_CPUS - 1)];
	__u64 since = slot->run_since_ns;
	struct usage *usage;

	if (!since || since > pass_ns || left_unseen(slot, cpu, since))
		return 0;
	usage = usage_of(slot->run_cgroup);
	if (!usage)
		return 0;
	if (usage->running_pass != begun_pass) {
		usage->running_pass = begun_pass;
		usage->running_ns = 0;
	}
	usage->running_ns += pass_ns - since;
	return 0;
}

static __always_inline void begin_pass(void)
{
	if (begun_pass == control.pass)
		return;
	begun_pass = control.pass;
	pass_ns = bpf_ktime_get_ns();
	control.rows = 0;
	control.cgroups = 0;
	control.cut_at = 0;
	control.empty = 0;
	control.uncounted = 0;
	bpf_loop(control.nr_cpus, note_running, NULL, 0);
}

static __always_inline void read_memory(struct cgroup *cgroup, struct emitted *now)
{
	struct cgroup_subsys_state *css = NULL;
	struct mem_cgroup *memory;
	unsigned long limit = (~0UL >> 1) / control.page_size; /* PAGE_COUNTER_MAX */
	unsigned long high, max;
	__u32 index;

	now->memory_bytes = now->memory_max = now->memory_high = NONE;
	if (cgroup->level == 0 || !bpf_core_enum_value_exists(enum cgroup_subsys_id, memory_cgrp_id))
		return;
	index = bpf_core_enum_value(enum cgroup_subsys_id, memory_cgrp_id);
	bpf_probe_read_kernel(&css, sizeof(css),
			      (void *)cgroup + bpf_core_field_offset(struct cgroup, subsys) + index * sizeof(css));
	if (!css)
		return;
	memory = (void *)css - bpf_core_field_offset(struct mem_cgroup, css);
	now->memory_bytes = BPF_CORE_READ(memory, memory.usage.counter) * control.page_size;
	high = BPF_CORE_READ(memory, memory.high);
	max = BPF_CORE_READ(memory, memory.max);
	if (high < limit)
		now->memory_high = high * control.page_size;
	if (max < limit)
		now->memory_max = max * control.page_size;
}

static __always_inline bool moved(__u64 now, __u64 before, __u64 threshold)
{
	__u64 change = now > before ? now - before : before - now;

	return change && change >= threshold;
}

static __always_inline bool changed(const struct emitted *now, const struct emitted *before)
{
	return !before->seen || now->memory_max != before->memory_max || now->memory_high != before->memory_high ||
	       now->exec_ns != before->exec_ns || now->populated != before->populated ||
	       moved(now->memory_bytes, before->memory_bytes, control.memory_threshold_bytes) ||
	       moved(now->cpu_ns, before->cpu_ns, control.cpu_threshold_ns) ||
	       moved(now->io_bytes, before->io_bytes, control.io_threshold_bytes);
}

/* Whether a cgroup that has not changed gets a row: full sweeps go through them by turns. */
static __always_inline bool has_turn(void)
{
	if (!control.full_sweep || control.cgroups <= control.first_row)
		return false;
	if (control.rows < control.most_cgroups)
		return true;
	if (!control.cut_at)
		control.cut_at = control.cgroups - 1;
	return false;
}

SEC("iter/cgroup")
int cgroup_rows(struct bpf_iter__cgroup *context)
{
	struct cgroup *cgroup = context->cgroup;
	struct emitted now = { .seen = 1 };
	struct cgroup_row *row;
	struct usage *usage;
	__u32 index;
	__u64 id;

	begin_pass();
	if (!cgroup)
		return 0;
	id = cgroup->kn->id;
	if (!(cgroup->self.flags & CSS_ONLINE)) { /* removed, but still pinned by its page cache */
		bpf_map_delete_elem(&usages, &id);
		return 0;
	}
	now.populated = cgroup->nr_populated_csets || cgroup->nr_populated_domain_children ||
			cgroup->nr_populated_threaded_children;
	if (!now.populated && control.populated_only) { /* nothing in it can grow or run: its place is needed */
		control.empty++;
		if (usage_of(id))
			bpf_map_delete_elem(&usages, &id);
		return 0;
	}
	control.cgroups++;
	usage = usage_made(id);
	if (!usage)
		control.uncounted++;
	read_memory(cgroup, &now);
	if (usage) {
		now.cpu_ns = usage->cpu_ns + (usage->running_pass == begun_pass ? usage->running_ns : 0);
		if (now.cpu_ns < usage->emitted.cpu_ns) /* a stretch in progress ended between two reads: never go back */
			now.cpu_ns = usage->emitted.cpu_ns;
		now.io_bytes = usage->io_bytes;
		now.exec_ns = usage->exec_ns;
		if (!changed(&now, &usage->emitted) && !has_turn())
			return 0;
	}
	index = control.rows;
	row = bpf_map_lookup_elem(&rows, &index);
	if (!row) { /* full: not marked as emitted, so it comes with the next pass */
		control.late_rows++;
		return 0;
	}
	control.rows = index + 1;
	if (usage)
		usage->emitted = now;

	row->t_ns = pass_ns;
	row->id = id;
	row->parent_id = cgroup->level ? cgroup->self.parent->cgroup->kn->id : 0;
	row->cpu_ns = now.cpu_ns;
	row->io_bytes = now.io_bytes;
	row->memory_bytes = now.memory_bytes;
	row->memory_max = now.memory_max;
	row->memory_high = now.memory_high;
	row->exec_ns = now.exec_ns;
	row->level = cgroup->level;
	row->populated = now.populated;
	bpf_probe_read_kernel_str(row->name, sizeof(row->name), cgroup->kn->name);
	return 0;
}

SEC("tp_btf/cgroup_mkdir")
int BPF_PROG(cgroup_mkdir, struct cgroup *cgroup)
{
	if (cgroup->root->hierarchy_id == 0)
		usage_made(cgroup->kn->id);
	return 0;
}

SEC("tp_btf/cgroup_rmdir")
int BPF_PROG(cgroup_rmdir, struct cgroup *cgroup)
{
	__u64 id = cgroup->kn->id;

	if (cgroup->root->hierarchy_id == 0)
		bpf_map_delete_elem(&usages, &id);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
