import type { GrowthAssessment, TimeToFailure } from "../model/assessment.ts";
import type { CgroupSample, Sample } from "../model/sample.ts";
import type { Writable } from "../model/writable.ts";
import { BLOCK_S } from "./block_tail.ts";
import { without_explained_ancestors } from "./explained.ts";
import { type Crowding, Followed } from "./followed.ts";
import { GrowthEntry, type LearnedGrowth, SLOW_FLOOR_BYTES_PER_S } from "./growth_entry.ts";

/** Inode of the root of the cgroup v2 tree, which stands for the node. */
export const NODE_ID = 1;
/** What finds no place, and what is cut, is counted (`crowding`, `cut`). */
const MOST_CGROUPS = 1024;
const MOST_REPORTED = 8;
/** Growth within its own tail is still reported when it would use up the memory within this time. */
const REPORTED_TTF_S = 60;
const NOTHING_GROWS: readonly GrowthAssessment[] = Object.freeze([]);

/** Memory growth of every cgroup and of the node, each judged against its own history. */
export class GrowthTracker {
  readonly #entries = new Followed<GrowthEntry>(MOST_CGROUPS, (entry) => entry.series.last_ns, grows);
  /** Growths beyond the bound of what is reported, at the latest assessment. */
  cut = 0;
  readonly #node: GrowthEntry;
  readonly #half_life_s: number;
  readonly #learned: Map<number, LearnedGrowth>;
  #previous_beat_ns = Number.NEGATIVE_INFINITY;
  /** The latest look at the cgroups, and the one before it: until that one an unchanged figure is known to have lasted. */
  #looked_ns = Number.NEGATIVE_INFINITY;
  #looked_before_ns = Number.NEGATIVE_INFINITY;
  #most_total_bytes = 0;
  #calm_blocks = 0;
  #dirty = false;

  /** @param learned tails of an earlier run; taken up when a cgroup of that id and path is seen again. */
  constructor(half_life_s: number, learned: readonly LearnedGrowth[] = []) {
    this.#half_life_s = half_life_s;
    this.#learned = new Map(learned.slice(0, MOST_CGROUPS + 1).map((entry) => [entry.id, entry]));
    this.#node = new GrowthEntry(NODE_ID, "/", half_life_s, this.#take_learned(NODE_ID, "/"));
  }

  get size(): number {
    return this.#entries.size;
  }

  /** Cgroups that gave their place to others, ever, and that found none at the latest look. */
  get crowding(): Crowding {
    return { replaced: this.#entries.replaced, refused: this.#entries.refused_at(this.#looked_ns) };
  }

  slope_of(id: number): number {
    return this.#entries.get(id)?.slope_bytes_per_s ?? 0;
  }

  update(sample: Sample): void {
    const { total_bytes, available_bytes } = sample.node_memory;
    for (const id of sample.gone) this.#entries.delete(id);
    // A balloon takes the memory out of the total: what is no longer available is used, whatever for.
    this.#most_total_bytes = Math.max(this.#most_total_bytes, total_bytes);
    this.#node.series.push(sample.t_ns, this.#most_total_bytes - available_bytes, this.#previous_beat_ns);
    this.#node.tick(sample.t_ns, available_bytes, Number.POSITIVE_INFINITY);
    const node = this.#node.present_bytes_per_s;
    if (sample.cgroups_at_ns !== this.#looked_ns) {
      this.#looked_before_ns = this.#looked_ns;
      this.#looked_ns = sample.cgroups_at_ns;
    }
    for (const cgroup of sample.cgroups) {
      if (cgroup.memory_bytes === null || cgroup.id === NODE_ID) continue;
      this.#entry_of(cgroup)?.take(cgroup, cgroup.memory_bytes, this.#looked_before_ns);
    }
    for (const entry of this.#entries.all) entry.tick(sample.t_ns, available_bytes, node);
    this.#previous_beat_ns = sample.t_ns;
    this.#dirty = true;
  }

  /** Follow the calm clock: learn the finished block or drop it. */
  learn(step: "close" | "discard" | "wait"): void {
    if (step === "wait" || (step === "discard" && !this.#dirty)) return;
    if (step === "close") this.#calm_blocks += 1;
    for (const entry of this.#entries.all) follow(entry, step);
    follow(this.#node, step);
    this.#dirty = false;
  }

  node_ttf_into(out: Writable<TimeToFailure>, available_bytes: number): void {
    this.#node.ttf_into(out, available_bytes, this.#node.slope_bytes_per_s);
  }

  /** Cgroups beyond their tail or near exhaustion, worst time to failure first, narrowest first where they tie. */
  assess(sample: Sample): readonly GrowthAssessment[] {
    const available = sample.node_memory.available_bytes;
    let found: GrowthAssessment[] | null = null;
    const node = this.#node.present_bytes_per_s;
    for (const entry of this.#entries.all) {
      if (!reported(entry, available, node)) continue;
      found ??= [];
      found.push(entry.assessment(sample.t_ns, available, node));
    }
    const own_node = this.#node.slope_bytes_per_s;
    if (reported(this.#node, available, own_node)) {
      found ??= [];
      found.push(this.#node.assessment(sample.t_ns, available, own_node));
    }
    this.cut = 0;
    if (found === null) return NOTHING_GROWS;
    const own = without_explained_ancestors(found, (growth) => growth.slope_bytes_per_s);
    own.sort((a, b) => urgency_s(a) - urgency_s(b) || b.path.length - a.path.length || a.cgroup_id - b.cgroup_id);
    this.cut = Math.max(0, own.length - MOST_REPORTED);
    return own.slice(0, MOST_REPORTED);
  }

  /** Tails of the node, of every cgroup followed, and of those of an earlier run not seen again yet; bounded. */
  snapshot(): LearnedGrowth[] {
    const followed = [this.#node, ...this.#entries.all].map((entry) => ({
      id: entry.id,
      path: entry.path,
      fast: entry.fast_tail.snapshot(),
      slow: entry.slow_tail.snapshot(),
    }));
    return [...followed, ...this.#learned.values()].slice(0, MOST_CGROUPS + 1);
  }

  /** Null where there is no place for another one. */
  #entry_of(cgroup: CgroupSample): GrowthEntry | null {
    const known = this.#entries.get(cgroup.id);
    if (known !== undefined) return known;
    if (!this.#entries.has_place(this.#looked_ns, this.#looked_before_ns)) return null;
    const learned = this.#take_learned(cgroup.id, cgroup.path);
    const entry = new GrowthEntry(cgroup.id, cgroup.path, this.#half_life_s, learned);
    // Older than all calm blocks yet never reported: it has not changed, and that is knowledge too.
    if (learned === undefined && cgroup.age_s > this.#calm_blocks * BLOCK_S) {
      entry.fast_tail.credit_silence(this.#calm_blocks);
      entry.slow_tail.credit_silence(this.#calm_blocks);
    }
    this.#entries.add(entry, this.#looked_ns);
    return entry;
  }

  #take_learned(id: number, path: string): LearnedGrowth | undefined {
    const learned = this.#learned.get(id);
    this.#learned.delete(id);
    return learned?.path === path ? learned : undefined;
  }
}

/** Beyond its own tail, or fast enough to be news in any cgroup. */
function grows(entry: GrowthEntry): boolean {
  return entry.sustained_s > 0 || entry.slope_bytes_per_s >= SLOW_FLOOR_BYTES_PER_S;
}

/** A slow leak is calm for a while: it must not widen its own tail before anybody has noticed. A burst that ends may. */
function follow(entry: GrowthEntry, step: "close" | "discard"): void {
  const done = step === "close" && entry.is_beyond_own_tail ? "hold" : step;
  entry.fast_tail[done]();
  entry.slow_tail[done]();
}

function reported(entry: GrowthEntry, available_bytes: number, node_bytes_per_s: number): boolean {
  if (entry.sustained_s > 0) return true;
  if (entry.slope_bytes_per_s < SLOW_FLOOR_BYTES_PER_S) return false;
  const { ttf_s } = entry.ttf(available_bytes, node_bytes_per_s);
  return ttf_s !== null && ttf_s < REPORTED_TTF_S;
}

function urgency_s(growth: GrowthAssessment): number {
  return growth.ttf.ttf_s ?? Number.MAX_VALUE;
}
