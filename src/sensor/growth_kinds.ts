import { readFileSync } from "node:fs";
import type { Maybe } from "../model/sample.ts";
import type { GrowthKinds } from "../model/search.ts";
import { KeyedLines } from "./scan.ts";

const KEYS = [
  ...["anon", "file", "shmem", "file_mapped", "slab_reclaimable", "slab_unreclaimable"],
  ...["kernel_stack", "pagetables", "percpu", "sock", "vmalloc"],
] as const;
type Key = (typeof KEYS)[number];
const lines = new KeyedLines(KEYS);

/** memory.stat of a cgroup, bytes; a figure that this kernel does not have is 0. Null where it is no such file. */
export function parse_memory_stat(bytes: Uint8Array): Maybe<Readonly<Record<Key, number>>> {
  const values = new Float64Array(KEYS.length);
  lines.read(bytes, values);
  const figures = Object.fromEntries(KEYS.map((key, at) => [key, Number.isNaN(values[at]) ? 0 : values[at]!]));
  return Number.isNaN(values[0]) || Number.isNaN(values[1]) ? null : (figures as Record<Key, number>);
}

/** One reading of memory.stat. */
export interface MemoryStat {
  readonly t_ns: number;
  readonly figures: Readonly<Record<Key, number>>;
}

/** What grew from one reading to the next. Files of a disk are `file` less what lies in memory anyway. */
export function kinds_between(before: MemoryStat, after: MemoryStat): Maybe<GrowthKinds> {
  const window_s = (after.t_ns - before.t_ns) / 1e9;
  if (window_s <= 0) return null;
  const per_s = (...keys: readonly Key[]) =>
    keys.reduce((sum, key) => sum + after.figures[key] - before.figures[key], 0) / window_s;
  const shmem = per_s("shmem");
  return {
    window_s,
    anon_bytes_per_s: per_s("anon"),
    shmem_bytes_per_s: shmem,
    mapped_bytes_per_s: per_s("file_mapped"),
    cache_bytes_per_s: per_s("file", "slab_reclaimable") - shmem,
    kernel_bytes_per_s: per_s("slab_unreclaimable", "kernel_stack", "pagetables", "percpu", "sock", "vmalloc"),
  };
}

/** The kernel sums memory.stat over all processors: it is read no closer than this. */
const SPACING_NS = 240e6;
/** A reading so old says nothing of the present. */
const MAX_WINDOW_NS = 1e9;

/** Follows memory.stat of one cgroup while its growth is considered. */
export class KindsWatch {
  readonly #path: string;
  #base: Maybe<MemoryStat>;
  #next: Maybe<MemoryStat> = null;
  #latest: Maybe<GrowthKinds> = null;
  #read_ns: number;

  /** @param directory of the cgroup */
  constructor(directory: string, now_ns: number) {
    this.#path = `${directory}/memory.stat`;
    this.#base = this.#read(now_ns);
    this.#read_ns = now_ns;
  }

  /** What grew lately; the second reading comes as soon as it is asked for, the others are spaced. Null: it cannot be read. */
  look(now_ns: number): Maybe<GrowthKinds> {
    if (this.#base === null || (this.#latest !== null && now_ns - this.#read_ns < SPACING_NS)) return this.#latest;
    const stat = this.#read(now_ns);
    if (stat === null) return null;
    this.#read_ns = now_ns;
    this.#latest = kinds_between(this.#base, stat);
    const age_ns = now_ns - this.#base.t_ns;
    if (this.#next === null && age_ns >= MAX_WINDOW_NS / 2) this.#next = stat;
    if (this.#next !== null && age_ns >= MAX_WINDOW_NS) {
      this.#base = this.#next;
      this.#next = null;
    }
    return this.#latest;
  }

  #read(t_ns: number): Maybe<MemoryStat> {
    try {
      const figures = parse_memory_stat(readFileSync(this.#path));
      return figures === null ? null : { t_ns, figures };
    } catch {
      return null;
    }
  }
}
