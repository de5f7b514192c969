import type { CgroupChange } from "../model/assessment.ts";
import type { Resource } from "../model/dimension.ts";
import type { CgroupSample, Maybe, Sample } from "../model/sample.ts";
import { without_explained_ancestors } from "./explained.ts";
import { type Crowding, Followed } from "./followed.ts";
import { RateBaseline } from "./rate_baseline.ts";

/** What cgroups are ranked by: cores, bytes/s of memory growth, bytes/s of I/O. */
type RankedResource = "cpu" | "memory" | "io";

const MOST_CGROUPS = 1024;
const MOST_REPORTED = 8;
/** Rates are taken over at least this time, so that they mean the same at 10 and at 100 Hz. */
const SPAN_NS = 95e6;
/** Without a reading for this long the counters stand still. */
const SILENCE_NS = 300e6;
/** A change below one own standard deviation is no change. */
const SMALLEST_CHANGE = 1;
const NOTHING_CHANGED: readonly CgroupChange[] = Object.freeze([]);
/** Smallest believed standard deviation: cores, bytes/s, bytes/s. */
const FLOOR: Readonly<Record<RankedResource, number>> = { cpu: 0.05, memory: 1024 * 1024, io: 1024 * 1024 };

class Entry {
  readonly id: number;
  path: string;
  /** Reading the rates were last taken from, and the latest one of all. */
  last_ns = Number.NEGATIVE_INFINITY;
  seen_ns = Number.NEGATIVE_INFINITY;
  cpu_ns: Maybe<number> = null;
  io_bytes: Maybe<number> = null;
  readonly cpu: RateBaseline;
  readonly memory: RateBaseline;
  readonly io: RateBaseline;

  constructor(id: number, path: string, half_life_s: number) {
    this.id = id;
    this.path = path;
    this.cpu = new RateBaseline(half_life_s, FLOOR.cpu);
    this.memory = new RateBaseline(half_life_s, FLOOR.memory);
    this.io = new RateBaseline(half_life_s, FLOOR.io);
  }
}

/** Ranks cgroups by their own change in a resource, against their own history and never by size. */
export class ChangeTracker {
  readonly #entries = new Followed<Entry>(MOST_CGROUPS, (entry) => entry.seen_ns, changes);
  /** Changes beyond the bound of what is reported, at the latest ranking. */
  cut = 0;
  readonly #half_life_s: number;
  #previous_ns: number | null = null;
  /** The latest look at the cgroups, and the one before it. */
  #looked_ns = Number.NEGATIVE_INFINITY;
  #looked_before_ns = Number.NEGATIVE_INFINITY;
  #dirty = false;

  constructor(half_life_s: number) {
    this.#half_life_s = half_life_s;
  }

  /** Cgroups that gave their place to others, ever, and that found none at the latest look. */
  get crowding(): Crowding {
    return { replaced: this.#entries.replaced, refused: this.#entries.refused_at(this.#looked_ns) };
  }

  /** @param slope_of memory slope of a cgroup by id, bytes/s */
  update(sample: Sample, slope_of: (id: number) => number): void {
    for (const id of sample.gone) this.#entries.delete(id);
    if (sample.cgroups_at_ns !== this.#looked_ns) {
      this.#looked_before_ns = this.#looked_ns;
      this.#looked_ns = sample.cgroups_at_ns;
    }
    for (const cgroup of sample.cgroups) this.#take(cgroup);
    const dt_s = this.#previous_ns === null ? 0 : Math.max(0, (sample.t_ns - this.#previous_ns) / 1e9);
    for (const entry of this.#entries.all) {
      entry.memory.rate = slope_of(entry.id);
      if (sample.t_ns - entry.seen_ns > SILENCE_NS) {
        entry.cpu.rate = 0;
        entry.io.rate = 0;
      }
      entry.cpu.observe(dt_s);
      entry.memory.observe(dt_s);
      entry.io.observe(dt_s);
    }
    this.#previous_ns = sample.t_ns;
    this.#dirty = true;
  }

  learn(step: "close" | "discard" | "wait"): void {
    if (step === "wait" || (step === "discard" && !this.#dirty)) return;
    for (const entry of this.#entries.all) {
      entry.cpu[step]();
      entry.memory[step]();
      entry.io[step]();
    }
    this.#dirty = false;
  }

  /** The cgroups with the largest own change, in their own standard deviations, largest first. */
  rank(by: Resource): readonly CgroupChange[] {
    const resource = ranked_resource(by);
    let found: CgroupChange[] | null = null;
    for (const entry of this.#entries.all) {
      const { rate, mean, change } = entry[resource];
      if (change < SMALLEST_CHANGE) continue;
      found ??= [];
      found.push({ cgroup_id: entry.id, path: entry.path, rate, baseline_rate: mean, change });
    }
    this.cut = 0;
    if (found === null) return NOTHING_CHANGED;
    // Memory is charged to every ancestor; CPU time and I/O are counted where the tasks are.
    const own = resource === "memory" ? without_explained_ancestors(found, (c) => c.rate - c.baseline_rate) : found;
    own.sort((a, b) => b.change - a.change || a.cgroup_id - b.cgroup_id);
    this.cut = Math.max(0, own.length - MOST_REPORTED);
    return own.slice(0, MOST_REPORTED);
  }

  #take(cgroup: CgroupSample): void {
    let entry = this.#entries.get(cgroup.id);
    if (entry === undefined) {
      if (!this.#entries.has_place(this.#looked_ns, this.#looked_before_ns)) return;
      entry = new Entry(cgroup.id, cgroup.path, this.#half_life_s);
      this.#entries.add(entry, this.#looked_ns);
    }
    entry.path = cgroup.path;
    const silent = entry.seen_ns < this.#looked_before_ns;
    entry.seen_ns = cgroup.t_ns;
    const span_ns = cgroup.t_ns - entry.last_ns;
    if (span_ns < SPAN_NS) return;
    // After a silence the counters have moved since the look before only, not since the last reading.
    const moved_ns = silent ? Math.min(span_ns, Math.max(SPAN_NS, cgroup.t_ns - this.#looked_before_ns)) : span_ns;
    if (Number.isFinite(moved_ns)) {
      if (cgroup.cpu_ns !== null && entry.cpu_ns !== null) {
        entry.cpu.rate = Math.max(0, cgroup.cpu_ns - entry.cpu_ns) / moved_ns;
      }
      if (cgroup.io_bytes !== null && entry.io_bytes !== null) {
        entry.io.rate = (Math.max(0, cgroup.io_bytes - entry.io_bytes) / moved_ns) * 1e9;
      }
    }
    entry.cpu_ns = cgroup.cpu_ns;
    entry.io_bytes = cgroup.io_bytes;
    entry.last_ns = cgroup.t_ns;
  }
}

function changes({ cpu, memory, io }: Entry): boolean {
  return Math.max(cpu.change, memory.change, io.change) >= SMALLEST_CHANGE;
}

/** Network and process trouble is ranked by who runs: neither is counted per cgroup. */
function ranked_resource(resource: Resource): RankedResource {
  return resource === "memory" || resource === "io" ? resource : "cpu";
}
