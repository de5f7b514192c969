import type { LoadSecond, SliceSample } from "./records.ts";

/** As lab/workloads/loadgen.c counts: a bucket is 2.2 % wide. */
export const BUCKETS_PER_OCTAVE = 32;
/** Every window of this length must be flat for a memory to count as stable. */
export const STABLE_WINDOW_MS = 5000;
/** Flat: slower than this share of the leak. */
export const STABLE_SHARE = 0.05;

/** Microseconds at which the p-quantile of the merged histograms ends; null without a single answer. */
export function quantile_us(seconds: readonly LoadSecond[], p: number): number | null {
  const merged = new Map<number, number>();
  let total = 0;
  for (const s of seconds) {
    for (const [bucket, count] of s.histogram) {
      merged.set(bucket, (merged.get(bucket) ?? 0) + count);
      total += count;
    }
  }
  let seen = 0;
  for (const bucket of [...merged.keys()].sort((a, b) => a - b)) {
    seen += merged.get(bucket)!;
    if (seen >= p * total) return 2 ** ((bucket + 1) / BUCKETS_PER_OCTAVE);
  }
  return null;
}

/** Answered requests per second of [from, to); null when no whole second lies inside. */
export function acked_per_s(seconds: readonly LoadSecond[], from_ms: number, to_ms: number): number | null {
  const inside = within(seconds, from_ms, to_ms);
  return inside.length === 0 ? null : sum(inside, (s) => s.acked) / inside.length;
}

/** The seconds that lie wholly in [from, to). */
export function within(seconds: readonly LoadSecond[], from_ms: number, to_ms: number): LoadSecond[] {
  return seconds.filter((s) => s.t_ms >= from_ms && s.t_ms + 1000 <= to_ms);
}

export function sum<T>(items: readonly T[], value: (item: T) => number): number {
  return items.reduce((total, item) => total + value(item), 0);
}

/**
 * The first moment at or after `from_ms` from which every window of 5 s grows by less than 5 % of the leak; null when there
 * is none, or when the tail is shorter than a window. Samples in time order, of one slice.
 */
export function stable_from_ms(
  samples: readonly SliceSample[],
  from_ms: number,
  leak_bytes_per_s: number,
): number | null {
  const after = samples.filter((s) => s.t_ms >= from_ms);
  const bound = STABLE_SHARE * leak_bytes_per_s;
  let stable: number | null = null;
  let end = after.length - 1;
  for (let begin = after.length - 1; begin >= 0; begin--) {
    const first = after[begin]!;
    while (end > begin && after[end - 1]!.t_ms - first.t_ms >= STABLE_WINDOW_MS) end--;
    const last = after[end]!;
    const length_ms = last.t_ms - first.t_ms;
    if (length_ms < STABLE_WINDOW_MS) continue;
    if ((last.memory_bytes - first.memory_bytes) / (length_ms / 1000) >= bound) return stable;
    stable = first.t_ms;
  }
  return stable;
}

/** Share of the time since `from_ms` in which every task of the slice waited for memory. */
export function full_stall_share(samples: readonly SliceSample[], from_ms: number): number | null {
  const after = samples.filter((s) => s.t_ms >= from_ms);
  const first = after[0];
  const last = after.at(-1);
  if (!first || !last || last.t_ms <= first.t_ms) return null;
  return (last.psi_full_us - first.psi_full_us) / 1000 / (last.t_ms - first.t_ms);
}

/** Mean growth from the first sample at or after `from_ms` to the last one. */
export function growth_mb_s(samples: readonly SliceSample[], from_ms: number): number | null {
  const first = samples.find((s) => s.t_ms >= from_ms);
  const last = samples.at(-1);
  if (!first || !last || last.t_ms <= first.t_ms) return null;
  return (last.memory_bytes - first.memory_bytes) / 1024 ** 2 / ((last.t_ms - first.t_ms) / 1000);
}
