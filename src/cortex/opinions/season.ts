const FEWEST_CYCLES = 3;
const SHORTEST_PERIOD_ROWS = 12;
/** The search looks at no more block means than these; the period is then refined row by row. */
const MOST_BLOCKS = 2048;
const PROMINENCE = 0.2;
const WINSOR = 3;
/** How far from the coarse period the fine one is sought. */
const SEARCH_PART = 0.03;

/** A period in rows, and which of the n dimensions follow it. */
export interface Season {
  readonly period_rows: number;
  /** 1 for the dimensions that follow it, else 0. */
  readonly follows: Float64Array;
}

/**
 * The shortest period at which the mean autocorrelation of the dimensions has a peak that stands out by 0.2 from the
 * trough before it and reaches nine tenths of the highest; null when there is none.
 *
 * @param rows row-major history, `count` × n
 */
export function find_season(rows: Float64Array, count: number, n: number, least_correlation: number): Season | null {
  const block = Math.max(1, Math.ceil(count / MOST_BLOCKS));
  const blocks = Math.floor(count / block);
  const lags = Math.floor(blocks / FEWEST_CYCLES);
  const mean_correlation = new Float64Array(lags + 1);
  let varying = 0;
  for (let j = 0; j < n; j++) {
    const series = winsorized(block_means(rows, count, n, j, block));
    if (series === null) continue;
    varying += 1;
    for (let lag = 1; lag <= lags; lag++) mean_correlation[lag]! += correlation(series, lag);
  }
  if (varying === 0) return null;
  for (let lag = 1; lag <= lags; lag++) mean_correlation[lag]! /= varying;
  const peaks: number[] = [];
  let trough = Number.POSITIVE_INFINITY;
  const reach = Math.max(1, Math.floor(SHORTEST_PERIOD_ROWS / block / 2));
  for (let lag = 1; lag <= lags; lag++) {
    const here = mean_correlation[lag]!;
    trough = Math.min(trough, here);
    if (lag * block < SHORTEST_PERIOD_ROWS || here - trough < PROMINENCE || here <= 0) continue;
    let highest = true;
    for (let near = Math.max(1, lag - reach); near <= Math.min(lags, lag + reach); near++) {
      if (mean_correlation[near]! > here) highest = false;
    }
    if (highest) peaks.push(lag);
  }
  if (peaks.length === 0) return null;
  const top = Math.max(...peaks.map((lag) => mean_correlation[lag]!));
  const coarse = peaks.find((lag) => mean_correlation[lag]! >= 0.9 * top)! * block;
  return refine(rows, count, n, coarse, block, least_correlation);
}

/**
 * The period near `coarse` at which the autocorrelations of all its multiples up to half the history are highest
 * together: m cycles apart, an error of one row shows m times.
 */
function refine(
  rows: Float64Array,
  count: number,
  n: number,
  coarse: number,
  block: number,
  least_correlation: number,
): Season | null {
  const series: (Float64Array | null)[] = [];
  for (let j = 0; j < n; j++) series.push(winsorized(block_means(rows, count, n, j, 1)));
  const best = best_period(series, coarse, Math.max(block, Math.ceil(SEARCH_PART * coarse)), count);
  const follows = new Float64Array(n);
  let any = false;
  for (let j = 0; j < n; j++) {
    const one = series[j] ?? null;
    if (one === null || correlation(one, best) < least_correlation) continue;
    follows[j] = 1;
    any = true;
  }
  return any ? { period_rows: best, follows } : null;
}

function best_period(series: readonly (Float64Array | null)[], coarse: number, reach: number, count: number): number {
  const multiples = Math.max(1, Math.min(8, Math.floor(count / 2 / coarse)));
  let best = coarse;
  let best_sum = Number.NEGATIVE_INFINITY;
  for (let lag = coarse - reach; lag <= coarse + reach; lag++) {
    let sum = 0;
    for (const one of series) {
      if (one !== null) for (let m = 1; m <= multiples; m++) sum += correlation(one, m * lag);
    }
    if (sum > best_sum) {
      best_sum = sum;
      best = lag;
    }
  }
  return best;
}

function block_means(rows: Float64Array, count: number, n: number, j: number, block: number): Float64Array {
  const out = new Float64Array(Math.floor(count / block));
  for (let b = 0; b < out.length; b++) {
    let sum = 0;
    for (let k = 0; k < block; k++) sum += rows[(b * block + k) * n + j]!;
    out[b] = sum / block;
  }
  return out;
}

/** Centred, cut at ±3 σ, so that no single spike makes or breaks a correlation; null for a constant. */
function winsorized(series: Float64Array): Float64Array | null {
  let mean = 0;
  for (const value of series) mean += value / series.length;
  let variance = 0;
  for (const value of series) variance += (value - mean) ** 2 / series.length;
  if (!(variance > 1e-18)) return null;
  const cut = WINSOR * Math.sqrt(variance);
  let centre = 0;
  for (let k = 0; k < series.length; k++) {
    series[k] = Math.min(cut, Math.max(-cut, series[k]! - mean));
    centre += series[k]! / series.length;
  }
  for (let k = 0; k < series.length; k++) series[k]! -= centre;
  return series;
}

/** Autocorrelation with the divisor of the overlap, so that long lags are not drawn to zero. */
function correlation(series: Float64Array, lag: number): number {
  let product = 0;
  let power = 0;
  const overlap = series.length - lag;
  for (let k = 0; k < series.length; k++) {
    power += series[k]! ** 2;
    if (k < overlap) product += series[k]! * series[k + lag]!;
  }
  return product / overlap / (power / series.length);
}
