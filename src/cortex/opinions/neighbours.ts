/**
 * Distance to the k-th nearest of a bounded, ordered sample of what was learned, in standard deviations per dimension.
 *
 * While it fills, every row is kept; when full, every second is dropped and the stride doubles, up to `longest_stride`;
 * then the oldest is replaced. So it always spans the recent self evenly, and no chance is involved.
 */
export class Neighbours {
  readonly #n: number;
  readonly #capacity: number;
  readonly #k: number;
  readonly #longest_stride: number;
  readonly #keep: number;
  readonly #floor: Float64Array;
  readonly #rows: Float64Array;
  readonly #square: Float64Array;
  readonly #precision: Float64Array;
  readonly #best: Float64Array;
  #weight = 0;
  #count = 0;
  #oldest = 0;
  #stride = 1;
  #skipped = 0;

  constructor(floor: Float64Array, capacity: number, k: number, longest_stride: number, half_life_rows: number) {
    this.#n = floor.length;
    this.#floor = floor;
    this.#capacity = capacity;
    this.#k = k;
    this.#longest_stride = longest_stride;
    this.#keep = 2 ** (-1 / half_life_rows);
    this.#rows = new Float64Array(capacity * this.#n);
    this.#square = new Float64Array(this.#n);
    this.#precision = new Float64Array(this.#n);
    this.#best = new Float64Array(k);
  }

  /** `centred` has the mean of the learned rows taken off already. */
  learn(centred: Float64Array): void {
    const n = this.#n;
    this.#weight = this.#keep * this.#weight + 1;
    for (let j = 0; j < n; j++) {
      this.#square[j]! += (centred[j]! ** 2 - this.#square[j]!) / this.#weight;
      this.#precision[j] = 1 / Math.max(this.#square[j]!, this.#floor[j]! ** 2);
    }
    this.#skipped += 1;
    if (this.#skipped < this.#stride) return;
    this.#skipped = 0;
    if (this.#count === this.#capacity && this.#stride < this.#longest_stride) this.#thin();
    if (this.#count < this.#capacity) {
      this.#rows.set(centred, this.#count * n);
      this.#count += 1;
      return;
    }
    this.#rows.set(centred, this.#oldest * n);
    this.#oldest = (this.#oldest + 1) % this.#capacity;
  }

  distance(centred: Float64Array): number {
    const n = this.#n;
    const k = this.#k;
    const best = this.#best;
    best.fill(Number.POSITIVE_INFINITY);
    for (let row = 0; row < this.#count; row++) {
      let sum = 0;
      const at = row * n;
      const worst = best[k - 1]!;
      for (let j = 0; j < n && sum < worst; j++) {
        const d = centred[j]! - this.#rows[at + j]!;
        sum += d * d * this.#precision[j]!;
      }
      if (sum >= worst) continue;
      let place = k - 1;
      while (place > 0 && best[place - 1]! > sum) {
        best[place] = best[place - 1]!;
        place -= 1;
      }
      best[place] = sum;
    }
    const found = best[k - 1]!;
    return Number.isFinite(found) ? Math.sqrt(found) : 0;
  }

  #thin(): void {
    const n = this.#n;
    for (let row = 0; 2 * row < this.#capacity; row++) {
      this.#rows.copyWithin(row * n, 2 * row * n, (2 * row + 1) * n);
    }
    this.#count = Math.ceil(this.#capacity / 2);
    this.#stride *= 2;
  }
}
