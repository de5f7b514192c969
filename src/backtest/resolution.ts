/** Part of the range a column covers that is taken for the smallest believable standard deviation. */
const RANGE_PART = 0.01;

/**
 * Smallest believable standard deviation of each column, since a file does not say how finely it was measured: a hundredth
 * of the range seen. A column that never moved gets a hundredth of its magnitude, at least of 1: its first flicker is news,
 * but not news without bound.
 */
export function resolutions(rows: readonly Float64Array[]): {
  readonly resolution: readonly number[];
  readonly constant: readonly boolean[];
} {
  const width = rows[0]?.length ?? 0;
  const resolution: number[] = [];
  const constant: boolean[] = [];
  for (let j = 0; j < width; j++) {
    let low = Number.POSITIVE_INFINITY;
    let high = Number.NEGATIVE_INFINITY;
    for (const row of rows) {
      low = Math.min(low, row[j]!);
      high = Math.max(high, row[j]!);
    }
    constant.push(low === high);
    resolution.push(RANGE_PART * (high > low ? high - low : Math.max(1, Math.abs(high))));
  }
  return { resolution, constant };
}
