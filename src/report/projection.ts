import type { Maybe } from "../model/sample.ts";

/** What the growth would have led to, as known when it was acted on (or was at its most urgent). */
export interface Projection {
  readonly t_s: number;
  readonly path: string;
  readonly memory_bytes: number;
  readonly slope_bytes_per_s: number;
  readonly headroom_bytes: number;
  readonly ttf_s: number;
  /** t_s + ttf_s. */
  readonly reached_s: number;
  /** The headroom is the node's: no limit of its own is nearer. */
  readonly of_node: boolean;
}

/** A limit so far above everything measured is not drawn: the measured would be a flat line. */
const MOST_TIMES = 6;

/** The vertical scale of a panel of memory. */
export interface MemoryScale {
  readonly top_bytes: number;
  /** Null: none is known, or it lies above the scale. */
  readonly limit_bytes: Maybe<number>;
  readonly limit_above_bytes: Maybe<number>;
}

export function memory_scale(peak_bytes: number, projection: Maybe<Projection>): MemoryScale {
  const limit = projection === null ? null : projection.memory_bytes + projection.headroom_bytes;
  const is_near = limit !== null && limit <= MOST_TIMES * Math.max(peak_bytes, 1);
  return {
    top_bytes: 1.08 * Math.max(peak_bytes, is_near ? limit : 0),
    limit_bytes: is_near ? limit : null,
    limit_above_bytes: is_near ? null : limit,
  };
}

/** The straight line of a projection within a window and a scale. `reached`: its end is the limit, not an edge of the picture. */
export function projected(
  { t_s, memory_bytes, slope_bytes_per_s, reached_s }: Projection,
  to_s: number,
  top_bytes: number,
): { readonly end_s: number; readonly end_bytes: number; readonly reached: boolean } {
  const at_top_s =
    slope_bytes_per_s > 0 ? t_s + (top_bytes - memory_bytes) / slope_bytes_per_s : Number.POSITIVE_INFINITY;
  const end_s = Math.min(to_s, reached_s, at_top_s);
  const end_bytes = memory_bytes + slope_bytes_per_s * (end_s - t_s);
  return { end_s, end_bytes, reached: end_s === reached_s };
}
