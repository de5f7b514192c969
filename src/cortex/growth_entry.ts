import type { GrowthAssessment, TimeToFailure } from "../model/assessment.ts";
import type { CgroupSample, Maybe } from "../model/sample.ts";
import type { Writable } from "../model/writable.ts";
import { BLOCK_S, BlockTail, type BlockTailState } from "./block_tail.ts";
import { GrowthSeries, PERSISTENCE_S } from "./growth_series.ts";
import { RecentPeaks } from "./recent_peaks.ts";

/** No growth below this is news, however quiet the cgroup has been. */
export const FAST_FLOOR_BYTES_PER_S = 1024 * 1024;
export const SLOW_FLOOR_BYTES_PER_S = 512 * 1024;
/** A dip this short does not end an episode: one request that frees is not the end of a leak. */
const DIP_S = 0.2;
/** The estimate itself rises for this long after an onset; until then its rise is no acceleration. */
const SETTLING_S = 0.35;
const REFERENCE_S = 0.2;
/** A tail that was learned from a burst hides no growth that uses up what is left in so long. */
const NECESSITY_S = 5;
/** A change of slope below this part of the slope is noise, not acceleration. */
const ACCELERATION_PART = 0.25;

/** The fields in the order they are recorded in; every one is written over. */
export function blank_ttf(): TimeToFailure {
  return {
    resource: "node_memory",
    cgroup_id: null,
    headroom_bytes: 0,
    slope_bytes_per_s: 0,
    acceleration_bytes_per_s2: 0,
    ttf_s: null,
    ttf_accelerated_s: null,
  };
}

/** Growth tails of one cgroup as plain JSON, bytes/s; taken up again by id and path. */
export interface LearnedGrowth {
  readonly id: number;
  readonly path: string;
  readonly fast: BlockTailState;
  readonly slow: BlockTailState;
}

/** What is known of the growth of one cgroup (or the node). */
export class GrowthEntry {
  readonly id: number;
  path: string;
  slope_bytes_per_s = 0;
  acceleration_bytes_per_s2 = 0;
  tail_bytes_per_s: Maybe<number> = null;
  sustained_s = 0;
  readonly series = new GrowthSeries();
  readonly fast_tail: BlockTail;
  readonly slow_tail: BlockTail;
  /**
   * For so long an earlier run has watched it. After a restart the sensor knows a cgroup only by the date of its directory, which is
   * that of the last child made or removed in it, as every hold does.
   */
  readonly #watched_before_s: number;
  #headroom_bytes: Maybe<number> = null;
  #age_s = 0;
  #exec_age_s: Maybe<number> = null;
  #age_at_ns = 0;
  #onset_ns: Maybe<number> = null;
  #onset_bytes = 0;
  #beyond_ns = 0;
  readonly #recent = new RecentPeaks();
  #older = { t_ns: 0, slope: 0 };
  #newer = { t_ns: 0, slope: 0 };

  constructor(id: number, path: string, half_life_s: number, learned?: LearnedGrowth) {
    this.id = id;
    this.path = path;
    this.fast_tail = new BlockTail(half_life_s, learned?.fast);
    this.slow_tail = new BlockTail(half_life_s, learned?.slow);
    this.#watched_before_s = this.fast_tail.count * BLOCK_S;
  }

  take(sample: CgroupSample, memory_bytes: number, previous_beat_ns: number): void {
    this.path = sample.path;
    this.#headroom_bytes = sample.memory_headroom_bytes;
    this.#age_s = sample.age_s;
    this.#exec_age_s = sample.exec_age_s;
    this.#age_at_ns = sample.t_ns;
    this.series.push(sample.t_ns, memory_bytes, previous_beat_ns);
  }

  /** A growth beyond its own known tail goes on. */
  get is_beyond_own_tail(): boolean {
    return this.#onset_ns !== null && this.tail_bytes_per_s !== null;
  }

  /**
   * Once a beat, after `take` where there was something to take.
   * @param node_bytes_per_s as in `ttf`
   */
  tick(t_ns: number, available_bytes: number, node_bytes_per_s: number): void {
    // A reading may be stamped a little after the beat it belongs to.
    const now_ns = Math.max(t_ns, this.series.last_ns);
    this.series.tick(now_ns);
    const persistent = this.series.persistent_bytes_per_s;
    const slow = this.series.slow_bytes_per_s;
    this.fast_tail.observe(persistent);
    this.slow_tail.observe(slow);
    const fast_tail = this.fast_tail.get(FAST_FLOOR_BYTES_PER_S);
    const slow_tail = this.slow_tail.get(SLOW_FLOOR_BYTES_PER_S);
    const fast_beyond = persistent > (fast_tail ?? FAST_FLOOR_BYTES_PER_S);
    const slow_beyond = slow > (slow_tail ?? SLOW_FLOOR_BYTES_PER_S);
    const near = persistent > FAST_FLOOR_BYTES_PER_S && this.#ends_soon(persistent, available_bytes, node_bytes_per_s);
    const is_fast = fast_beyond || (near && !slow_beyond);
    this.slope_bytes_per_s = is_fast ? this.series.mean_bytes_per_s : slow;
    this.tail_bytes_per_s = is_fast ? fast_tail : slow_tail;
    this.#follow(now_ns, is_fast || slow_beyond);
    this.#accelerate(now_ns, is_fast ? this.slope_bytes_per_s : 0);
  }

  /** The growth of the present moment, whether or not it is beyond the tail, bytes/s. */
  get present_bytes_per_s(): number {
    return Math.max(0, this.series.mean_bytes_per_s, this.series.slow_bytes_per_s);
  }

  /** @param node_bytes_per_s at which the node's own available memory shrinks now: what a cgroup takes as cache costs the node nothing */
  ttf(available_bytes: number, node_bytes_per_s: number): TimeToFailure {
    const ttf = blank_ttf();
    this.ttf_into(ttf, available_bytes, node_bytes_per_s);
    return ttf;
  }

  /** `ttf`, written over `out`. */
  ttf_into(out: Writable<TimeToFailure>, available_bytes: number, node_bytes_per_s: number): void {
    const own = this.#headroom_bytes;
    const limited = own !== null && own < available_bytes;
    const headroom_bytes = Math.max(0, limited ? own : available_bytes);
    const slope = limited ? this.slope_bytes_per_s : Math.min(this.slope_bytes_per_s, node_bytes_per_s);
    const acceleration = slope === this.slope_bytes_per_s ? this.acceleration_bytes_per_s2 : 0;
    out.resource = limited ? "cgroup_memory" : "node_memory";
    out.cgroup_id = limited ? this.id : null;
    out.headroom_bytes = headroom_bytes;
    out.slope_bytes_per_s = slope;
    out.acceleration_bytes_per_s2 = acceleration;
    out.ttf_s = slope > 0 ? headroom_bytes / slope : null;
    out.ttf_accelerated_s = time_to_exhaustion(headroom_bytes, slope, acceleration);
  }

  assessment(t_ns: number, available_bytes: number, node_bytes_per_s: number): GrowthAssessment {
    const since_s = Math.max(0, (t_ns - this.#age_at_ns) / 1e9);
    return {
      cgroup_id: this.id,
      path: this.path,
      memory_bytes: this.series.last_bytes,
      slope_bytes_per_s: this.slope_bytes_per_s,
      slope_tail_bytes_per_s: this.tail_bytes_per_s,
      sustained_s: this.sustained_s,
      gained_bytes: this.#onset_ns === null ? 0 : Math.max(0, this.series.last_bytes - this.#onset_bytes),
      falling: this.#onset_ns !== null && this.#recent.falls(this.slope_bytes_per_s, t_ns),
      age_s: this.#watched_before_s + this.#age_s + since_s,
      exec_age_s: this.#exec_age_s === null ? null : this.#exec_age_s + since_s,
      ttf: this.ttf(available_bytes, node_bytes_per_s),
    };
  }

  /** However fast it grew before: what would use up what is left in seconds is news. */
  #ends_soon(slope: number, available_bytes: number, node_bytes_per_s: number): boolean {
    const own = this.#headroom_bytes;
    const limited = own !== null && own < available_bytes;
    const left_bytes = limited ? own : available_bytes;
    return left_bytes < NECESSITY_S * (limited ? slope : Math.min(slope, node_bytes_per_s));
  }

  #follow(t_ns: number, beyond: boolean): void {
    if (beyond) {
      if (this.#onset_ns === null) {
        // What is judged has already lasted this long.
        this.#onset_ns = t_ns - PERSISTENCE_S * 1e9;
        this.#onset_bytes = this.series.last_bytes - PERSISTENCE_S * this.slope_bytes_per_s;
        this.#recent.clear();
      }
      this.#beyond_ns = t_ns;
      this.#recent.note(this.slope_bytes_per_s, t_ns);
    } else if (this.#onset_ns !== null && (t_ns - this.#beyond_ns) / 1e9 > DIP_S) {
      this.#onset_ns = null;
    }
    this.sustained_s = beyond && this.#onset_ns !== null ? (t_ns - this.#onset_ns) / 1e9 : 0;
  }

  #accelerate(t_ns: number, slope: number): void {
    if ((t_ns - this.#newer.t_ns) / 1e9 >= REFERENCE_S) {
      const freed = this.#older;
      this.#older = this.#newer;
      freed.t_ns = t_ns;
      freed.slope = slope;
      this.#newer = freed;
    }
    const settled = this.#onset_ns !== null && (this.#older.t_ns - this.#onset_ns) / 1e9 >= SETTLING_S;
    const change = slope - this.#older.slope;
    // A slow slope says nothing of the last half second: where there is no fast one, nothing is known to speed up or down.
    const real = settled && slope > 0 && Math.abs(change) > ACCELERATION_PART * slope;
    this.acceleration_bytes_per_s2 = real ? change / ((t_ns - this.#older.t_ns) / 1e9) : 0;
  }
}

/** Seconds until `headroom` is used up at slope v and acceleration a: h = v t + a t²/2; null when that never happens. */
export function time_to_exhaustion(headroom: number, slope: number, acceleration: number): Maybe<number> {
  if (acceleration === 0) return slope > 0 ? headroom / slope : null;
  const discriminant = slope * slope + 2 * acceleration * headroom;
  if (discriminant < 0) return null;
  // This form of the root does not cancel when the acceleration is small.
  const denominator = slope + Math.sqrt(discriminant);
  return denominator > 0 ? (2 * headroom) / denominator : null;
}
