import { quantile_sorted } from "./quantile.ts";

/** Generalized Pareto tail over a threshold, and how often an episode goes beyond it. Plain JSON. */
export interface TailFit {
  /** u: only episodes above it were fitted. */
  readonly threshold: number;
  /** ξ: 0 exponential, positive heavier. */
  readonly shape: number;
  /** β, in units of the signal. */
  readonly scale: number;
  /** Episodes (clusters of exceedances) fitted. */
  readonly episodes: number;
  readonly episodes_per_s: number;
  readonly samples: number;
  /** The samples are maxima of blocks this long; absent: single values, clustered into episodes. */
  readonly block_s?: number;
}

/** How much a shape from few episodes is drawn toward the exponential: this many episodes weigh as much as the data. */
const SHAPE_PRIOR_EPISODES = 50;
/** A bounded tail (ξ < 0) would promise that nothing beyond a point can happen; a very heavy one, that all can. */
const SHAPE_BOUNDS = [0, 0.3] as const;

/**
 * Shape and scale of a generalized Pareto distribution by probability-weighted moments (Hosking and Wallis 1987):
 * robust with few data, no iteration. Valid for shape < 0.5.
 *
 * @param excess amounts above the threshold, any order, at least 2
 */
export function fit_pareto(excess: readonly number[]): { readonly shape: number; readonly scale: number } {
  if (excess.length < 2) throw new RangeError(`Cannot fit a tail to ${excess.length} excesses: at least 2 are needed`);
  const sorted = [...excess].sort((a, b) => a - b);
  const count = sorted.length;
  let first = 0;
  let second = 0;
  for (let k = 0; k < count; k++) {
    first += sorted[k]! / count;
    second += ((1 - (k + 0.65) / count) * sorted[k]!) / count;
  }
  const denominator = first - 2 * second;
  if (!(denominator > 0)) return { shape: 0, scale: Math.max(first, Number.MIN_VALUE) };
  return { shape: 2 - first / denominator, scale: (2 * first * second) / denominator };
}

/**
 * Maxima of the episodes above `threshold`: exceedances less than `gap` samples apart are one episode, so that an
 * autocorrelated signal counts its alarms as a person would. Source: runs declustering, Smith and Weissman 1994.
 *
 * @param threshold in units of the signal. @param gap in samples. @returns the highest value of each episode
 */
export function episode_maxima(signal: ArrayLike<number>, threshold: number, gap: number): number[] {
  const maxima: number[] = [];
  let last = Number.NEGATIVE_INFINITY;
  for (let k = 0; k < signal.length; k++) {
    const value = signal[k]!;
    if (value <= threshold) continue;
    if (k - last >= gap) maxima.push(value);
    else maxima[maxima.length - 1] = Math.max(maxima[maxima.length - 1]!, value);
    last = k;
  }
  return maxima;
}

/**
 * Peaks over threshold of an evenly sampled signal: u is its 90 % quantile, episodes are 1 s apart, and the shape is
 * drawn toward the exponential in proportion to how few episodes there are. Null with fewer than ten episodes.
 * Source: Davison and Smith 1990.
 */
export function fit_tail(signal: ArrayLike<number>, period_s: number): TailFit | null {
  if (signal.length < 2) return null;
  const sorted = Float64Array.from(signal).sort();
  const threshold = quantile_sorted(sorted, 0.9);
  const maxima = episode_maxima(signal, threshold, Math.max(1, Math.round(1 / period_s)));
  if (maxima.length < 10) return null;
  const excess = maxima.map((peak) => peak - threshold);
  const mean = excess.reduce((sum, value) => sum + value, 0) / excess.length;
  const drawn = (fit_pareto(excess).shape * excess.length) / (excess.length + SHAPE_PRIOR_EPISODES);
  const shape = Math.min(SHAPE_BOUNDS[1], Math.max(SHAPE_BOUNDS[0], drawn));
  return {
    threshold,
    shape,
    // The mean excess β / (1 − ξ) is kept, whatever shape was settled on.
    scale: mean * (1 - shape),
    episodes: maxima.length,
    episodes_per_s: maxima.length / (signal.length * period_s),
    samples: signal.length,
  };
}

/**
 * The level an episode goes beyond `rate_per_s` times a second on average, in units of the signal; never below the fitted
 * threshold. u + β ((λ / rate)^ξ − 1) / ξ with λ the rate of episodes beyond u.
 * Throws RangeError on a rate that is not positive.
 * Source: Coles 2001, §4.3.3.
 */
export function return_level(fit: TailFit, rate_per_s: number): number {
  if (!(rate_per_s > 0))
    throw new RangeError(`Cannot find the level for a rate of ${rate_per_s}/s: give a positive one`);
  const ratio = Math.max(1, fit.episodes_per_s / rate_per_s);
  const growth = Math.abs(fit.shape) < 1e-9 ? Math.log(ratio) : (ratio ** fit.shape - 1) / fit.shape;
  return fit.threshold + fit.scale * growth;
}
