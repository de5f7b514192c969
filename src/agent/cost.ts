const BUCKETS = 4096;

/** Times in seconds, counted up to each edge. */
export interface BeatHistogram {
  readonly buckets: readonly { readonly at_most: number; readonly count: number }[];
  readonly count: number;
  readonly sum: number;
}

/** Times of beats in buckets of whole microseconds, as a bounded histogram: what HOSA itself takes is part of what it reports. */
export class BeatCost {
  readonly #bucket_us: number;
  readonly #counts = new Uint32Array(BUCKETS);
  #total = 0;
  #sum_us = 0;

  /** @param bucket_us width of a bucket; 4096 of them are what can be told apart */
  constructor(bucket_us = 1) {
    this.#bucket_us = bucket_us;
  }

  add(cost_us: number): void {
    this.#counts[Math.min(BUCKETS - 1, Math.max(0, Math.floor(cost_us / this.#bucket_us)))]! += 1;
    this.#total += 1;
    this.#sum_us += cost_us;
  }

  get count(): number {
    return this.#total;
  }

  /** Upper edge of the bucket that holds the quantile q in 0..1, µs; 0 before the first beat. */
  quantile_us(q: number): number {
    let seen = 0;
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      seen += this.#counts[bucket]!;
      if (seen > 0 && seen >= q * this.#total) return (bucket + 1) * this.#bucket_us;
    }
    return 0;
  }

  /**
   * Counts up to each edge and the sum, in seconds.
   * @param edges_us ascending multiples of the bucket's width, below its 4096th
   */
  histogram(edges_us: readonly number[]): BeatHistogram {
    const buckets: { at_most: number; count: number }[] = [];
    let seen = 0;
    let bucket = 0;
    for (const edge_us of edges_us) {
      for (; bucket < Math.min(BUCKETS - 1, edge_us / this.#bucket_us); bucket++) seen += this.#counts[bucket]!;
      buckets.push({ at_most: edge_us / 1e6, count: seen });
    }
    return { buckets, count: this.#total, sum: this.#sum_us / 1e6 };
  }

  quantiles(): { readonly p50: number; readonly p99: number } {
    return { p50: this.quantile_us(0.5), p99: this.quantile_us(0.99) };
  }
}

/** How long beats take, and how late user space is: after the kernel's stamp, and after its own beat before. */
export class BeatTimes {
  readonly cost = new BeatCost();
  readonly #delay = new BeatCost(10);
  readonly #interval = new BeatCost(100);
  #woken_ns: number | null = null;

  /** A beat stamped at `beat_ns` was taken up at `now_ns`. */
  woken(beat_ns: number, now_ns: number): void {
    this.#delay.add((now_ns - beat_ns) / 1000);
    if (this.#woken_ns !== null) this.#interval.add((now_ns - this.#woken_ns) / 1000);
    this.#woken_ns = now_ns;
  }

  get lateness(): BeatCost {
    return this.#delay;
  }

  figures(): Record<"cost_us" | "delay_us" | "interval_us", { readonly p50: number; readonly p99: number }> {
    return {
      cost_us: this.cost.quantiles(),
      delay_us: this.#delay.quantiles(),
      interval_us: this.#interval.quantiles(),
    };
  }
}
