import type { Assessment } from "../model/assessment.ts";
import type { Carrier } from "../model/attribution.ts";
import type { Maybe } from "../model/sample.ts";
import type { Pattern } from "../model/story.ts";
import { bytes, natural, num, percent } from "./number.ts";

/** A group of dimensions that carries this part of D² is what the deviation is about. */
const LEADS = 0.3;
/** Less than this part is not even beside it. */
const TAKES_PART = 0.1;
/** Shares of time lost to waiting that a person would notice. */
const NOTICED_STALL = 0.1;
/** Pages fetched or put away per second that no healthy node needs. */
const THRASHING_PAGES_PER_S = 100;
/** The kernel at work twice as long as all programs together. */
const STORM_RATIO = 2;
/** Nothing is idle any more. */
const SATURATED = 0.9;
/** So many times its normal, and so many a second, that no build or deploy begins them. */
const STORM_TIMES = 8;
const FORKS_PER_S = 200;
/** A build forks a lot, and none of its processes often. */
const FORKS_OF_ONE_PER_S = 20;
const CONNECTS_PER_S = 50;
/** MiB/s that a disk feels. */
const DISK_MIB_PER_S = 8;
/** A thread that never waits. */
const SPINS_CORES = 0.8;
/** A carrier of this part of the node's is what the node does. */
const MOST = 0.5;
/** A leak that is this near its end comes before everything else that holds. */
const NEAR_S = 120;
/** Strong evidence of its own counts as much as all of D². */
const CERTAIN = 1;

const CPU = ["cpu_busy_fraction", "run_queue_per_core", "context_switches_per_s", "pressure_cpu_fraction"];
const CPU_AND_KERNEL = [...CPU, "kernel_user_ratio"];
const IO = ["block_latency_ms", "block_throughput_mib_per_s", "pressure_io_fraction"];
const RECLAIM = ["major_faults_per_s", "reclaim_stalls_per_s", "swap_out_pages_per_s", "pressure_memory_fraction"];
const GROWTH = ["memory_growth_bytes_per_s", "memory_used_fraction"];
const FORKS = ["forks_execs_per_s"];
const CONNECTS = ["tcp_connects_per_s"];

/** A pattern that holds, and how much of the deviation it accounts for. */
interface Found extends Pattern {
  readonly weight: number;
}

/**
 * The patterns an assessment fits, by plain rules on its own figures: none where the deviation has no common name, several
 * where several hold (a leak that has begun to thrash); the one that accounts for most comes first. It names what is seen; nothing is decided by it.
 *
 * @param level of the decision: at level 0, and within θ1, nothing is out of the ordinary
 */
export function patterns(a: Assessment, level = 0): readonly Pattern[] {
  if (level === 0 && a.d_smooth <= a.thresholds.theta[0]) {
    const grows = leak(a);
    if (grows === null) return [{ name: "normal", because: "D̄ is within θ1" }];
    return [{ name: grows.name, because: grows.because }];
  }
  const found = [
    // For some seconds the slope of what has ended still looks back on its growth.
    freed(a) ?? leak(a) ?? leak_of_node(a) ?? growth(a),
    fork_storm(a),
    connection_storm(a),
    reclaim(a),
    disk(a),
    storm(a),
    spinning(a),
    cpu_bound(a),
    deadlock(a),
  ].filter((pattern) => pattern !== null);
  return found.toSorted((one, other) => other.weight - one.weight).map(({ name, because }) => ({ name, because }));
}

function value(a: Assessment, name: string): number {
  const at = a.dimension_names.indexOf(name);
  return at < 0 ? 0 : (a.x[at] ?? 0);
}

/** The normal of a dimension that enters the distance as log1p. */
function normal_rate(a: Assessment, name: string): number {
  const at = a.dimension_names.indexOf(name);
  return at < 0 ? 0 : Math.max(0, Math.expm1(a.mean[at] ?? 0));
}

/** Part of D² that the named dimensions carry. */
export function part_of_deviation(a: Assessment, names: readonly string[]): number {
  const squared = a.d * a.d;
  if (!(squared > 0)) return 0;
  let sum = 0;
  for (const [j, name] of a.dimension_names.entries()) if (names.includes(name)) sum += a.contribution[j] ?? 0;
  return sum / squared;
}

function said(a: Assessment, ...names: readonly string[]): string {
  return names.map((name) => `${name} ${natural(name, value(a, name))}`).join(", ");
}

function first_of(carriers: readonly Carrier[] | undefined): Maybe<Carrier> {
  return carriers?.[0] ?? null;
}

function leak(a: Assessment): Found | null {
  const first = a.growth.find((each) => each.sustained_s > 0 && each.ttf.ttf_s !== null);
  if (first === undefined) return null;
  const slope = natural("memory_growth_bytes_per_s", first.slope_bytes_per_s);
  const near = (first.ttf.ttf_s ?? Number.POSITIVE_INFINITY) < NEAR_S;
  const weight = part_of_deviation(a, GROWTH) + (near ? CERTAIN : 0);
  return { name: "resource leak", because: `${first.path} grows ${slope} and would run out`, weight };
}

/** On a node whose memory moves a lot no growth leaves its tail, and still one process takes most of what is left. */
function leak_of_node(a: Assessment): Found | null {
  const { ttf_s, slope_bytes_per_s } = a.node_ttf;
  const carrier = first_of(a.attribution?.memory.carriers);
  if (carrier === null || carrier.share < MOST || ttf_s === null || ttf_s >= NEAR_S) return null;
  if (carrier.rate < MOST * slope_bytes_per_s) return null;
  const because = `the node's memory falls by ${bytes(slope_bytes_per_s)}/s and would run out in ${num(ttf_s, 0)} s`;
  return { name: "resource leak", because, weight: part_of_deviation(a, GROWTH) + CERTAIN };
}

/** More memory is taken than ever, or was taken and is kept. */
function growth(a: Assessment): Found | null {
  const part = part_of_deviation(a, GROWTH);
  const taken = first_of(a.attribution?.memory.carriers)?.gained_bytes ?? 0;
  const rises = value(a, "memory_growth_bytes_per_s") > 0;
  if (part < LEADS || !(rises || (taken > 0 && a.phi > 0))) return null;
  return { name: "memory growth", because: said(a, "memory_growth_bytes_per_s", "memory_used_fraction"), weight: part };
}

function freed(a: Assessment): Found | null {
  const part = part_of_deviation(a, GROWTH);
  const slope = value(a, "memory_growth_bytes_per_s");
  if (part < LEADS || slope >= 0) return null;
  return { name: "memory being freed", because: `memory used falls by ${bytes(-slope)}/s`, weight: part };
}

function fork_storm(a: Assessment): Found | null {
  const rate = value(a, FORKS[0]!);
  if (rate < FORKS_PER_S || rate < STORM_TIMES * normal_rate(a, FORKS[0]!)) return null;
  const carrier = first_of(a.attribution?.forks.carriers);
  const part = part_of_deviation(a, FORKS);
  if (carrier !== null && carrier.rate / carrier.count < FORKS_OF_ONE_PER_S && part < LEADS) return null;
  return { name: "fork storm", because: said(a, FORKS[0]!), weight: part + CERTAIN };
}

function connection_storm(a: Assessment): Found | null {
  const rate = value(a, CONNECTS[0]!);
  const part = part_of_deviation(a, CONNECTS);
  const more = rate >= STORM_TIMES * (1 + normal_rate(a, CONNECTS[0]!));
  if (rate < CONNECTS_PER_S || !more || part < TAKES_PART) return null;
  return { name: "connection storm", because: said(a, CONNECTS[0]!), weight: part };
}

function reclaim(a: Assessment): Found | null {
  const stalled = value(a, "pressure_memory_fraction");
  const moved = value(a, "major_faults_per_s") + value(a, "swap_out_pages_per_s");
  const weight = part_of_deviation(a, RECLAIM);
  if (stalled >= NOTICED_STALL && moved >= THRASHING_PAGES_PER_S) {
    return { name: "thrashing", because: said(a, "pressure_memory_fraction", "major_faults_per_s"), weight };
  }
  if (stalled < NOTICED_STALL && weight < LEADS) return null;
  return { name: "memory pressure", because: said(a, "pressure_memory_fraction", "reclaim_stalls_per_s"), weight };
}

/** A disk has a writer or a reader where one process does most of it. */
function disk(a: Assessment): Found | null {
  const part = part_of_deviation(a, IO);
  const carrier = first_of(a.attribution?.io.carriers);
  const throughput = value(a, "block_throughput_mib_per_s");
  const busy = throughput >= Math.max(DISK_MIB_PER_S, STORM_TIMES * normal_rate(a, "block_throughput_mib_per_s"));
  if (carrier !== null && carrier.share >= MOST && busy && part >= TAKES_PART) {
    const name = (carrier.written_share ?? 0) >= MOST ? "disk writer" : "disk reader";
    const because = said(a, "block_throughput_mib_per_s", "pressure_io_fraction");
    return { name, because, weight: part + CERTAIN / 2 };
  }
  if (part < LEADS) return null;
  const because = `${percent(part)} of D² is I/O; ${said(a, "pressure_io_fraction")}`;
  return { name: "I/O-bound", because, weight: part };
}

function storm(a: Assessment): Found | null {
  const part = part_of_deviation(a, ["kernel_user_ratio"]);
  if (part < LEADS || value(a, "kernel_user_ratio") < STORM_RATIO) return null;
  // Where it is known what the kernel works for, it is no interrupt that keeps it.
  const carrier = first_of(a.attribution?.cpu.carriers);
  if (carrier !== null && carrier.kind !== "kernel") return null;
  return { name: "interrupt storm", because: said(a, "kernel_user_ratio"), weight: part };
}

/** One thread, or a few, that never wait. */
function spinning(a: Assessment): Found | null {
  const carrier = first_of(a.attribution?.cpu.carriers);
  const part = part_of_deviation(a, CPU_AND_KERNEL);
  if (carrier === null || carrier.kind === "kernel" || part < LEADS || a.phi <= 0) return null;
  const alone = carrier.count > 1 || carrier.tid !== null;
  const cores = carrier.rate / carrier.count;
  if (!alone || cores < SPINS_CORES || carrier.share < LEADS) return null;
  const each = carrier.count > 1 ? ", each of its processes" : "";
  return { name: "spinning thread", because: `${num(cores, 1)} cores without waiting${each}`, weight: part };
}

function cpu_bound(a: Assessment): Found | null {
  const stalled = value(a, "pressure_cpu_fraction") >= NOTICED_STALL;
  const part = part_of_deviation(a, CPU);
  if (part < LEADS || a.phi <= 0 || !(stalled || value(a, "cpu_busy_fraction") >= SATURATED)) return null;
  return { name: "CPU-bound", because: said(a, "cpu_busy_fraction", "pressure_cpu_fraction"), weight: part };
}

/** Less happens than ever, and not because memory or a disk is waited for: one program waits for another. */
function deadlock(a: Assessment): Found | null {
  const waited = value(a, "pressure_io_fraction") + value(a, "pressure_memory_fraction");
  const part = part_of_deviation(a, CPU);
  if (a.phi >= 0 || part < LEADS || waited >= NOTICED_STALL) return null;
  const because = `less runs than normal: ${said(a, "cpu_busy_fraction", "context_switches_per_s")}`;
  return { name: "deadlock", because, weight: part };
}
