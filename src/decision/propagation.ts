import type { Assessment } from "../model/assessment.ts";

/** Connections this node begins, and programs it starts: what spreads does both. */
const SIGNS = ["tcp_connects_per_s", "forks_execs_per_s"] as const;
/** How many doublings of its normal make a sign whole. */
const WHOLE_DOUBLINGS = 4;
/** Below this many more per second, sixteen times nearly nothing is still nearly nothing. */
const EXCESS_MIN_PER_S = 10;
/** Of the four terms SPEC §9 names; the entropy of destinations and the correlation with what is sent are not sensed, and count as 0. */
const TERMS = 4;

/** PBI that is not low: one of its signs whole, or both by half. */
export const SPREADS = 0.25;

/** Propagation index PBI, 0 to ½: a quarter each for outbound connections and for forks beyond their normal (SPEC §9). */
export function propagation(a: Assessment): number {
  let sum = 0;
  for (const name of SIGNS) {
    const at = a.dimension_names.indexOf(name);
    if (at < 0) continue;
    // Rates enter the distance as log1p.
    const normal_per_s = Math.max(0, Math.expm1(a.mean[at]!));
    if (a.x[at]! - normal_per_s < EXCESS_MIN_PER_S) continue;
    sum += Math.min(1, Math.log2((1 + a.x[at]!) / (1 + normal_per_s)) / WHOLE_DOUBLINGS);
  }
  return sum / TERMS;
}

/** So many more per second than normal are never by the way, and so many are, where the deviation is about something else. */
const MANY_PER_S = 200;
const SOME_PER_S = 50;
/** Part of D² from which on the deviation is about them as well. */
const PART = 0.05;

/**
 * Something connects or forks now. The index alone says so of a node with next to nothing in its normal as soon as a script runs beside: a disk that
 * is written to by `dd`, a deadlock and a full disk were told to spread.
 */
export function is_spreading(a: Assessment): boolean {
  for (const name of SIGNS) {
    const at = a.dimension_names.indexOf(name);
    if (at < 0) continue;
    const excess_per_s = a.x[at]! - Math.max(0, Math.expm1(a.mean[at]!));
    const part = a.d > 0 ? a.contribution[at]! / (a.d * a.d) : 0;
    if (excess_per_s >= MANY_PER_S || (excess_per_s >= SOME_PER_S && part >= PART)) return true;
  }
  return false;
}
