/** How the opinions are set up. Lengths are in rows: what a row stands for is `row_s`. */
export interface OpinionOptions {
  /** Seconds from one row to the next. */
  readonly row_s: number;
  /** Ridge on the correlation of the level. */
  readonly lambda: number;
  /** Promise: false alarms a second, counted as blocks that contain one. */
  readonly alarms_per_s: number;
  /** Rows of one block. */
  readonly block_rows: number;
}

const HOUR_S = 3600;

/**
 * Options for rows of that length: blocks of an hour where a row stands for minutes, of sixty rows where it stands for
 * seconds, so that the promise lies inside what can be seen and need not be extrapolated far.
 */
export function opinion_options(row_s: number, lambda: number, alarms_per_s: number): OpinionOptions {
  const block_rows = Math.max(4, Math.min(60, Math.round(HOUR_S / row_s)));
  return { row_s, lambda, alarms_per_s, block_rows };
}
