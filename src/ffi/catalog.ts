/** What each BPF program senses and what its absence costs: the operator reads this when a kernel lacks it. */
export const CATALOG: Readonly<Record<string, { readonly what: string; readonly costs: string }>> = {
  start_beat: { what: "kernel-timed beat", costs: "nothing can be sensed" },
  sched_switch: {
    what: "context switches, idle time, CPU time per cgroup",
    costs: "no CPU dimension and no CPU culprit from the kernel",
  },
  sched_process_fork: { what: "new processes and threads", costs: "fork storms are not seen" },
  sched_process_exec: { what: "program starts", costs: "a deploy is not told from a leak" },
  sys_enter: {
    what: "system call mix, whether a held thread shares a lock, and what its peers send",
    costs:
      "no entropy of the system call mix; a thread that shares a lock is looked at as often as any other; answers count only where they are written",
  },
  direct_reclaim: { what: "direct reclaim of the node", costs: "reclaim stalls are seen through PSI only" },
  memcg_reclaim: { what: "direct reclaim of cgroups", costs: "reclaim stalls of cgroups are seen through PSI only" },
  mark_victim: { what: "kernel OOM kills", costs: "OOM kills are not counted" },
  huge_page: { what: "huge-page faults per thread", costs: "a thread that grows by huge pages looks small" },
  block_rq_complete: { what: "block I/O", costs: "no block latency, throughput and I/O culprit" },
  inet_sock_set_state: { what: "outbound TCP connections", costs: "propagation is not seen" },
  tcp_retransmit_skb: { what: "TCP retransmissions", costs: "network loss is not seen" },
  cgroup_rows: { what: "cgroup iterator", costs: "no cgroup can be watched through the kernel" },
  cgroup_mkdir: { what: "new cgroups", costs: "up to one beat of a new cgroup's CPU time is missed" },
  cgroup_rmdir: { what: "removed cgroups", costs: "figures of removed cgroups are freed late" },
  starter_rows: {
    what: "iterator over the processes that begin others",
    costs: "the process behind a fork storm or behind outbound connections cannot be named",
  },
  thread_rows: { what: "task iterator", costs: "no search for the thread that grows" },
};
