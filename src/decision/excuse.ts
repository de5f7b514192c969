import type { GrowthAssessment } from "../model/assessment.ts";
import type { Excuse } from "../model/decision.ts";
import type { Maybe } from "../model/sample.ts";
import type { GrowthBounds, GrowthKinds, ThreadSearch } from "../model/search.ts";
import type { ActConfig } from "./config.ts";
import type { KnownRuntime } from "./state.ts";

/** What is known of a growth beside its figures. */
export interface Known {
  /** Of the same cgroup; null while its threads are not searched. */
  readonly search: Maybe<ThreadSearch>;
  readonly runtime: KnownRuntime | undefined;
  readonly act: ActConfig;
}

/** Page cache grows by what is read or written, and by hardly a fault; a compressing file system reads less than it keeps. */
const CACHE_IO_PART = 0.25;
const CACHE_FAULT_PART = 0.3;
/** Where the kernel says what grows: this part of it must be of the kind. */
const KIND_PART = 0.7;
/** The process that is bounded must carry this part of the growth. */
const PROCESS_PART = 0.5;
/** Pages copied after a fork, as part of the growth, once that was watched for a second. */
const COPIED_PART = 0.3;
/** What was mapped since, as part of what was touched: more is a growth of the mapping. */
const NEWLY_MAPPED_PART = 0.1;
const WATCHED_S = 0.9;

/** Everything that excuses a growth of memory, the surest first. */
const EXCUSES: readonly ((growth: GrowthAssessment, known: Known) => Maybe<Excuse>)[] = [
  runtime_limit,
  page_cache,
  forked_pages,
  tmpfs_size,
  mapped_before,
];

/** Why the growth ends by itself before anything runs out, or takes nothing that is missed; null where nothing says so. */
export function excuse_of(growth: GrowthAssessment, known: Known): Maybe<Excuse> {
  for (const excuse of EXCUSES) {
    const found = excuse(growth, known);
    if (found !== null) return found;
  }
  return null;
}

/**
 * The bound a managed runtime keeps by itself, or the memory of a hypervisor's guest, with room for what lives outside of it: below the limit, the
 * growth ends before the cgroup does, and any hold would only stop its collector at a safepoint, or a processor of the guest (SPEC §7.2).
 */
function runtime_limit(growth: GrowthAssessment, { runtime: known }: Known): Maybe<Excuse> {
  if (known === undefined || known.heap_limit_bytes === null) return null;
  const bound_bytes = known.heap_limit_bytes * 1.05 + 64 * 1048576;
  const ends_first =
    growth.memory_bytes < bound_bytes && bound_bytes <= growth.memory_bytes + growth.ttf.headroom_bytes;
  return ends_first ? { code: "runtime_limit", runtime: known.runtime, bound_bytes } : null;
}

/**
 * What the kernel takes back where it is needed: files of a disk, names and inodes. Where memory.stat does not tell, growth that its threads read
 * or write but do not fault in.
 */
function page_cache({ slope_bytes_per_s: slope }: GrowthAssessment, { search }: Known): Maybe<Excuse> {
  if (search === null) return null;
  const told = search.kinds === undefined ? null : told_cache(search.kinds, slope);
  if (told !== null) return told.is_cache ? { code: "page_cache", slope_bytes_per_s: slope, ...told.figures } : null;
  let faulted = 0;
  let moved = 0;
  for (const thread of search.threads) {
    faulted += thread.fault_bytes_per_s;
    moved += thread.io_bytes_per_s;
  }
  if (moved < CACHE_IO_PART * slope || faulted > CACHE_FAULT_PART * slope) return null;
  return { code: "page_cache", slope_bytes_per_s: slope, cache_bytes_per_s: Math.max(0, slope - faulted) };
}

/** What memory.stat says; null where it says nothing of this growth yet: the kernel sums it over all processors in its own time. */
function told_cache(kinds: GrowthKinds, slope: number) {
  const { anon_bytes_per_s, shmem_bytes_per_s, kernel_bytes_per_s, cache_bytes_per_s } = kinds;
  const all = [anon_bytes_per_s, shmem_bytes_per_s, kernel_bytes_per_s, cache_bytes_per_s];
  const grown = all.reduce((sum, one) => sum + Math.max(0, one), 0);
  if (grown < 0.5 * slope) return null;
  return { is_cache: cache_bytes_per_s >= KIND_PART * grown, figures: { cache_bytes_per_s } };
}

/** Every write to a page that a fork still shares copies it, once. */
function forked_pages(growth: GrowthAssessment, { search, act }: Known): Maybe<Excuse> {
  const bounds = bounds_of(search);
  if (bounds === null || bounds.shared_bytes === null) return null;
  const { copied_bytes, looked_s, shared_bytes, pid } = bounds;
  const watched = looked_s >= WATCHED_S && copied_bytes !== null;
  if (watched && copied_bytes < COPIED_PART * growth.slope_bytes_per_s * looked_s) return null;
  // What was copied is not known yet, or never is (of a large process): it is no more than there is to copy.
  if (!watched && (growth.gained_bytes ?? 0) >= shared_bytes) return null;
  if (!fits(shared_bytes, growth, act)) return null;
  return { code: "forked_pages", pid, shared_bytes, headroom_bytes: growth.ttf.headroom_bytes };
}

/** A file system in memory has a size of its own. */
function tmpfs_size(growth: GrowthAssessment, { search, act }: Known): Maybe<Excuse> {
  const kinds = search?.kinds;
  const free_bytes = search?.bounds?.tmpfs_free_bytes ?? null;
  if (kinds === undefined || free_bytes === null) return null;
  if (kinds.shmem_bytes_per_s < KIND_PART * growth.slope_bytes_per_s || !fits(free_bytes, growth, act)) return null;
  return { code: "tmpfs_size", free_bytes, headroom_bytes: growth.ttf.headroom_bytes };
}

/** Buffers that were made beforehand fill once: a leak maps more. */
function mapped_before(growth: GrowthAssessment, { search, act }: Known): Maybe<Excuse> {
  const bounds = bounds_of(search);
  if (bounds === null || bounds.untouched_bytes === null || bounds.looked_s < WATCHED_S) return null;
  const { untouched_bytes, touched_bytes, mapped_bytes, looked_s, pid } = bounds;
  const is_it = touched_bytes >= 0.5 * growth.slope_bytes_per_s * looked_s;
  if (!is_it || mapped_bytes > NEWLY_MAPPED_PART * touched_bytes || !fits(untouched_bytes, growth, act)) return null;
  return { code: "mapped_before", pid, untouched_bytes, headroom_bytes: growth.ttf.headroom_bytes };
}

/** What is known of the leading process, where it carries the growth. */
function bounds_of(search: Maybe<ThreadSearch>): Maybe<GrowthBounds> {
  const bounds = search?.bounds;
  if (search === null || bounds === undefined) return null;
  let share = 0;
  for (const thread of search.threads) if (thread.pid === bounds.pid) share += thread.share;
  return share >= PROCESS_PART ? bounds : null;
}

/** If it should go on after all, enough is left to act. */
function fits(bytes: number, { ttf, slope_bytes_per_s }: GrowthAssessment, { reaction_reserve_s }: ActConfig): boolean {
  return bytes + slope_bytes_per_s * reaction_reserve_s <= ttf.headroom_bytes;
}
