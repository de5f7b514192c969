import type { Thresholds } from "../model/assessment.ts";

/** A change of a threshold by this part of it is worth a record … */
const MATERIAL = 0.05;
/** … at most so often. */
const QUIET_NS = 600e9;

/** When the learned baseline is told to the audit: once known, and again when a threshold has moved by 5 %, at most every ten minutes. */
export class BaselineNews {
  #told: Thresholds["theta"] | null = null;
  #told_ns = Number.NEGATIVE_INFINITY;
  #seen: Thresholds["theta"] | null = null;

  /** Whether the thresholds in force at `t_ns` must be told now; if so they count as told. */
  due(theta: Thresholds["theta"], t_ns: number): boolean {
    // Thresholds change every few minutes at most: at nearly every beat they are the very same object.
    if (theta === this.#seen) return false;
    const told = this.#told;
    if (told !== null && t_ns - this.#told_ns < QUIET_NS) return false;
    this.#seen = theta;
    if (told !== null && theta.every((value, k) => Math.abs(value / told[k]! - 1) <= MATERIAL)) return false;
    this.#told = theta;
    this.#told_ns = t_ns;
    return true;
  }
}
