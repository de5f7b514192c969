/** How many excesses the prior shape weighs. */
const PRIOR_EXCESSES = 50;

/** What a shape is drawn to and kept in. */
export interface ShapePrior {
  readonly shape: number;
  readonly lowest: number;
  readonly highest: number;
}

/** Heavy on purpose: a vote stays logarithmic in the distance, so that no opinion shouts the others down. */
export const VOTE_SHAPE: ShapePrior = { shape: 0.1, lowest: 0.05, highest: 0.5 };
/** A sum of votes is on a logarithmic scale already: exponential unless the data say otherwise. */
export const SCORE_SHAPE: ShapePrior = { shape: 0, lowest: -0.2, highest: 0.5 };
/** Nearer to 0 than this a shape is exponential. */
const EXPONENTIAL = 1e-6;

/** Generalized Pareto tail of a sample. Plain JSON. */
export interface Pareto {
  /** u, in units of the sample. */
  readonly threshold: number;
  /** ξ. */
  readonly shape: number;
  /** β, in units of the sample. */
  readonly scale: number;
  /** Part of the sample above u. */
  readonly part: number;
}

/**
 * Tail above the (1 − part) quantile: shape by probability-weighted moments, drawn to the prior; the mean excess is kept
 * whatever shape was settled on. Source: Hosking and Wallis 1987, eq. (3).
 *
 * @param sorted ascending, at least 3 numbers
 */
export function fit_pareto_tail(sorted: Float64Array, part: number, prior: ShapePrior): Pareto {
  const count = sorted.length;
  if (count < 3) throw new RangeError(`Cannot fit a tail to ${count} numbers: at least 3 are needed`);
  const beyond = Math.max(2, Math.min(count - 1, Math.round(part * count)));
  const threshold = sorted[count - beyond - 1]!;
  let first = 0;
  let second = 0;
  for (let k = 0; k < beyond; k++) {
    const excess = sorted[count - beyond + k]! - threshold;
    first += excess / beyond;
    second += ((1 - (k + 0.65) / beyond) * excess) / beyond;
  }
  const denominator = first - 2 * second;
  const raw = denominator > 0 ? 2 - first / denominator : 0;
  const drawn = (raw * beyond + prior.shape * PRIOR_EXCESSES) / (beyond + PRIOR_EXCESSES);
  const shape = Math.min(prior.highest, Math.max(prior.lowest, drawn));
  const scale = Math.max(first * (1 - shape), 1e-9 * Math.max(1, Math.abs(threshold)));
  return { threshold, shape, scale, part: beyond / count };
}

/** −log of the probability of going beyond `value`, nats; for a value at or above the threshold. */
export function tail_surprise(tail: Pareto, value: number): number {
  const scaled = (value - tail.threshold) / tail.scale;
  // Beyond the end of a bounded tail nothing was thought possible: the last possible surprise stands.
  const beyond =
    Math.abs(tail.shape) < EXPONENTIAL ? scaled : Math.log(Math.max(1e-12, 1 + tail.shape * scaled)) / tail.shape;
  return -Math.log(tail.part) + beyond;
}

/** The value that a part `p` of the sample goes beyond; never below the threshold. */
export function tail_level(tail: Pareto, p: number): number {
  const ratio = Math.max(1, tail.part / p);
  const growth = Math.abs(tail.shape) < EXPONENTIAL ? Math.log(ratio) : (ratio ** tail.shape - 1) / tail.shape;
  return tail.threshold + tail.scale * growth;
}
