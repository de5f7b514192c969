import type { Maybe } from "./sample.ts";

/** One kind of thing that HOSA does not see, do, write or tell because of a bound or a failure. */
export interface LossKind {
  /** What is counted, as it follows the number 1, and any other number. */
  readonly one: string;
  readonly unit: string;
  /** What that means. */
  readonly effect: string;
  /** What the operator can do. */
  readonly remedy: string;
  /** Present: while it lasts HOSA is degraded, and this is what it cannot do. */
  readonly degrades?: string;
}

/**
 * Every bound and every loss that an operator may have to know of, by its code. Status, doctor, metrics, messages and the audit take their
 * words from here; the code is the value of the label `what` of hosa_lost_total.
 */
export const LOSSES = {
  beats: {
    one: "beat",
    unit: "beats",
    effect: "HOSA did not judge these beats of the kernel; the next judged beat covers their time.",
    remedy: "Give HOSA more CPU time; hosa_beat_lateness_seconds shows how late it runs.",
  },
  readings: {
    one: "reading",
    unit: "readings",
    effect: "A file of the kernel gave nothing usable; the value of the beat before was used again.",
    remedy: "Run `hosa doctor`, and look whether something replaces files in /proc.",
  },
  files_cut: {
    one: "reading cut at 1 MiB",
    unit: "readings cut at 1 MiB",
    effect: "A file of the kernel is longer than 1 MiB; what stands behind that was not read.",
    remedy: "Reduce what makes the file long, such as the number of network interfaces.",
  },
  interfaces: {
    one: "network interface",
    unit: "network interfaces",
    effect: "Packets on them are not counted.",
    remedy: "Remove unused network interfaces; 4096 of them are counted.",
  },
  cgroups: {
    one: "cgroup",
    unit: "cgroups",
    effect: "HOSA does not follow them; a leak or a load in them shows only in the cgroup above.",
    remedy: "Reduce the number of cgroups; populated, limited and growing ones are followed first.",
  },
  cgroup_counters: {
    one: "cgroup without counters",
    unit: "cgroups without counters",
    effect: "Their CPU time and block I/O are not counted.",
    remedy: "Reduce the number of cgroups.",
  },
  cgroup_rows: {
    one: "row of a cgroup",
    unit: "rows of cgroups",
    effect: "Too many cgroups changed at once; these were read one reading later.",
    remedy: "Nothing has to be done while the number grows slowly.",
  },
  cgroup_baselines: {
    one: "cgroup without a baseline",
    unit: "cgroups without a baseline",
    effect: "Too many cgroups change at once; HOSA judges these by turns.",
    remedy: "Reduce the number of cgroups that are busy at the same time.",
  },
  reports: {
    one: "growing or changed cgroup",
    unit: "growing or changed cgroups",
    effect: "HOSA decides on the eight most urgent ones of a beat; these were not among them.",
    remedy: "Look for a common cause with `hosa explain`.",
  },
  thread_walks: {
    one: "walk over threads",
    unit: "walks over threads",
    effect: "A walk ended at its bound; HOSA did not search the threads behind it.",
    remedy: "Reduce the number of threads; some ten thousand are searched.",
  },
  thread_counters: {
    one: "thread counter",
    unit: "thread counters",
    effect: "The kernel had no memory for them; huge pages and wake-ups of these threads are not counted.",
    remedy: "Free kernel memory.",
  },
  processes: {
    one: "process",
    unit: "processes",
    effect: "HOSA may not read their files in /proc; it does not know whether they run in a managed runtime.",
    remedy: "Keep CAP_SYS_PTRACE for HOSA.",
  },
  management_ports: {
    one: "search for management ports",
    unit: "searches for management ports",
    effect: "The search ended at its bound; a port that an operator uses may be missing.",
    remedy: "Name the ports in shield.management_ports and quarantine.ports.",
  },
  quarantine_facts: {
    one: "fact for a quarantine",
    unit: "facts for a quarantine",
    effect: "The plan of a quarantine was made without these cgroups, interfaces or sockets.",
    remedy: "Name what must stay reachable in quarantine.ports and quarantine.management_interfaces.",
  },
  ledger: {
    one: "ledger entry",
    unit: "ledger entries",
    effect: "HOSA does nothing that it cannot undo: without an entry in the ledger no action is carried out.",
    remedy: "Make motor.ledger_dir writable and free space in it.",
    degrades: "HOSA cannot contain anything",
  },
  ledger_file: {
    one: "ledger file",
    unit: "ledger files",
    effect: "Another program removed the ledger, its lock or its directory; HOSA wrote it again.",
    remedy: "Keep programs that clean up /run away from motor.ledger_dir.",
  },
  actions: {
    one: "action",
    unit: "actions",
    effect: "HOSA decided on these actions, and they were refused or failed.",
    remedy: "Read the reason in `hosa explain --last`; `hosa doctor` names missing remedies.",
  },
  action_parts: {
    one: "part of an action",
    unit: "parts of actions",
    effect: "A device, thread, process or interface refused; the others are contained.",
    remedy: "Read which one and why in `hosa explain --last`.",
  },
  undos: {
    one: "undo",
    unit: "undos",
    effect: "A limit could not be lifted at once; HOSA tries again every second.",
    remedy: "See `hosa status`; after the agent has ended, `hosa release --all` tries again.",
  },
  audit_lines: {
    one: "audit line",
    unit: "audit lines",
    effect: "Entries of the audit were not written; the next line that is written says how many are missing.",
    remedy: "Free space for audit.path, and make it a regular file that HOSA may write.",
    degrades: "HOSA cannot record what it does",
  },
  audit_file: {
    one: "audit file",
    unit: "audit files",
    effect: "Another program removed, replaced or truncated the audit; its chain goes on in a new file.",
    remedy: "Leave the rotation to HOSA (audit.max_bytes, audit.keep).",
  },
  audit_entries: {
    one: "audit entry",
    unit: "audit entries",
    effect: "An entry was longer than 1 MiB; a note stands in its place.",
    remedy: "Report it as a defect.",
  },
  flights: {
    one: "flight",
    unit: "flights",
    effect: "The beats around an episode were not written.",
    remedy: "Free space beside audit.path.",
  },
  flight_beats: {
    one: "beat in flights",
    unit: "beats in flights",
    effect: "Flights are bounded to 8 MiB of memory, and so begin later than audit.flight_minutes says.",
    remedy: "Nothing has to be done; set audit.flight_minutes to what is written.",
  },
  evidence: {
    one: "part of evidence",
    unit: "parts of evidence",
    effect: "The evidence of a quarantine lacks these parts or their end.",
    remedy: "Free space beside audit.path, or raise quarantine.evidence_max_bytes.",
  },
  baseline_saves: {
    one: "save of the baseline",
    unit: "saves of the baseline",
    effect: "What HOSA learned was not saved; after a restart it learns anew from the save before.",
    remedy: "Make learning.state_dir writable and free space in it.",
  },
  log_lines: {
    one: "log line",
    unit: "log lines",
    effect: "The reader of the output did not take these lines.",
    remedy: "Read the output faster, or run HOSA as a service.",
  },
  notices: {
    one: "notice",
    unit: "notices",
    effect: "A webhook was not told; the audit has what it would have said.",
    remedy: "See why the endpoint does not accept notices in the log of HOSA.",
  },
  notice_targets: {
    one: "target in notices",
    unit: "targets in notices",
    effect: "An episode had more than eight targets; these got no notice of their own.",
    remedy: "Read all of them in `hosa explain --timeline`.",
  },
  hook_runs: {
    one: "run of a hook",
    unit: "runs of hooks",
    effect: "Too many runs waited, and these were left out.",
    remedy: "Make the hook faster, or raise hooks.at_once.",
  },
  hook_output: {
    one: "output of a hook",
    unit: "outputs of hooks",
    effect: "A hook wrote more than 2 KiB; the audit has the beginning.",
    remedy: "Let the hook write less, or write to a file.",
  },
  control_connections: {
    one: "connection to the control socket",
    unit: "connections to the control socket",
    effect: "A client was refused, gave way to another one, or read too slowly.",
    remedy: "Close idle clients, or raise control.max_connections.",
  },
  control_socket: {
    one: "control socket",
    unit: "control sockets",
    effect: "Another program removed the control socket; HOSA made it again where that was possible.",
    remedy: "Keep programs that clean up /run away from the socket.",
    degrades: "`hosa status` and `hosa release` do not reach this agent",
  },
  metrics_connections: {
    one: "connection to /metrics",
    unit: "connections to /metrics",
    effect: "A client that kept its connection open was closed to serve others, or took longer than 5 s.",
    remedy: "Find out which program keeps connections to metrics.listen open.",
  },
  metrics_server: {
    one: "metrics server",
    unit: "metrics servers",
    effect: "No client can read /metrics or /healthz.",
    remedy: "Free the address in metrics.listen, or set another one, and restart HOSA.",
  },
  manager_messages: {
    one: "message to the service manager",
    unit: "messages to the service manager",
    effect: "The service manager did not take these messages; it may restart HOSA.",
    remedy: "Look whether the service manager runs.",
  },
} as const satisfies Readonly<Record<string, LossKind>>;

export type LossCode = keyof typeof LOSSES;

export const LOSS_CODES = Object.keys(LOSSES) as readonly LossCode[];

/** What was lost of one kind since the agent started. */
export interface Loss {
  readonly code: LossCode;
  readonly unit: string;
  /** Lost since the start; for what is not an event (cgroups that are not followed) the most that it was at once. */
  readonly total: number;
  /** How many are left out at present; 0 where the kind is one of events. */
  readonly now: number;
  /** It goes on. */
  readonly lasting: boolean;
  /** The latest cause or place; empty when there is nothing more to say. */
  readonly detail: string;
  /** ISO 8601, UTC: when it began for the first time, and when it was last seen. */
  readonly since: string;
  readonly last: string;
  readonly effect: string;
  readonly remedy: string;
  /** All of it in one line, as every view says it. */
  readonly sentence: string;
  /** What HOSA cannot do now; null when it is not degraded by this. */
  readonly degraded: Maybe<string>;
}

export function loss_kind(code: LossCode): LossKind {
  return LOSSES[code];
}
