import type { Assessment } from "../model/assessment.ts";
import type { Attributed, Attribution, Carrier } from "../model/attribution.ts";
import type { Culprit, Decision } from "../model/decision.ts";
import type { Maybe } from "../model/sample.ts";
import type { NamedSubject, Pattern, Unnamed } from "../model/story.ts";
import { bytes, num, percent } from "./number.ts";
import { part_of_deviation } from "./pattern.ts";

/** A carrier of less than this part does not stand out. */
const STANDS_OUT = 0.1;
/** One that does less than this part of what the beat shows is not what the beat is about. */
const FAIR_PART = 0.1;
/** What was taken since the onset counts as if it had come within so long. */
const GAIN_COUNTS_FOR_S = 5;

const UNITS: Readonly<Record<Attributed, NamedSubject["unit"]>> = {
  memory: "bytes/s",
  cpu: "cores",
  io: "bytes/s",
  forks: "processes/s",
  network: "connections/s",
};

/** The resource a pattern is about; null: none that anything could be named for. */
const RESOURCE_OF: Readonly<Record<Pattern["name"], Maybe<Attributed>>> = {
  normal: null,
  "resource leak": "memory",
  "memory growth": "memory",
  "memory being freed": "memory",
  thrashing: "memory",
  "memory pressure": "memory",
  "fork storm": "forks",
  "connection storm": "network",
  "disk writer": "io",
  "disk reader": "io",
  "I/O-bound": "io",
  "interrupt storm": "cpu",
  "spinning thread": "cpu",
  "CPU-bound": "cpu",
  deadlock: null,
};

/** Dimensions by the resource that explains them; a change of the system call mix is explained by what runs. */
const DIMENSIONS_OF: readonly (readonly [Attributed, readonly string[]])[] = [
  ["memory", ["memory_growth_bytes_per_s", "memory_used_fraction", "memory_fragmentation_bits", "major_faults_per_s"]],
  ["io", ["block_latency_ms", "block_throughput_mib_per_s", "pressure_io_fraction"]],
  ["forks", ["forks_execs_per_s"]],
  ["network", ["tcp_connects_per_s", "tcp_retransmits_per_s", "net_rx_packets_per_s", "net_tx_packets_per_s"]],
  ["cpu", ["cpu_busy_fraction", "run_queue_per_core", "context_switches_per_s", "kernel_user_ratio"]],
  ["cpu", ["pressure_cpu_fraction", "syscall_entropy_bits"]],
];

/** What the deviation is about where it has no common name: the resource whose dimensions carry most of it. */
function leading_resource(a: Assessment): Attributed {
  const parts = new Map<Attributed, number>();
  for (const [resource, names] of DIMENSIONS_OF) {
    parts.set(resource, (parts.get(resource) ?? 0) + part_of_deviation(a, names));
  }
  return [...parts].toSorted((one, other) => other[1] - one[1])[0]?.[0] ?? "cpu";
}

/** What is named for a beat, or why nothing is. */
export function named_of(
  a: Assessment,
  decision: Decision,
  pattern: Maybe<Pattern>,
): { readonly named: Maybe<NamedSubject>; readonly unnamed: Maybe<Unnamed> } {
  const nothing = (unnamed: Unnamed) => ({ named: null, unnamed });
  const resource = pattern === null ? leading_resource(a) : RESOURCE_OF[pattern.name];
  const { attribution } = a;
  const acted_on = decision.harm.present || decision.actions.length > 0 ? decision.culprit : null;
  if (resource !== null && attribution !== undefined) {
    const carrier = carrier_of(attribution, resource, pattern, acted_on);
    if (carrier !== null && !explains(carrier, resource, a)) return nothing("not_read_yet");
    if (carrier !== null) return { named: named(carrier, resource), unnamed: null };
    if (decision.culprit === null) {
      return nothing(attribution[resource].unknown === undefined ? "nothing_stands_out" : "not_counted");
    }
  }
  if (decision.culprit !== null) {
    return { named: of_culprit(decision.culprit, ranked_resource(a.dominant_resource)), unnamed: null };
  }
  if (decision.level === 0) return nothing("nothing_out_of_the_ordinary");
  if (resource === null) return nothing("nothing_stands_out");
  return nothing(decision.previous_level === 0 ? "not_read_yet" : "not_recorded");
}

/**
 * A reading is up to a second older than the beat: what it found explains the beat only where it does a fair part of what the node does now. Processors are
 * always in use by something, and memory that was taken earlier explains a plateau.
 */
function explains({ rate, gained_bytes = 0 }: Carrier, resource: Attributed, a: Assessment): boolean {
  const now = (name: string): number => {
    const at = a.dimension_names.indexOf(name);
    return at < 0 ? 0 : (a.x[at] ?? 0);
  };
  switch (resource) {
    case "io":
      return rate >= FAIR_PART * now("block_throughput_mib_per_s") * 1_048_576;
    case "forks":
      return rate >= FAIR_PART * now("forks_execs_per_s");
    case "network":
      return rate >= FAIR_PART * now("tcp_connects_per_s");
    case "memory": {
      const growth = now("memory_growth_bytes_per_s");
      if (rate < 0) return rate <= FAIR_PART * growth;
      return Math.max(rate, gained_bytes / GAIN_COUNTS_FOR_S) >= FAIR_PART * growth;
    }
    case "cpu":
      return true;
  }
}

/** Where something is done about one cgroup, the carrier is looked for in it alone. */
function carrier_of(
  attribution: Attribution,
  resource: Attributed,
  pattern: Maybe<Pattern>,
  acted_on: Maybe<Culprit>,
): Maybe<Carrier> {
  if (pattern?.name === "memory being freed") return attribution.released ?? null;
  const { carriers } = attribution[resource];
  if (acted_on !== null) {
    const inside = ({ path, cgroup_id }: Carrier) =>
      cgroup_id === acted_on.cgroup_id || acted_on.path === "/" || path.startsWith(`${acted_on.path}/`);
    return carriers.find((one) => inside(one) && (acted_on.pid === null || one.pid === acted_on.pid)) ?? null;
  }
  const [first] = carriers;
  return first === undefined || first.share < STANDS_OUT ? null : first;
}

function named(carrier: Carrier, resource: Attributed): NamedSubject {
  return { ...carrier, resource, unit: UNITS[resource], protected: carrier.protected ?? null };
}

/** What cgroups are ranked by for the dominant dimension: neither packets nor forks are counted per cgroup. */
function ranked_resource(resource: Assessment["dominant_resource"]): Attributed {
  return resource === "memory" || resource === "io" ? resource : "cpu";
}

/** What the decision found, where the record holds no attribution of it. */
function of_culprit(culprit: Culprit, resource: Attributed): NamedSubject {
  const task = culprit.tid ?? culprit.pid;
  return {
    kind: task === null ? "cgroup" : "process",
    // The decision knows the name of the thread, not that of its process.
    comm: culprit.tid === null ? (culprit.comm ?? "") : "",
    pid: culprit.pid,
    tid: culprit.tid,
    thread_comm: culprit.tid === null ? null : culprit.comm,
    thread_share: null,
    count: 1,
    cgroup_id: culprit.cgroup_id,
    path: culprit.path,
    rate: culprit.rate,
    share: null,
    share_of_cgroup: culprit.share,
    age_s: null,
    resource,
    unit: UNITS[resource],
    protected: culprit.protected,
  };
}

/** Parts of the kernel, as the field calls them. */
const KERNEL_WORDS: Readonly<Record<string, string>> = {
  slab: "slab caches",
  page_tables: "page tables",
  kernel_stacks: "kernel stacks",
  per_cpu: "per-CPU memory",
  vmalloc: "vmalloc memory",
  huge_page_pool: "the pool of huge pages",
  files_in_memory: "files in memory (tmpfs, shared memory)",
};

/** `thread 1240 of python3 (process 1234) in /user.slice`, to the narrowest that is known. */
export function named_text(named: NamedSubject): string {
  return `${subject(named)}${place(named)}`;
}

/** `python3 (1234)`: what finds it with ps(1); of a cgroup its path. */
export function named_brief({ kind, comm, thread_comm, pid, tid, path }: NamedSubject): string {
  if (kind === "cgroup") return path || "an unknown cgroup";
  const name = comm || (thread_comm ?? "");
  const task = pid ?? tid;
  return task === null ? name : `${name} (${task})`;
}

function subject(named: NamedSubject): string {
  const { kind, comm, pid, tid, count, thread_comm } = named;
  if (kind === "cgroup") return named.path || "an unknown cgroup";
  if (kind === "kernel") {
    const word = KERNEL_WORDS[comm] ?? comm;
    return pid === null ? `the kernel (${word})` : `the kernel thread ${comm} (${pid})`;
  }
  if (kind === "processes") return `${count} processes named ${comm} (first ${pid ?? "?"})`;
  if (tid === null || tid === pid) return `${comm} (process ${pid ?? "?"})`;
  const name = thread_comm === null || thread_comm === comm ? "" : ` "${thread_comm}"`;
  if (comm === "") return `thread ${tid}${name} of process ${pid ?? "?"}`;
  return `thread ${tid}${name} of ${comm} (process ${pid ?? "?"})`;
}

function place({ kind, path }: NamedSubject): string {
  if (kind === "cgroup" || path === "") return "";
  return path === "/" ? " in the root cgroup" : ` in ${path}`;
}

/** `412.0 MiB/s`, `1.02 cores`, `5230 processes/s`. */
export function amount_text({ rate, unit }: NamedSubject): string {
  return unit === "bytes/s" ? `${bytes(rate)}/s` : `${num(rate, unit === "cores" ? 2 : 0)} ${unit}`;
}

/** `412.0 MiB/s, 98 % of the node's`. */
export function figure_text(named: NamedSubject): string {
  const { share, share_of_cgroup, kind } = named;
  const amount = amount_text(named);
  if (share !== null) return `${amount}, ${percent(share)} of the node's`;
  return share_of_cgroup === null || kind === "cgroup"
    ? amount
    : `${amount}, ${percent(share_of_cgroup)} of its cgroup's`;
}
