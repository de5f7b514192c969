import type { Dimension } from "../../model/dimension.ts";
import { dimensions_refusal } from "../self.ts";

/** Version of the meaning of `LearnedRows`; rows of another version are refused. */
export const ROWS_VERSION = 1;

/** Rows kept at most: nearly three hours at one a second. */
export const MOST_ROWS = 10_000;

/**
 * What the second opinions learned from: the last rows in scaled units, oldest first. All they know is learned from these
 * again, so that nothing but numbers has to be believed.
 */
export interface LearnedRows {
  readonly version: number;
  readonly dimensions: readonly Pick<Dimension, "name" | "scale" | "resolution">[];
  /** Seconds from one row to the next. */
  readonly row_s: number;
  /** Row-major, count × dimensions, in single precision: a ten-millionth of a value says nothing. */
  readonly rows: Float32Array;
  /** One per row: 1 where the row was not learned as normal. */
  readonly odd: Uint8Array;
}

/** Why these rows do not fit this host and configuration; null when they do. */
export function rows_refusal(saved: LearnedRows, dimensions: readonly Dimension[], row_s: number): string | null {
  if (saved.version !== ROWS_VERSION) return `they have version ${saved.version}, this program reads ${ROWS_VERSION}`;
  const other = dimensions_refusal(saved.dimensions, dimensions);
  if (other !== null) return other;
  if (saved.row_s !== row_s) return `they came every ${saved.row_s} s, ${row_s} s is configured`;
  const count = saved.odd.length;
  if (count > MOST_ROWS) return `they are ${count}, more than the ${MOST_ROWS} that are ever kept`;
  if (saved.rows.length !== count * dimensions.length) {
    return `they are damaged: ${saved.rows.length} numbers for ${count} rows of ${dimensions.length}`;
  }
  if (!saved.rows.every(Number.isFinite)) return "they are damaged: not every number is finite";
  return null;
}
