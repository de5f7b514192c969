import type { Assessment } from "../model/assessment.ts";
import { natural, percent } from "./number.ts";

/** What an operator would call it (SPEC §10), and the figures that made it so. */
export interface Pattern {
  readonly name:
    | "normal"
    | "resource leak"
    | "thrashing"
    | "memory pressure"
    | "I/O-bound"
    | "interrupt storm"
    | "CPU-bound"
    | "deadlock";
  readonly because: string;
}

/** A group of dimensions that carries this part of D² is what the deviation is about. */
const LEADS = 0.3;
/** Shares of time lost to waiting that a person would notice. */
const NOTICED_STALL = 0.1;
/** Pages fetched or put away per second that no healthy node needs. */
const THRASHING_PAGES_PER_S = 100;
/** The kernel at work twice as long as all programs together. */
const STORM_RATIO = 2;
/** Nothing is idle any more. */
const SATURATED = 0.9;

const CPU = ["cpu_busy_fraction", "run_queue_per_core", "context_switches_per_s", "pressure_cpu_fraction"];
const IO = ["block_latency_ms", "block_throughput_mib_per_s", "pressure_io_fraction"];
const RECLAIM = ["major_faults_per_s", "reclaim_stalls_per_s", "swap_out_pages_per_s", "pressure_memory_fraction"];

/**
 * The patterns an assessment fits, by plain rules on its own figures: none where the deviation has no common name, several
 * where several hold (a leak that has begun to thrash). It names what is seen; nothing is decided by it.
 */
export function patterns(a: Assessment): readonly Pattern[] {
  if (a.d_smooth <= a.thresholds.theta[0] && a.growth.every((growth) => growth.sustained_s <= 0)) {
    return [{ name: "normal", because: `D̄ is within θ1` }];
  }
  const found = [leak(a), ...reclaim(a), io_bound(a), storm(a), cpu_bound(a), deadlock(a)];
  return found.filter((pattern) => pattern !== null);
}

function value(a: Assessment, name: string): number {
  const at = a.dimension_names.indexOf(name);
  return at < 0 ? 0 : (a.x[at] ?? 0);
}

/** Part of D² that the named dimensions carry. */
function share(a: Assessment, names: readonly string[]): number {
  const squared = a.d * a.d;
  if (!(squared > 0)) return 0;
  let sum = 0;
  for (const [j, name] of a.dimension_names.entries()) if (names.includes(name)) sum += a.contribution[j] ?? 0;
  return sum / squared;
}

function said(a: Assessment, ...names: readonly string[]): string {
  return names.map((name) => `${name} ${natural(name, value(a, name))}`).join(", ");
}

function leak(a: Assessment): Pattern | null {
  const first = a.growth.find((growth) => growth.sustained_s > 0 && growth.ttf.ttf_s !== null);
  if (first === undefined) return null;
  const slope = natural("memory_growth_bytes_per_s", first.slope_bytes_per_s);
  return { name: "resource leak", because: `${first.path} grows ${slope} and would run out` };
}

function reclaim(a: Assessment): readonly (Pattern | null)[] {
  const stalled = value(a, "pressure_memory_fraction");
  const moved = value(a, "major_faults_per_s") + value(a, "swap_out_pages_per_s");
  if (stalled >= NOTICED_STALL && moved >= THRASHING_PAGES_PER_S) {
    return [{ name: "thrashing", because: said(a, "pressure_memory_fraction", "major_faults_per_s") }];
  }
  if (stalled < NOTICED_STALL && share(a, RECLAIM) < LEADS) return [];
  return [{ name: "memory pressure", because: said(a, "pressure_memory_fraction", "reclaim_stalls_per_s") }];
}

function io_bound(a: Assessment): Pattern | null {
  const leads = share(a, IO);
  if (leads < LEADS) return null;
  return { name: "I/O-bound", because: `${percent(leads)} of D² is I/O; ${said(a, "pressure_io_fraction")}` };
}

function storm(a: Assessment): Pattern | null {
  if (share(a, ["kernel_user_ratio"]) < LEADS || value(a, "kernel_user_ratio") < STORM_RATIO) return null;
  return { name: "interrupt storm", because: said(a, "kernel_user_ratio") };
}

function cpu_bound(a: Assessment): Pattern | null {
  const stalled = value(a, "pressure_cpu_fraction") >= NOTICED_STALL;
  const leads = share(a, CPU);
  if (leads < LEADS || a.phi <= 0 || !(stalled || value(a, "cpu_busy_fraction") >= SATURATED)) return null;
  return { name: "CPU-bound", because: said(a, "cpu_busy_fraction", "pressure_cpu_fraction") };
}

/** Less happens than ever, and not because memory or a disk is waited for: somebody waits for somebody. */
function deadlock(a: Assessment): Pattern | null {
  const waited = value(a, "pressure_io_fraction") + value(a, "pressure_memory_fraction");
  if (a.phi >= 0 || share(a, CPU) < LEADS || waited >= NOTICED_STALL) return null;
  return {
    name: "deadlock",
    because: `less runs than normal: ${said(a, "cpu_busy_fraction", "context_switches_per_s")}`,
  };
}
