/** Peaks are kept by quarters of a second, for as long as they say whether something falls. */
const QUARTER_NS = 250e6;
const QUARTERS = 12;
const PER_S = 4;
/** A slope below this part of its peak of the last second falls … */
const PART_OF_PEAK = 0.5;
/** … and so does one that lost this part in each of the last two seconds, and its share of it in the last half of one. */
const LOST_PER_S = 0.1;

/**
 * The highest slopes of the last three seconds, of which it is said whether a slope falls now. What falls no longer is not falling, however
 * high it once was.
 */
export class RecentPeaks {
  readonly #peaks = new Float64Array(QUARTERS);
  #quarter = Number.NEGATIVE_INFINITY;

  clear(): void {
    this.#peaks.fill(0);
    this.#quarter = Number.NEGATIVE_INFINITY;
  }

  note(slope: number, t_ns: number): void {
    this.#advance(t_ns);
    const at = this.#quarter % QUARTERS;
    this.#peaks[at] = Math.max(this.#peaks[at]!, slope);
  }

  falls(slope: number, t_ns: number): boolean {
    this.#advance(t_ns);
    let second = slope;
    for (let back = 0; back < PER_S; back++) second = Math.max(second, this.#peak(back));
    if (slope < PART_OF_PEAK * second) return true;
    const now = Math.max(slope, this.#peak(0), this.#peak(1));
    const [before, earlier] = [PER_S, 2 * PER_S].map((back) => Math.max(this.#peak(back), this.#peak(back + 1)));
    const fades = now < (1 - LOST_PER_S) * before! && before! < (1 - LOST_PER_S) * earlier!;
    return fades && slope < (1 - LOST_PER_S / PER_S) * this.#peak(PER_S / 2);
  }

  #peak(back: number): number {
    return this.#peaks[(((this.#quarter - back) % QUARTERS) + QUARTERS) % QUARTERS]!;
  }

  #advance(t_ns: number): void {
    const quarter = Math.floor(t_ns / QUARTER_NS);
    if (quarter <= this.#quarter) return;
    const passed = Math.min(QUARTERS, quarter - this.#quarter);
    for (let ahead = 0; ahead < passed; ahead++) this.#peaks[(quarter - ahead) % QUARTERS] = 0;
    this.#quarter = quarter;
  }
}
