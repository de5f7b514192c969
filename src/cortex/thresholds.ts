import type { ThresholdBasis, Thresholds } from "../model/assessment.ts";
import { chi_squared_quantile } from "./quantile.ts";
import { fit_tail, return_level, type TailFit } from "./tail.ts";

/** θ1..θ4, strictly increasing, in units of D (standard deviations of a vector). */
export type Theta = Thresholds["theta"];

/** Tolerated false alarms, episodes per second, for θ1 and for θ2 (any intervention). */
export interface Budgets {
  readonly vigilance_per_s: number;
  readonly intervention_per_s: number;
}

/** One vigilance an hour, one intervention in thirty days (SPEC §4). */
export const DEFAULT_BUDGETS: Budgets = { vigilance_per_s: 1 / 3600, intervention_per_s: 1 / (30 * 86400) };

/** Normal deviates of the floors: exceeded by a normal vector once in 10⁴, 10⁷, 10⁹ and 10¹¹ independent samples. */
const FLOOR_DEVIATES = [3.719, 5.199, 5.998, 6.706] as const;
/** No learned threshold beyond this multiple of its floor: a warm-up that saw an incident must not leave HOSA blind. */
const CEILING = 4;
/**
 * A fit that has seen enough need not heed the floor of vigilance, for it knows how this node scatters; but where next to
 * nothing moves, the smallest thing that does is not news before it is half as far as a normal vector would reach.
 */
const LEAST_PART = 0.5;
/** Smallest step from one threshold to the next, part of the lower one. */
const STEP = 0.1;

/** The distance a normal vector of n dimensions hardly reaches: no learned threshold lies below it. */
export function floor_theta(dimension_count: number): Theta {
  const floor = (k: 0 | 1 | 2 | 3): number => Math.sqrt(chi_squared_quantile(dimension_count, FLOOR_DEVIATES[k]));
  return increasing([floor(0), floor(1), floor(2), floor(3)]);
}

/** Before the warm-up has ended the estimate itself is uncertain: twice the floors. */
export function warmup_theta(dimension_count: number): Theta {
  const floor = floor_theta(dimension_count);
  return [2 * floor[0], 2 * floor[1], 2 * floor[2], 2 * floor[3]];
}

/**
 * θ1..θ4 from the smoothed distances of the warm-up, evenly sampled, and the fit they came from (null: too few episodes,
 * floors only). θ3 and θ4 are what a tenth and a hundredth of the intervention budget would allow.
 */
export function learn_theta(
  smoothed: ArrayLike<number>,
  period_s: number,
  dimension_count: number,
  budgets: Budgets,
): { readonly theta: Theta; readonly fit: TailFit | null } {
  const floor = floor_theta(dimension_count);
  const fit = fit_tail(smoothed, period_s);
  if (fit === null) return { theta: floor, fit };
  return { theta: theta_of(fit, floor, floor[0], budgets), fit };
}

/**
 * θ1..θ4 from a fit to the learned self. θ1 lies inside of what was seen and keeps its promise without a floor; θ2..θ4
 * stand for events a thousand times rarer than the data, so that the floors hold for them as they do after the warm-up.
 */
export function refitted_theta(fit: TailFit, dimension_count: number, budgets: Budgets): Theta {
  const floor = floor_theta(dimension_count);
  return theta_of(fit, floor, LEAST_PART * floor[0], budgets);
}

function theta_of(fit: TailFit, floor: Theta, lowest: number, budgets: Budgets): Theta {
  const { vigilance_per_s, intervention_per_s } = budgets;
  const level = (rate_per_s: number, k: 0 | 1 | 2 | 3): number =>
    Math.min(CEILING * floor[k], Math.max(k === 0 ? lowest : floor[k], return_level(fit, rate_per_s)));
  return increasing([
    level(vigilance_per_s, 0),
    level(intervention_per_s, 1),
    level(intervention_per_s / 10, 2),
    level(intervention_per_s / 100, 3),
  ]);
}

/**
 * How learned thresholds came about, from their values alone: a floor that came out of a fit is a floor all the same.
 * @param theta as `learn_theta` or `refitted_theta` gives them
 */
export function basis_of(theta: Theta, dimension_count: number): NonNullable<Thresholds["basis"]> {
  const floor = floor_theta(dimension_count);
  const is = (value: number, other: number): boolean => Math.abs(value - other) <= 1e-9 * other;
  const basis = (k: 0 | 1 | 2 | 3): ThresholdBasis => {
    if (is(theta[k], floor[k]) || (k === 0 && is(theta[0], LEAST_PART * floor[0]))) return "floor";
    if (is(theta[k], CEILING * floor[k])) return "ceiling";
    const below = k === 0 ? undefined : theta[k - 1];
    return below !== undefined && is(theta[k], below * (1 + STEP)) ? "spaced" : "fitted";
  };
  return [basis(0), basis(1), basis(2), basis(3)];
}

/** Fixed values, checked: four finite, positive, strictly increasing numbers, or RangeError. */
export function fixed_theta(theta: readonly number[]): Theta {
  const [a, b, c, d] = theta;
  if (theta.length !== 4 || a === undefined || b === undefined || c === undefined || d === undefined) {
    throw new RangeError(`Cannot use ${theta.length} fixed thresholds: give four`);
  }
  if (!(a > 0 && b > a && c > b && d > c && Number.isFinite(d))) {
    throw new RangeError(`Cannot use fixed thresholds ${theta.join(", ")}: give positive, strictly increasing numbers`);
  }
  return [a, b, c, d];
}

function increasing(theta: Theta): Theta {
  const second = Math.max(theta[1], theta[0] * (1 + STEP));
  const third = Math.max(theta[2], second * (1 + STEP));
  return [theta[0], second, third, Math.max(theta[3], third * (1 + STEP))];
}
