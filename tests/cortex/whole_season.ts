import type { Season } from "../../src/cortex/opinions/season.ts";

/**
 * The season by its definition, all at once: what the search in pieces must find. The power of a series is summed for every lag,
 * and every series of the fine search is held.
 *
 * @param rows row-major, `count` × n
 * @returns the season, and how many products its autocorrelations took
 */
export function whole_season(rows: Float64Array, count: number, n: number, least_correlation: number) {
  let products = 0;
  const correlation = (series: readonly number[], lag: number): number => {
    let product = 0;
    let power = 0;
    for (let k = 0; k < series.length; k++) {
      power += series[k]! ** 2;
      if (k + lag < series.length) product += series[k]! * series[k + lag]!;
    }
    products += series.length - lag;
    return product / (series.length - lag) / (power / series.length);
  };
  const series_of = (block: number): number[][] => {
    const all = Array.from({ length: n }, (_, j) => winsorized(block_means(rows, count, n, j, block)));
    return all.filter((series) => series !== null);
  };
  const search = (): Season | null => {
    const block = Math.max(1, Math.ceil(count / 2048));
    const coarse_series = series_of(block);
    if (coarse_series.length === 0) return null;
    const lags = Math.floor(Math.floor(count / block) / 3);
    const mean = Array.from({ length: lags + 1 }, (_, lag) => {
      return lag === 0 ? 0 : coarse_series.reduce((sum, one) => sum + correlation(one, lag), 0) / coarse_series.length;
    });
    const reach = Math.max(1, Math.floor(12 / block / 2));
    const peaks = mean.flatMap((here, lag) => {
      if (lag === 0 || lag * block < 12 || here <= 0) return [];
      if (here - Math.min(...mean.slice(1, lag + 1)) < 0.2) return [];
      return Math.max(...mean.slice(Math.max(1, lag - reach), lag + reach + 1)) > here ? [] : [lag];
    });
    if (peaks.length === 0) return null;
    const top = Math.max(...peaks.map((lag) => mean[lag]!));
    const coarse = peaks.find((lag) => mean[lag]! >= 0.9 * top)! * block;
    const multiples = Math.max(1, Math.min(8, Math.floor(count / 2 / coarse)));
    const fine_series = series_of(1);
    const around = Math.max(block, Math.ceil(0.03 * coarse));
    let best = coarse;
    let best_sum = Number.NEGATIVE_INFINITY;
    for (let lag = coarse - around; lag <= coarse + around; lag++) {
      let sum = 0;
      for (const one of fine_series) for (let m = 1; m <= multiples; m++) sum += correlation(one, m * lag);
      if (sum > best_sum) [best, best_sum] = [lag, sum];
    }
    const needed = products;
    const follows = Float64Array.from({ length: n }, (_, j) => {
      const one = winsorized(block_means(rows, count, n, j, 1));
      return one !== null && correlation(one, best) >= least_correlation ? 1 : 0;
    });
    products = needed;
    return follows.includes(1) ? { period_rows: best, follows } : null;
  };
  return { season: search(), products };
}

function block_means(rows: Float64Array, count: number, n: number, j: number, block: number): number[] {
  return Array.from({ length: Math.floor(count / block) }, (_, b) => {
    let sum = 0;
    for (let k = 0; k < block; k++) sum += rows[(b * block + k) * n + j]!;
    return sum / block;
  });
}

/** Centred and cut at ±3 σ; null for a constant. */
function winsorized(series: readonly number[]): number[] | null {
  const mean_of = (values: readonly number[]) => values.reduce((sum, value) => sum + value / values.length, 0);
  const mean = mean_of(series);
  const variance = series.reduce((sum, value) => sum + (value - mean) ** 2 / series.length, 0);
  if (!(variance > 1e-18)) return null;
  const cut = 3 * Math.sqrt(variance);
  const within = series.map((value) => Math.min(cut, Math.max(-cut, value - mean)));
  const centre = mean_of(within);
  return within.map((value) => value - centre);
}
