/** The value below which the fraction `p` of the sorted numbers lies, linearly interpolated. */
export function quantile_sorted(sorted: ArrayLike<number>, p: number): number {
  if (sorted.length === 0) throw new RangeError("Cannot take a quantile of no numbers");
  const place = Math.min(1, Math.max(0, p)) * (sorted.length - 1);
  const below = Math.floor(place);
  const above = Math.min(sorted.length - 1, below + 1);
  return sorted[below]! + (place - below) * (sorted[above]! - sorted[below]!);
}

/**
 * χ² quantile of n degrees of freedom at the standard normal deviate `z`, by Wilson and Hilferty's cube-root
 * approximation (1931); relative error below 2 % for n ≥ 3 and z ≤ 6.
 */
export function chi_squared_quantile(degrees: number, z: number): number {
  const spread = 2 / (9 * degrees);
  return degrees * Math.max(0, 1 - spread + z * Math.sqrt(spread)) ** 3;
}

/** Part of a χ² distribution of n degrees of freedom below `q`: the inverse of `chi_squared_quantile`. */
export function chi_squared_part(degrees: number, q: number): number {
  const spread = 2 / (9 * degrees);
  return normal_part(((q / degrees) ** (1 / 3) - (1 - spread)) / Math.sqrt(spread));
}

/** Φ(z) after Abramowitz and Stegun 26.2.17; absolute error below 1e-7. */
export function normal_part(z: number): number {
  const t = 1 / (1 + 0.2316419 * Math.abs(z));
  const series = t * (0.31938153 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))));
  const tail = (Math.exp((-z * z) / 2) / Math.sqrt(2 * Math.PI)) * series;
  return z >= 0 ? 1 - tail : tail;
}

/** The z with Φ(z) = p, by bisection between −8 and 8. */
export function normal_deviate(p: number): number {
  let low = -8;
  let high = 8;
  for (let step = 0; step < 60; step++) {
    const middle = (low + high) / 2;
    if (normal_part(middle) < p) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

/**
 * A bounded record of a stream whose length is not known: when full, every second number is dropped and from then on
 * only every second one is kept. Order is preserved and nothing is random, so the same stream gives the same record.
 */
export class Decimated {
  readonly #capacity: number;
  readonly #values: number[] = [];
  #stride = 1;
  #skipped = 0;

  constructor(capacity: number) {
    if (!(capacity >= 2)) throw new RangeError(`Cannot keep a record of ${capacity} numbers: give at least 2`);
    this.#capacity = capacity;
  }

  /** Keep one of how many. */
  get stride(): number {
    return this.#stride;
  }

  get values(): readonly number[] {
    return this.#values;
  }

  push(value: number): void {
    this.#skipped += 1;
    if (this.#skipped < this.#stride) return;
    this.#skipped = 0;
    if (this.#values.length >= this.#capacity) {
      const half = Math.ceil(this.#values.length / 2);
      for (let k = 0; k < half; k++) this.#values[k] = this.#values[2 * k]!;
      this.#values.length = half;
      this.#stride *= 2;
    }
    this.#values.push(value);
  }
}
