/** A step must reach 90 % within three base beats: 1 − (1 − α)³ ≥ 0.9. */
export const SMALLEST_ALPHA = 1 - 0.1 ** (1 / 3);
/** Some smoothing always remains, so that one odd beat alone is never the whole signal. */
export const LARGEST_ALPHA = 0.9;
/** Standard deviation the smoothed distance may keep, in units of D. */
export const TARGET_NOISE = 0.25;

/**
 * α from the noise of D seen while warming up.
 *
 * Smoothing white noise of variance v leaves v·α/(2 − α). α is the largest that leaves a standard deviation of
 * `TARGET_NOISE`, clamped so that the answer to a step is never later than 300 ms at the 100 ms beat.
 */
export function alpha_for(noise_variance: number): number {
  if (!(noise_variance >= 0)) throw new RangeError(`Cannot choose alpha for a noise variance of ${noise_variance}`);
  const ratio = noise_variance > 0 ? Math.min(1, TARGET_NOISE ** 2 / noise_variance) : 1;
  return Math.min(LARGEST_ALPHA, Math.max(SMALLEST_ALPHA, (2 * ratio) / (1 + ratio)));
}

/** Exponentially weighted mean of irregular samples: α_dt = 1 − (1 − α)^(Δt/Δt0). The first value is taken as it is. */
export class Ewma {
  readonly alpha: number;
  readonly #base_dt_s: number;
  #value: number | null = null;

  /** @param alpha weight of a new sample that comes `base_dt_s` seconds after the one before, 0 < α ≤ 1. */
  constructor(alpha: number, base_dt_s: number, value: number | null = null) {
    if (!(alpha > 0 && alpha <= 1)) throw new RangeError(`Cannot smooth with alpha ${alpha}: give 0 < alpha <= 1`);
    if (!(base_dt_s > 0))
      throw new RangeError(`Cannot smooth with a base interval of ${base_dt_s} s: give a positive one`);
    this.alpha = alpha;
    this.#base_dt_s = base_dt_s;
    this.#value = value;
  }

  update(value: number, dt_s: number): number {
    if (!Number.isFinite(value)) throw new RangeError(`Cannot smooth ${value}: it is not finite`);
    if (this.#value === null) {
      this.#value = value;
      return value;
    }
    const alpha = 1 - (1 - this.alpha) ** (Math.max(0, dt_s) / this.#base_dt_s);
    this.#value += alpha * (value - this.#value);
    return this.#value;
  }

  get(): number | null {
    return this.#value;
  }
}
