import type { Allowance } from "./allowance.ts";
import { FEWEST_BLOCKS } from "./block_maxima.ts";
import { Distances, row_products } from "./distances.ts";
import type { History } from "./history.ts";
import type { OpinionOptions } from "./options.ts";
import type { Season } from "./season.ts";
import { Votes } from "./votes.ts";

/** A part of the range seen, so that a dimension that hardly moved is strange when it moves, but not infinitely so. */
const RANGE_PART = 0.01;

/** What is learned from a history, and the number of the row that comes next, counted from the oldest. */
export interface Learned {
  readonly distances: Distances;
  readonly votes: Votes;
  readonly next_row: number;
}

/**
 * Learn a self from the history: the season first, then all that lives on what the season leaves. It goes faster than rows come,
 * and ends when it has caught up with them; null when too few of them are normal.
 *
 * @param resolution smallest believed standard deviation of each dimension
 */
export function* study(
  history: History,
  season: Season | null,
  resolution: Float64Array,
  options: OpinionOptions,
  work: Allowance,
): Generator<void, Learned | null> {
  const n = resolution.length;
  const x = new Float64Array(n);
  const distances = new Distances(yield* believed_floor(history, resolution, work), options.lambda, season);
  const votes = new Votes(options);
  const { oldest } = history;
  const start = season?.period_rows ?? 0;
  const mature = start + Math.floor((history.count - start) / 3);
  let row = 0;
  function* catch_up(): Generator<void, void> {
    for (; oldest + row < history.next; row++) {
      if (work.waits(row_products(n))) yield;
      const odd = history.row_into(x, oldest + row);
      if (row >= start) {
        distances.measure(x, row);
        if (row >= mature && !odd) votes.remember(distances.smooth);
      }
      if (odd) continue;
      if (row >= start) distances.learn(x, row);
      else distances.learn_season(x, row);
    }
  }
  yield* catch_up();
  // With fewer there is no threshold, and without one an incident would teach itself.
  if (votes.known_rows < FEWEST_BLOCKS * options.block_rows) return null;
  yield* votes.fit(work);
  yield* catch_up();
  return { distances, votes, next_row: row };
}

function* believed_floor(history: History, resolution: Float64Array, work: Allowance): Generator<void, Float64Array> {
  const n = resolution.length;
  const x = new Float64Array(n);
  const low = new Float64Array(n).fill(Number.POSITIVE_INFINITY);
  const high = new Float64Array(n).fill(Number.NEGATIVE_INFINITY);
  for (let row = history.oldest; row < history.next; row++) {
    if (work.waits(2 * n)) yield;
    if (history.row_into(x, row)) continue;
    for (let j = 0; j < n; j++) {
      low[j] = Math.min(low[j]!, x[j]!);
      high[j] = Math.max(high[j]!, x[j]!);
    }
  }
  return resolution.map((smallest, j) => Math.max(smallest, RANGE_PART * (high[j]! - low[j]!)));
}
