import { OperatorError } from "../model/error.ts";

/** Sixteen million rows of 10 bytes: 160 MB. */
export const MOST_ROWS = 16_777_216;
const FIRST_ROWS = 4096;

/** Score, label and alarm of every judged row, in typed arrays that double: an exact rank statistic needs all of them. */
export class History {
  #scores = new Float64Array(FIRST_ROWS);
  #labels = new Uint8Array(FIRST_ROWS);
  #alarms = new Uint8Array(FIRST_ROWS);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  get scores(): Float64Array {
    return this.#scores.subarray(0, this.#length);
  }

  /** 0 or 1 per row. */
  get labels(): Uint8Array {
    return this.#labels.subarray(0, this.#length);
  }

  /** 1 where the score was beyond the threshold. */
  get alarms(): Uint8Array {
    return this.#alarms.subarray(0, this.#length);
  }

  /** Throws OperatorError beyond MOST_ROWS. */
  push(score: number, label: 0 | 1, alarm: boolean): void {
    if (this.#length === this.#scores.length) this.#grow();
    this.#scores[this.#length] = score;
    this.#labels[this.#length] = label;
    this.#alarms[this.#length] = alarm ? 1 : 0;
    this.#length += 1;
  }

  #grow(): void {
    if (this.#length >= MOST_ROWS) {
      throw new OperatorError(`more than ${MOST_ROWS} test rows`, 2, "Split the file, or take every second row.");
    }
    const scores = new Float64Array(2 * this.#length);
    const labels = new Uint8Array(2 * this.#length);
    const alarms = new Uint8Array(2 * this.#length);
    scores.set(this.#scores);
    labels.set(this.#labels);
    alarms.set(this.#alarms);
    this.#scores = scores;
    this.#labels = labels;
    this.#alarms = alarms;
  }
}
