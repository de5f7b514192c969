/** Every rate is taken over at least this much, so that it means the same at 10 Hz and at 100 Hz (100 ms less jitter). */
export const WINDOW_NS = 95e6;
const SLOTS = 16;

/**
 * A sliding window over cumulative counters: a small ring of past readings, differenced against the newest one that is at
 * least `span_ns` old. Write the reading into `current`, then call `advance`.
 */
export class Window {
  readonly current: Float64Array;
  elapsed_s = 0;
  readonly #span_ns: number;
  readonly #spacing_ns: number;
  readonly #values: Float64Array[];
  readonly #times_ns = new Float64Array(SLOTS);
  #newest = -1;
  #kept = 0;
  #base = 0;
  #t_ns = -1;

  constructor(channels: number, span_ns: number = WINDOW_NS) {
    this.current = new Float64Array(channels);
    this.#values = Array.from({ length: SLOTS }, () => new Float64Array(channels));
    this.#span_ns = span_ns;
    // Readings closer than this are not kept, so that the ring always reaches back over the whole span.
    this.#spacing_ns = span_ns / (SLOTS - 1);
  }

  /** Take `current` as the reading of time t_ns. False while no reading is old enough, or when time did not move on. */
  advance(t_ns: number): boolean {
    if (!(t_ns > this.#t_ns)) return false;
    this.#t_ns = t_ns;
    const found = this.#find_base(t_ns);
    if (this.#kept === 0 || t_ns - this.#times_ns[this.#newest]! >= this.#spacing_ns) this.#keep(t_ns);
    return found;
  }

  /** Change since the base reading; negative when the figure fell. */
  delta(channel: number): number {
    return this.current[channel]! - this.#values[this.#base]![channel]!;
  }

  /** Change per second of a figure that may fall. */
  slope(channel: number): number {
    return this.delta(channel) / this.elapsed_s;
  }

  /** Rate of a counter per second; NaN when it went backwards (reset, wrap, a CPU or device taken away). */
  rate(channel: number): number {
    const delta = this.delta(channel);
    return delta < 0 ? Number.NaN : delta / this.elapsed_s;
  }

  #find_base(t_ns: number): boolean {
    for (let back = 0; back < this.#kept; back++) {
      const slot = (this.#newest - back + SLOTS) % SLOTS;
      const age_ns = t_ns - this.#times_ns[slot]!;
      if (age_ns < this.#span_ns) continue;
      this.#base = slot;
      this.elapsed_s = age_ns / 1e9;
      return true;
    }
    return false;
  }

  #keep(t_ns: number): void {
    // The slot overwritten is the oldest; with the spacing above it is the base only when a newer one could serve as well.
    this.#newest = (this.#newest + 1) % SLOTS;
    this.#values[this.#newest]!.set(this.current);
    this.#times_ns[this.#newest] = t_ns;
    this.#kept = Math.min(SLOTS, this.#kept + 1);
  }
}
