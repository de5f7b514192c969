import type { Allowance } from "./allowance.ts";

const FEWEST_CYCLES = 3;
const SHORTEST_PERIOD_ROWS = 12;
/** The search looks at no more block means than these; the period is then refined row by row. */
const MOST_BLOCKS = 2048;
const PROMINENCE = 0.2;
const WINSOR = 3;
/** How far from the coarse period the fine one is sought. */
const SEARCH_PART = 0.03;
/** Times a series goes through its rows before it is correlated. */
const PASSES = 6;

/** A period in rows, and which of the n dimensions follow it. */
export interface Season {
  readonly period_rows: number;
  /** 1 for the dimensions that follow it, else 0. */
  readonly follows: Float64Array;
}

/**
 * The shortest period at which the mean autocorrelation of the dimensions has a peak that stands out by 0.2 from the
 * trough before it and reaches nine tenths of the highest; null when there is none. Some 10⁸ multiply-adds with 10,000 rows of
 * 21 dimensions, so it is sought in pieces: none costs more than six passes over a dimension.
 *
 * @param rows row-major history, `count` × n; must not change meanwhile
 */
export function* find_season(
  rows: Float64Array,
  count: number,
  n: number,
  least_correlation: number,
  work: Allowance,
): Generator<void, Season | null> {
  const block = Math.max(1, Math.ceil(count / MOST_BLOCKS));
  const series = new Float64Array(Math.floor(count / block));
  const lags = Math.floor(series.length / FEWEST_CYCLES);
  const mean_correlation = new Float64Array(lags + 1);
  let varying = 0;
  for (let j = 0; j < n; j++) {
    if (work.waits(PASSES * count)) yield;
    const power = series_into(series, rows, n, j, block);
    if (power === 0) continue;
    varying += 1;
    for (let lag = 1; lag <= lags; lag++) {
      if (work.waits(series.length - lag)) yield;
      mean_correlation[lag]! += correlation(series, power, lag);
    }
  }
  if (varying === 0) return null;
  for (let lag = 1; lag <= lags; lag++) mean_correlation[lag]! /= varying;
  const peak = first_peak(mean_correlation, block);
  return peak === null ? null : yield* refine(rows, count, n, peak * block, block, least_correlation, work);
}

/** The first lag whose correlation is such a peak; null when there is none. */
function first_peak(mean_correlation: Float64Array, block: number): number | null {
  const lags = mean_correlation.length - 1;
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
  const top = Math.max(...peaks.map((lag) => mean_correlation[lag]!));
  return peaks.find((lag) => mean_correlation[lag]! >= 0.9 * top) ?? null;
}

/**
 * The period near `coarse` at which the autocorrelations of all its multiples up to half the history are highest
 * together: m cycles apart, an error of one row shows m times.
 */
function* refine(
  rows: Float64Array,
  count: number,
  n: number,
  coarse: number,
  block: number,
  least_correlation: number,
  work: Allowance,
): Generator<void, Season | null> {
  const reach = Math.max(block, Math.ceil(SEARCH_PART * coarse));
  const multiples = Math.max(1, Math.min(8, Math.floor(count / 2 / coarse)));
  const periods = 2 * reach + 1;
  const sum = new Float64Array(periods);
  /** Correlation of each dimension at each period itself; a constant has none. */
  const own = new Float64Array(n * periods).fill(Number.NEGATIVE_INFINITY);
  const series = new Float64Array(count);
  for (let j = 0; j < n; j++) {
    if (work.waits(PASSES * count)) yield;
    const power = series_into(series, rows, n, j, 1);
    if (power === 0) continue;
    for (let i = 0; i < periods; i++) {
      for (let m = 1; m <= multiples; m++) {
        const lag = m * (coarse - reach + i);
        if (work.waits(count - lag)) yield;
        const found = correlation(series, power, lag);
        sum[i]! += found;
        if (m === 1) own[j * periods + i] = found;
      }
    }
  }
  let best = 0;
  for (let i = 1; i < periods; i++) if (sum[i]! > sum[best]!) best = i;
  const follows = Float64Array.from({ length: n }, (_, j) => (own[j * periods + best]! >= least_correlation ? 1 : 0));
  return follows.includes(1) ? { period_rows: coarse - reach + best, follows } : null;
}

/**
 * Means of blocks of dimension `j`, centred and cut at ±3 σ, so that no single spike makes or breaks a correlation. Returns
 * their mean square; 0 for a constant.
 *
 * @param out one number per block
 */
function series_into(out: Float64Array, rows: Float64Array, n: number, j: number, block: number): number {
  const { length } = out;
  let mean = 0;
  for (let b = 0; b < length; b++) {
    let sum = 0;
    for (let k = 0; k < block; k++) sum += rows[(b * block + k) * n + j]!;
    out[b] = sum / block;
    mean += out[b]! / length;
  }
  let variance = 0;
  for (let k = 0; k < length; k++) variance += (out[k]! - mean) ** 2 / length;
  if (!(variance > 1e-18)) return 0;
  const cut = WINSOR * Math.sqrt(variance);
  let centre = 0;
  for (let k = 0; k < length; k++) {
    out[k] = Math.min(cut, Math.max(-cut, out[k]! - mean));
    centre += out[k]! / length;
  }
  let power = 0;
  for (let k = 0; k < length; k++) {
    out[k]! -= centre;
    power += out[k]! ** 2;
  }
  return power / length;
}

/**
 * Autocorrelation with the divisor of the overlap, so that long lags are not drawn to zero.
 *
 * @param power mean square of the series
 */
function correlation(series: Float64Array, power: number, lag: number): number {
  const overlap = series.length - lag;
  let product = 0;
  for (let k = 0; k < overlap; k++) product += series[k]! * series[k + lag]!;
  return product / overlap / power;
}
