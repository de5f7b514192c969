import type { KernelMemory, KernelUse } from "../model/assessment.ts";
import type { Maybe } from "../model/sample.ts";
import type { KeptFilePort, SensorPorts } from "./ports.ts";

/** Readings are no closer than this, and a window grows no longer. */
const SPACING_NS = 240e6;
const WINDOW_NS = 1e9;
/** Readings further apart say nothing of now. */
const STALE_NS = 3e9;
/** Slower growth is not news. */
const FLOOR_BYTES_PER_S = 1048576;
const KIB = 1024;
const PAGE_BYTES = 4096;

/** Lines of a file that count as one use; those a kernel does not have count as 0. */
interface Source {
  readonly path: string;
  readonly use: KernelUse;
  readonly lines: readonly { readonly name: string; readonly bytes: number }[];
}

const of_meminfo = (use: KernelUse, ...names: readonly string[]): Source => ({
  path: "/proc/meminfo",
  use,
  lines: names.map((name) => ({ name, bytes: KIB })),
});

/** A balloon either shrinks what the kernel calls its total, or keeps the pages as its own, and is counted by either or both. */
const SOURCES: readonly Source[] = [
  of_meminfo("huge pages", "Hugetlb"),
  of_meminfo("slab", "SUnreclaim"),
  of_meminfo("page tables", "PageTables", "SecPageTables"),
  of_meminfo("kernel stacks", "KernelStack"),
  of_meminfo("per-CPU memory", "Percpu"),
  of_meminfo("vmalloc", "VmallocUsed"),
  {
    path: "/proc/vmstat",
    use: "a memory balloon",
    lines: [
      { name: "balloon_inflate", bytes: PAGE_BYTES },
      { name: "balloon_deflate", bytes: -PAGE_BYTES },
    ],
  },
  { path: "/proc/spl/kstat/zfs/arcstats", use: "ZFS ARC", lines: [{ name: "size", bytes: 1 }] },
];
const TOTAL: Source = of_meminfo("a memory balloon", "MemTotal");

interface Reading {
  readonly t_ns: number;
  readonly total_bytes: number;
  readonly bytes: readonly number[];
}

/**
 * What the kernel itself takes of the node's memory, charged to no cgroup (huge pages, slab, a balloon, the cache of ZFS): read only while the node
 * grows by more than its cgroups explain.
 */
export class KernelMemorySense {
  readonly #files: ReadonlyMap<string, KeptFilePort>;
  #base: Maybe<Reading> = null;
  #next: Maybe<Reading> = null;
  #read_ns = Number.NEGATIVE_INFINITY;
  #latest: Maybe<KernelMemory> = null;

  constructor(ports: Pick<SensorPorts, "open">) {
    const files = new Map<string, KeptFilePort>();
    for (const path of new Set(SOURCES.map((source) => source.path))) {
      const file = ports.open(path);
      if (file !== null) files.set(path, file);
    }
    this.#files = files;
  }

  /** @param wanted the node grows by more than its cgroups explain. Null while it does not, and until a second reading. */
  observe(t_ns: number, wanted: boolean): Maybe<KernelMemory> {
    if (!wanted || t_ns - this.#read_ns > STALE_NS) {
      this.#base = null;
      this.#next = null;
      this.#latest = null;
      if (!wanted) return null;
    } else if (t_ns - this.#read_ns < SPACING_NS) {
      return this.#latest;
    }
    const reading = this.#read(t_ns);
    if (reading === null) return this.#latest;
    this.#read_ns = t_ns;
    this.#base ??= reading;
    if (this.#base !== reading) this.#latest = grown(this.#base, reading);
    const age_ns = t_ns - this.#base.t_ns;
    if (this.#next === null && age_ns >= WINDOW_NS / 2) this.#next = reading;
    if (this.#next !== null && age_ns >= WINDOW_NS) [this.#base, this.#next] = [this.#next, null];
    return this.#latest;
  }

  #read(t_ns: number): Maybe<Reading> {
    const texts = new Map<string, string>();
    try {
      for (const [path, file] of this.#files) texts.set(path, Buffer.from(file.read()).toString("latin1"));
    } catch {
      // The read failed: for now that is no data.
      return null;
    }
    const bytes_of = ({ path, lines }: Source) =>
      lines.reduce((sum, { name, bytes }) => sum + bytes * figure(texts.get(path) ?? "", name), 0);
    return { t_ns, total_bytes: bytes_of(TOTAL), bytes: SOURCES.map(bytes_of) };
  }
}

function grown(before: Reading, after: Reading): KernelMemory {
  const window_s = (after.t_ns - before.t_ns) / 1e9;
  const lost_bytes = Math.max(0, before.total_bytes - after.total_bytes);
  const takes = SOURCES.flatMap(({ use }, at) => {
    const more = after.bytes[at]! - before.bytes[at]!;
    const bytes_per_s = (use === "a memory balloon" ? Math.max(more, lost_bytes) : more) / window_s;
    return bytes_per_s >= FLOOR_BYTES_PER_S ? [{ use, bytes_per_s }] : [];
  });
  return { window_s, takes };
}

/** The first number of the line `name: 123 kB`, `name 123` or, in a kstat, `name 4 123`; 0 where there is none. */
function figure(text: string, name: string): number {
  const line = new RegExp(`^${name}:?\\s+(\\d+)(?: +(\\d+))?`, "m").exec(text);
  return line === null ? 0 : Number(line[2] ?? line[1]);
}
