/** A row as a detector is shown it. */
export interface Row {
  /** Judged; else learned. */
  readonly test: boolean;
  /** Null: the file does not say what the row is. */
  readonly label: 0 | 1 | null;
  /** One number per dimension; may be reused: it holds until the next row. */
  readonly x: Float64Array;
  /** When it was measured, seconds; null where the file has no times. */
  readonly t_s: number | null;
  /** Rows that should have come before it since the last one and did not. */
  readonly missed: number;
}
