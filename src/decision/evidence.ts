import type { GrowthAssessment } from "../model/assessment.ts";
import type { ThreadSearch } from "../model/search.ts";
import type { ActConfig, HoldConfig } from "./config.ts";
import type { KnownRuntime } from "./state.ts";

/** With less than this left there is no time to search threads: the most urgent comes first, and the governor acts on the whole cgroup. */
export const NO_TIME_TO_SEARCH_S = 1;

/** How much is known about one growth, and whether that is enough to act on now. */
export interface Evidence {
  readonly strength: "strong" | "weak" | "none";
  /** Act now: strong and within the horizon, or weak and necessary. */
  readonly act: boolean;
  readonly because: readonly string[];
}

const NONE: Evidence = { strength: "none", act: false, because: [] };
const mib = (bytes: number) => `${(bytes / 1048576).toFixed(1)} MiB`;

/** The worse of the two times to failure, in seconds; Infinity when neither resource ever runs out. */
export function ttf_s(growth: GrowthAssessment): number {
  return growth.ttf.ttf_s ?? Number.POSITIVE_INFINITY;
}

/** Not counted as a loss: the next search of that cgroup, which comes before any hold in it, finds its runtime again. */
const MAX_RUNTIMES = 16;
/** Page cache grows by what is read or written, and by hardly a fault. */
const CACHE_IO_PART = 0.5;
const CACHE_FAULT_PART = 0.3;

/** Keeps what a search found out about a runtime; a search that finds none forgets what was known of that cgroup. */
export function remember_runtime(known: readonly KnownRuntime[], search: ThreadSearch | null): readonly KnownRuntime[] {
  return search === null || search.threads.length === 0 ? known : with_runtime(known, search);
}

function with_runtime(known: readonly KnownRuntime[], search: ThreadSearch): readonly KnownRuntime[] {
  const { cgroup_id, runtime, runtime_heap_limit_bytes: heap_limit_bytes } = search;
  const others = known.filter((one) => one.cgroup_id !== cgroup_id);
  return runtime === null ? others : [{ cgroup_id, runtime, heap_limit_bytes }, ...others].slice(0, MAX_RUNTIMES);
}

/**
 * The bound a managed runtime keeps by itself, with room for what lives outside the heap: below the limit, the
 * growth ends before the cgroup does, and any hold would only stop its collector at a safepoint (SPEC §7.2).
 */
function own_bound(growth: GrowthAssessment, known: KnownRuntime | undefined): number | null {
  if (known === undefined || known.heap_limit_bytes === null) return null;
  const bound = known.heap_limit_bytes * 1.05 + 64 * 1048576;
  return growth.memory_bytes < bound && bound <= growth.memory_bytes + growth.ttf.headroom_bytes ? bound : null;
}

/**
 * Growth that its threads read or write but do not fault in is page cache: the kernel takes it back where it is needed, so
 * nothing runs out. Null where it is not, or not known yet.
 */
function page_cache(growth: GrowthAssessment, search: ThreadSearch | null): string | null {
  if (search?.cgroup_id !== growth.cgroup_id) return null;
  let faulted = 0;
  let moved = 0;
  for (const thread of search.threads) {
    faulted += thread.fault_bytes_per_s;
    moved += thread.io_bytes_per_s;
  }
  const slope = growth.slope_bytes_per_s;
  if (moved < CACHE_IO_PART * slope || faulted > CACHE_FAULT_PART * slope) return null;
  return `grows ${mib(slope)}/s by I/O of ${mib(moved)}/s and faults of ${mib(faulted)}/s: page cache, which the kernel takes back`;
}

/**
 * Weighs one growth (SPEC §5, "When to act"): waiting buys evidence, acting buys headroom.
 * Source of the two clocks: TTF on the resource's side, `sustained_s` on the evidence's side.
 */
export function weigh(
  growth: GrowthAssessment,
  search: ThreadSearch | null,
  runtimes: readonly KnownRuntime[],
  act: ActConfig,
  hold: HoldConfig,
): Evidence {
  const ttf = ttf_s(growth);
  const slope = `${mib(growth.slope_bytes_per_s)}/s`;
  if (growth.sustained_s <= 0 || !Number.isFinite(ttf)) return NONE;

  const known = runtimes.find((one) => one.cgroup_id === growth.cgroup_id);
  const bound = own_bound(growth, known);
  if (bound !== null) {
    const why = `its ${known?.runtime} heap limit ends the growth at ${mib(bound)}, before the cgroup's limit`;
    return { strength: "none", act: false, because: [why] };
  }

  const cache = page_cache(growth, search);
  if (cache !== null) return { strength: "none", act: false, because: [cache] };

  const doubts: string[] = [];
  const leader = search?.cgroup_id === growth.cgroup_id ? search.threads[0] : undefined;
  const aged_thread = leader !== undefined && leader.share >= hold.thread_share && leader.age_s >= act.cgroup_warmup_s;
  if (growth.path === "/") doubts.push("the node grows, and no cgroup carries it alone");
  if (growth.age_s < act.cgroup_warmup_s) doubts.push(`the cgroup is ${growth.age_s.toFixed(0)} s old`);
  if (growth.exec_age_s !== null && growth.exec_age_s < act.exec_grace_s && !aged_thread) {
    doubts.push(`a program was started in it ${growth.exec_age_s.toFixed(0)} s ago`);
  }
  const process_age_s = leader?.process_age_s ?? Number.POSITIVE_INFINITY;
  if (leader !== undefined && leader.share >= hold.thread_share && process_age_s < act.cgroup_warmup_s) {
    doubts.push(`the process that grows (${leader.pid}) is ${process_age_s.toFixed(0)} s old`);
  }
  if (growth.slope_tail_bytes_per_s === null) doubts.push("its own growth is not known yet");
  if (growth.falling) doubts.push("the growth is already falling");

  const sustained = growth.sustained_s >= act.sustained_s;
  const lasted = `${slope} for ${(growth.sustained_s * 1000).toFixed(0)} ms`;
  if (doubts.length === 0) {
    const tail = `own tail ${mib(growth.slope_tail_bytes_per_s ?? 0)}/s`;
    return {
      strength: "strong",
      act: sustained && ttf < act.ttf_horizon_s,
      because: [`grows ${lasted} (${tail})`, `TTF ${ttf.toFixed(1)} s against a horizon of ${act.ttf_horizon_s} s`],
    };
  }
  const found_bytes = growth.ttf.headroom_bytes + growth.gained_bytes;
  const consumed = found_bytes > 0 ? growth.gained_bytes / found_bytes : 1;
  return {
    strength: "weak",
    act: sustained && ttf < act.reaction_reserve_s && consumed >= act.necessity_headroom,
    because: [
      ...doubts,
      `grows ${lasted}`,
      `TTF ${ttf.toFixed(1)} s against a reserve of ${act.reaction_reserve_s} s, ${(consumed * 100).toFixed(0)} % of the headroom consumed`,
    ],
  };
}
