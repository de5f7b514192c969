import type { Assessment, CgroupChange, GrowthAssessment } from "../model/assessment.ts";
import type { Culprit } from "../model/decision.ts";
import type { ThreadSearch } from "../model/search.ts";
import type { DecisionConfig } from "./config.ts";
import { LEAST_PER_S, most_of } from "./liveness.ts";
import { node_slope, PART_OF_NODE } from "./node_share.ts";
import { matches, protection } from "./protect.ts";

/** Changes closer than this (as a ratio) are a tie, and said to be one. */
const TIE = 0.8;
/** Of the largest increase among those that changed, the part that the cgroup furthest from its own past must carry. */
const PART_OF_CHANGE = 1 / 3;

/**
 * Who carries the change: the cgroup by its own change in the dominant resource, never by size; then the narrowest
 * thread inside it (SPEC §6). A growth behind a TTF witness names its cgroup directly; one of the node, the cgroup that grows most,
 * else the one whose memory changed most. Whoever changed most in something else has nothing to do with it.
 *
 * @param is_free nothing answers the growth yet, and nothing forbids to
 */
export function find_culprit(
  assessment: Assessment,
  growth: GrowthAssessment | null,
  config: DecisionConfig,
  is_free: (candidate: GrowthAssessment) => boolean,
): Culprit | null {
  const of_node = growth?.path === "/";
  const named = of_node ? most_grown(assessment, growth, is_free) : growth;
  const kernel = of_node ? taken_by_kernel(assessment, named) : null;
  if (kernel !== null) return kernel;
  if (of_node && named === null && assessment.dominant_resource !== "memory") return null;
  const fair = of_node ? PART_OF_NODE * node_slope(assessment) : least_increase(assessment.changes);
  const [first, second] = ranked(
    assessment.changes.filter((one) => increase_of(one) >= fair),
    config,
  );
  let cgroup_id: number;
  let path: string;
  let change = 0;
  let rate = 0;
  let baseline_rate = 0;
  let note = "";
  if (named !== null) {
    cgroup_id = named.cgroup_id;
    path = named.path;
    rate = named.slope_bytes_per_s;
    const own = assessment.changes.find((candidate) => candidate.cgroup_id === named.cgroup_id);
    const tail = named.slope_tail_bytes_per_s;
    change = own?.change ?? (tail !== null && tail > 0 ? named.slope_bytes_per_s / tail : 0);
    baseline_rate = own?.baseline_rate ?? 0;
  } else if (first !== undefined && first.change > 3) {
    cgroup_id = first.cgroup_id;
    path = first.path;
    change = first.change;
    rate = first.rate;
    baseline_rate = first.baseline_rate;
    if (second !== undefined && second.change > first.change * TIE) note = `tie with ${second.path}`;
  } else {
    return null;
  }
  const base = {
    cgroup_id,
    path,
    change,
    rate,
    baseline_rate,
    protected: protection(path, config.own_path, config.protect),
  };
  const search = assessment.search?.cgroup_id === cgroup_id ? assessment.search : null;
  const leader = search?.threads[0];
  if (search === null || leader === undefined) {
    return { ...base, scope: "cgroup", pid: null, tid: null, comm: null, share: null, note };
  }
  const who = { pid: leader.pid, tid: leader.tid, comm: leader.comm, share: leader.share };
  if (leader.share >= config.hold.thread_share) return { ...base, ...who, scope: "thread", note };
  const of_process = share_of_process(search, leader.pid);
  if (of_process >= config.hold.thread_share) {
    const spread = `no thread carries ${config.hold.thread_share * 100} % of it (the first carries ${(leader.share * 100).toFixed(0)} %)`;
    return {
      ...base,
      ...who,
      tid: null,
      share: of_process,
      scope: "process",
      note: note === "" ? spread : `${note}; ${spread}`,
    };
  }
  const without_faults = told_by_kinds(search);
  const notes = [note, without_faults].filter((text) => text !== "");
  return { ...base, scope: "cgroup", pid: null, tid: null, comm: null, share: null, note: notes.join("; ") };
}

/** What most of the growth is where it comes by no page fault, so that no thread can be found for it; empty where threads carry it. */
function told_by_kinds({ kinds }: ThreadSearch): string {
  if (kinds === undefined) return "";
  const { anon_bytes_per_s, shmem_bytes_per_s, kernel_bytes_per_s } = kinds;
  const told = (what: string, rate: number) =>
    `most of it is ${what} (${(rate / 1048576).toFixed(1)} MiB/s), which no thread faults in`;
  if (shmem_bytes_per_s > Math.max(anon_bytes_per_s, kernel_bytes_per_s))
    return told("files in memory", shmem_bytes_per_s);
  return kernel_bytes_per_s > Math.max(anon_bytes_per_s, 0) ? told("kernel memory", kernel_bytes_per_s) : "";
}

/**
 * The cgroup below the root that carries most of the node's growth, of those about which something can be done where there are any; null where
 * none carries enough of it beyond its own tail.
 */
function most_grown(
  { growth: all }: Assessment,
  node: GrowthAssessment,
  is_free: (candidate: GrowthAssessment) => boolean,
): GrowthAssessment | null {
  const enough = all.filter(
    (one) => one.path !== "/" && one.slope_bytes_per_s >= PART_OF_NODE * node.slope_bytes_per_s,
  );
  const free = enough.filter(is_free);
  const [most] = (free.length > 0 ? free : enough).toSorted((a, b) => b.slope_bytes_per_s - a.slope_bytes_per_s);
  return most ?? null;
}

/** The kernel's own use that takes more of what the node loses than any cgroup, and a fair part of it; null where there is none. */
function taken_by_kernel(assessment: Assessment, named: GrowthAssessment | null): Culprit | null {
  const slope = node_slope(assessment);
  const [most] = (assessment.kernel_memory?.takes ?? []).toSorted((a, b) => b.bytes_per_s - a.bytes_per_s);
  if (most === undefined || most.bytes_per_s < PART_OF_NODE * slope) return null;
  if (named !== null && named.slope_bytes_per_s >= most.bytes_per_s) return null;
  return {
    scope: "kernel",
    cgroup_id: 1,
    path: "/",
    pid: null,
    tid: null,
    comm: most.use,
    change: 0,
    rate: most.bytes_per_s,
    baseline_rate: 0,
    share: Math.min(1, most.bytes_per_s / Math.max(1, slope)),
    protected: "the kernel takes this memory itself: no cgroup carries it",
    note: "",
  };
}

function increase_of({ rate, baseline_rate }: CgroupChange): number {
  return rate - baseline_rate;
}

/** A cgroup that was always idle is far from its own past by very little: it is not to answer for what another one does. */
function least_increase(changes: readonly CgroupChange[]): number {
  return changes.reduce((most, one) => Math.max(most, PART_OF_CHANGE * increase_of(one)), 0);
}

/** The ranking of the cortex; among those that tie with its first, one the operator prefers goes to the front. */
function ranked(changes: readonly CgroupChange[], config: DecisionConfig): readonly CgroupChange[] {
  const leader = changes[0];
  if (leader === undefined || config.prefer.length === 0) return changes;
  const preferred = changes.find((one) => one.change > leader.change * TIE && matches(one.path, config.prefer));
  return preferred === undefined ? changes : [preferred, ...changes.filter((one) => one !== preferred)];
}

function share_of_process(search: ThreadSearch, pid: number): number {
  let share = 0;
  for (const thread of search.threads) if (thread.pid === pid) share += thread.share;
  return Math.min(1, share);
}

/**
 * Why the leading thread cannot be held alone, or null when it can. A hold is narrower than the service only if there
 * is a rest that works, and only where a faulting thread is also the growing one (SPEC §7.2: not in managed runtimes).
 */
export function why_not_thread(culprit: Culprit, search: ThreadSearch | null): string | null {
  if (culprit.scope !== "thread" || culprit.tid === null || search === null)
    return culprit.note || "no thread stands out";
  if (search.runtime !== null) {
    return `in a ${search.runtime} runtime the thread that faults need not be the one that grows`;
  }
  const leader = search.threads.find((thread) => thread.tid === culprit.tid);
  if (leader === undefined) return "the thread is gone";
  const { peers } = search;
  const rest = peers === undefined ? search.total_steps_per_s - leader.steps_per_s : most_of(peers);
  if (rest < LEAST_PER_S)
    return `the rest of the service does next to nothing (${rest.toFixed(1)} steps/s), so the thread is the service`;
  return null;
}
