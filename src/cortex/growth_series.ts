/** Points kept: 350 ms at 100 Hz with room for jitter. */
const CAPACITY = 48;
/** Half a beat beside the 10 Hz grid, so that jitter moves no point from one window to the other. */
const RECENT_S = 0.15;
const PREVIOUS_S = 0.35;
const SLOW_INCREMENTS = 3;
/** Over this time the fast slope must have lasted, half a beat beside the 10 Hz grid again. */
export const PERSISTENCE_S = 0.35;
const FEWEST_SLOPES = 3;

/**
 * Growth of one memory figure, robust against requests that allocate and free.
 *
 * Fast slope: lowest value of the last 150 ms against the lowest of the 200 ms before. A leak lifts the lower envelope,
 * a saw-tooth does not: between two requests the memory is back where it was. It is exact on a ramp and complete 350 ms
 * after its onset. Of several requests at once the envelope still wobbles, but not upward for 350 ms in a row: the
 * persistent slope is the smallest fast slope of that time, and only it is judged. Slow slope: the smallest of the last three rises of the minima of whole seconds, which sees 2 MB/s
 * through the noise and gives a single step no slope at all. No new value means no change.
 */
export class GrowthSeries {
  readonly #time_ns = new Float64Array(CAPACITY);
  readonly #bytes = new Float64Array(CAPACITY);
  #newest = -1;
  #filled = 0;
  readonly #slope_ns = new Float64Array(CAPACITY).fill(Number.NEGATIVE_INFINITY);
  readonly #slope = new Float64Array(CAPACITY);
  #newest_slope = 0;
  #persistent = 0;
  #mean = 0;
  #second = Number.NaN;
  #second_minimum = 0;
  /** Minima of the last complete seconds, newest first. */
  readonly #minima = new Float64Array(SLOW_INCREMENTS + 1);
  #minima_known = 0;
  #slow = 0;

  get last_bytes(): number {
    return this.#filled > 0 ? this.#bytes[this.#newest]! : 0;
  }

  get last_ns(): number {
    return this.#filled > 0 ? this.#time_ns[this.#newest]! : Number.NEGATIVE_INFINITY;
  }

  /** Smallest fast slope of the last 350 ms, bytes/s. */
  get persistent_bytes_per_s(): number {
    return this.#persistent;
  }

  /** Mean fast slope of the last 350 ms, bytes/s: the figure to show and to forecast with. */
  get mean_bytes_per_s(): number {
    return this.#mean;
  }

  /** Bytes/s over whole seconds; 0 until four of them are known. */
  get slow_bytes_per_s(): number {
    return this.#slow;
  }

  /** A new value at `t_ns`; `previous_beat_ns` is the beat until which the value before it is known to have lasted. */
  push(t_ns: number, bytes: number, previous_beat_ns: number): void {
    if (t_ns <= this.last_ns) return;
    if (this.#filled > 0 && this.last_ns < previous_beat_ns && previous_beat_ns < t_ns) {
      this.#append(previous_beat_ns, this.last_bytes);
    }
    this.#append(t_ns, bytes);
  }

  /** Once a beat, whether or not there was a new value. */
  tick(t_ns: number): void {
    this.#tick_fast(t_ns);
    this.#tick_slow(t_ns);
  }

  #tick_fast(t_ns: number): void {
    this.#newest_slope = (this.#newest_slope + 1) % CAPACITY;
    this.#slope_ns[this.#newest_slope] = t_ns;
    this.#slope[this.#newest_slope] = this.fast_bytes_per_s(t_ns);
    let least = Number.POSITIVE_INFINITY;
    let sum = 0;
    let used = 0;
    for (; used < CAPACITY; used++) {
      const k = (this.#newest_slope - used + CAPACITY) % CAPACITY;
      if ((t_ns - this.#slope_ns[k]!) / 1e9 >= PERSISTENCE_S) break;
      least = Math.min(least, this.#slope[k]!);
      sum += this.#slope[k]!;
    }
    // After lost beats one slope alone says nothing about how long it lasted.
    this.#persistent = used >= FEWEST_SLOPES ? least : 0;
    this.#mean = sum / used;
  }

  #tick_slow(t_ns: number): void {
    const second = Math.floor(t_ns / 1e9);
    const bytes = this.last_bytes;
    if (second === this.#second) {
      if (bytes < this.#second_minimum) this.#second_minimum = bytes;
      return;
    }
    if (!Number.isNaN(this.#second)) {
      this.#minima.copyWithin(1, 0);
      this.#minima[0] = this.#second_minimum;
      this.#minima_known = Math.min(this.#minima.length, this.#minima_known + 1);
      let least = Number.POSITIVE_INFINITY;
      for (let k = 0; k + 1 < this.#minima_known; k++) least = Math.min(least, this.#minima[k]! - this.#minima[k + 1]!);
      // Seconds without a beat stretch the rise over the time they lasted.
      this.#slow = this.#minima_known > SLOW_INCREMENTS ? least / Math.max(1, second - this.#second) : 0;
    }
    this.#second = second;
    this.#second_minimum = bytes;
  }

  /** Bytes/s of the lower envelope at `t_ns`; 0 until 350 ms are known. */
  fast_bytes_per_s(t_ns: number): number {
    let recent = this.last_bytes;
    let recent_ns = t_ns;
    let previous = Number.POSITIVE_INFINITY;
    let previous_ns = t_ns;
    for (let back = 0; back < this.#filled; back++) {
      const k = (this.#newest - back + CAPACITY) % CAPACITY;
      const time_ns = this.#time_ns[k]!;
      const bytes = this.#bytes[k]!;
      const age_s = (t_ns - time_ns) / 1e9;
      if (age_s < RECENT_S) {
        recent = Math.min(recent, bytes);
        recent_ns = time_ns;
        continue;
      }
      if (age_s >= PREVIOUS_S && previous !== Number.POSITIVE_INFINITY) break;
      previous = Math.min(previous, bytes);
      previous_ns = Math.max(time_ns, t_ns - PREVIOUS_S * 1e9);
      if (age_s >= PREVIOUS_S) break;
    }
    if (previous === Number.POSITIVE_INFINITY || recent_ns <= previous_ns) return 0;
    return (recent - previous) / ((recent_ns - previous_ns) / 1e9);
  }

  #append(t_ns: number, bytes: number): void {
    this.#newest = (this.#newest + 1) % CAPACITY;
    this.#time_ns[this.#newest] = t_ns;
    this.#bytes[this.#newest] = bytes;
    this.#filled = Math.min(CAPACITY, this.#filled + 1);
  }
}
