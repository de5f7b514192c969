import type { GrowthAssessment } from "../model/assessment.ts";
import type { Excuse } from "../model/decision.ts";
import type { ThreadSearch } from "../model/search.ts";
import type { ActConfig, HoldConfig } from "./config.ts";
import { excuse_of } from "./excuse.ts";
import type { KnownRuntime } from "./state.ts";

/** With less than this left there is no time to search threads: the most urgent comes first, and the governor acts on the whole cgroup. */
export const NO_TIME_TO_SEARCH_S = 1;

/** How much is known about one growth, and whether that is enough to act on now. */
export interface Evidence {
  readonly strength: "strong" | "weak" | "none";
  /** Act now: strong and within the horizon, or weak and necessary. */
  readonly act: boolean;
  readonly because: readonly string[];
  /** Of a growth that is left alone. */
  readonly excuse?: Excuse;
}

const NONE: Evidence = { strength: "none", act: false, because: [] };
const mib = (bytes: number) => `${(bytes / 1048576).toFixed(1)} MiB`;

/** The worse of the two times to failure, in seconds; Infinity when neither resource ever runs out. */
export function ttf_s(growth: GrowthAssessment): number {
  return growth.ttf.ttf_s ?? Number.POSITIVE_INFINITY;
}

/** Not counted as a loss: the next search of that cgroup, which comes before any hold in it, finds its runtime again. */
const MAX_RUNTIMES = 16;
/** Keeps what a search found out about a runtime; a search that finds none forgets what was known of that cgroup. */
export function remember_runtime(known: readonly KnownRuntime[], search: ThreadSearch | null): readonly KnownRuntime[] {
  return search === null || search.threads.length === 0 ? known : with_runtime(known, search);
}

function with_runtime(known: readonly KnownRuntime[], search: ThreadSearch): readonly KnownRuntime[] {
  const { cgroup_id, runtime, runtime_heap_limit_bytes: heap_limit_bytes } = search;
  const others = known.filter((one) => one.cgroup_id !== cgroup_id);
  return runtime === null ? others : [{ cgroup_id, runtime, heap_limit_bytes }, ...others].slice(0, MAX_RUNTIMES);
}

/** What is said of it beside its code. */
function words(excuse: Excuse, search: ThreadSearch | null): string {
  switch (excuse.code) {
    case "runtime_limit":
      return `its ${excuse.runtime} ${is_hypervisor(excuse.runtime) ? "guest memory" : "heap limit"} ends the growth at ${mib(excuse.bound_bytes)}, before the cgroup's limit`;
    case "page_cache": {
      const threads = search?.threads ?? [];
      const [moved, faulted] = [
        threads.reduce((sum, { io_bytes_per_s }) => sum + io_bytes_per_s, 0),
        threads.reduce((sum, { fault_bytes_per_s }) => sum + fault_bytes_per_s, 0),
      ];
      return `grows ${mib(excuse.slope_bytes_per_s)}/s by I/O of ${mib(moved)}/s and faults of ${mib(faulted)}/s: page cache, which the kernel takes back`;
    }
    case "forked_pages":
      return "pages shared with a fork bound the growth";
    case "mapped_before":
      return "memory mapped beforehand bounds the growth";
    case "tmpfs_size":
      return "the size of a file system in memory bounds the growth";
    case "small_part_of_node":
      return "it carries less than a third of the node's growth";
  }
}

function is_hypervisor(runtime: string): boolean {
  return runtime === "kvm" || runtime === "virtualbox" || runtime === "vmware";
}

/** A growth that is left alone. */
export function excused(excuse: Excuse, search: ThreadSearch | null): Evidence {
  return { strength: "none", act: false, because: [words(excuse, search)], excuse };
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

  const own = search?.cgroup_id === growth.cgroup_id ? search : null;
  const runtime = runtimes.find((one) => one.cgroup_id === growth.cgroup_id);
  const excuse = excuse_of(growth, { search: own, runtime, act });
  if (excuse !== null) return excused(excuse, own);

  const doubts: string[] = [];
  const leader = own?.threads[0];
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
  const tail = growth.slope_tail_bytes_per_s;
  if (tail === null) doubts.push("its own growth is not known yet");
  else if (growth.slope_bytes_per_s < tail) doubts.push(`it has grown as fast before (own tail ${mib(tail)}/s)`);
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
