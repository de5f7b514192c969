const BUCKETS = 4096;

/** Cost of beats in whole microseconds, as a bounded histogram: what HOSA itself takes is part of what it reports. */
export class BeatCost {
  readonly #counts = new Uint32Array(BUCKETS);
  #total = 0;

  add(cost_us: number): void {
    this.#counts[Math.min(BUCKETS - 1, Math.max(0, Math.floor(cost_us)))]! += 1;
    this.#total += 1;
  }

  get count(): number {
    return this.#total;
  }

  /** Upper edge of the bucket that holds the quantile q in 0..1, µs; 0 before the first beat. */
  quantile_us(q: number): number {
    let seen = 0;
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      seen += this.#counts[bucket]!;
      if (seen > 0 && seen >= q * this.#total) return bucket + 1;
    }
    return 0;
  }
}
