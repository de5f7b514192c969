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
	__u64 wakes;       /* futex calls that wake others, since the thread was first watched */
	__u64 cpu_ns;
	__u64 waits; /* voluntary context switches */
	__u64 io_bytes; /* task io accounting: read_bytes + write_bytes */
	__u64 disk_written_bytes; /* the part of io_bytes that was written */
	__u64 written_bytes; /* by write(2) and its like, to files, pipes and sockets; 0 where the kernel does not count it */
	__u64 writes;        /* such calls, failed ones among them */
	__u64 sends;         /* send(2) and its like, which the kernel does not count: since its cgroup was first asked about */
	__u64 own_pages; /* of its process: anonymous and swapped pages; ~0 where the kernel does not say */
	__u64 shared_pages; /* of its process: pages of shared memory and tmpfs it has mapped */
	__u32 tid;
	__u32 pid;
	__u32 parent_pid;
	__u32 forked; /* 1: its process runs the program of its parent, which is alive and has not executed another one since */
	__u32 is_kernel; /* a thread of the kernel itself */
	__u32 unused;
	char comm[HOSA_COMM_LEN];
};

/* One row per process that forked or connected: the latest of them, cumulative since it did so first. */
struct starter_row {
	__u64 start_ns; /* CLOCK_BOOTTIME start of the process: tells a reused pid */
	__u64 cgroup_id;
	__u64 forks;    /* processes it began */
	__u64 threads;  /* threads it began */
	__u64 connects; /* outbound TCP connections it began */
	__u32 pid;
	__u32 unused;
	char comm[HOSA_COMM_LEN]; /* of its main thread */
};

/* ---- shield ---- */

/* Why a packet was admitted; from SHIELD_DROP_MALFORMED on, why it was dropped. User space names them in this order. */
enum shield_verdict {
	SHIELD_OPEN,        /* nothing is judged, or the lease has run out */
	SHIELD_LINK,        /* ARP, neighbour discovery, link control, routing, packet too big */
	SHIELD_ALLOWED,     /* the source is on the allow-list */
	SHIELD_PORT,        /* to a port that stays reachable */
	SHIELD_ESTABLISHED, /* of a flow that is known */
	SHIELD_REPLY,       /* DNS, DHCP, an echo reply or an ICMP error */
	SHIELD_PING,
	SHIELD_NEW_FLOW, /* within the share of its source */
	SHIELD_FRAGMENT, /* its first fragment was admitted */
	SHIELD_UNJUDGED, /* neither IP nor link control, or a protocol without flows */
	SHIELD_DROP_MALFORMED,
	SHIELD_DROP_FRAGMENT, /* its first fragment was not admitted, or not seen */
	SHIELD_DROP_SHARE,    /* beyond the share of its source */
	SHIELD_DROP_REFUSED,  /* nothing that this mode admits */
	SHIELD_VERDICTS,
};

enum shield_mode { SHIELD_MODE_OPEN, SHIELD_MODE_SHED, SHIELD_MODE_ESSENTIAL, SHIELD_MODE_ISOLATE };

/* What a mode keeps beside its ports and prefixes. */
enum shield_keeps {
	SHIELD_KEEPS_ESTABLISHED = 1,
	SHIELD_KEEPS_DNS = 2,
	SHIELD_KEEPS_DHCP = 4,
	SHIELD_KEEPS_PING = 8,
	SHIELD_KEEPS_TRACKED = 16, /* flows that only pass through: connection tracking is asked for them */
};

#define HOSA_PORT_WORDS 1024 /* one bit per port */
#define HOSA_MET_WEIGHT 16   /* quotas of a source that has completed a connection */

/* Written by user space in place, read at every packet. */
struct shield_control {
	__u64 lease_ns; /* CLOCK_MONOTONIC until which anything is refused; 0: for good */
	__u64 salt;     /* so that nobody outside can choose sources that are heard */
	__u64 source_share; /* of 2^32: sources heard in one window */
	__u32 mode;
	__u32 keeps;
	__u32 window; /* counts up; the quota is per window */
	__u32 quota;  /* new flows of one source per window */
	__u32 flow_packets;  /* packets of one UDP flow without a connected socket per window */
	__u32 ephemeral_low; /* first port the node chooses for its own outbound flows */
	__u32 prefixes4;     /* entries of the allow-lists: an empty one is not looked up */
	__u32 prefixes6;
	__u64 tcp_ports[HOSA_PORT_WORDS];
	__u64 udp_ports[HOSA_PORT_WORDS];
};

/* Verdicts counted on one CPU. */
struct shield_slot {
	__u64 packets[16];
};

/* Keys of the allow-lists. */
struct shield_prefix4 {
	__u32 length_bits;
	__u8 address[4];
};

struct shield_prefix6 {
	__u32 length_bits;
	__u8 address[16];
};

#endif
