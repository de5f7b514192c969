import type { Assessment, GrowthAssessment } from "../model/assessment.ts";
import type { Harm } from "../model/decision.ts";
import type { Level } from "../model/level.ts";
import type { DecisionConfig } from "./config.ts";
import type { DecisionState } from "./state.ts";

/** D̄ may drift by this part of θ1 per second on a plateau. */
export const CALM = 0.1;

/**
 * Since when the node stands on a calm plateau away from its normal, null when it does not: at level 1, not moving, bounded,
 * with nothing that grows, stalls or is contained. An incident is none of that, so it never teaches itself to be normal.
 */
export function plateau_since(
  a: Assessment,
  level: Level,
  harm: Harm,
  state: DecisionState,
  config: DecisionConfig,
  now_ns: number,
): number | null {
  if (!a.warm || level !== 1 || harm.present) return null;
  if (state.stalled_since_ns !== null || state.containments.length > 0 || a.growth.some(is_sustained)) return null;
  const [theta1, , , theta4] = a.thresholds.theta;
  const still = Math.abs(a.velocity) < CALM * theta1;
  const bounded = a.d_smooth < config.habituate.bound * theta4;
  return still && bounded ? (state.plateau_since_ns ?? now_ns) : null;
}

function is_sustained({ sustained_s }: GrowthAssessment): boolean {
  return sustained_s > 0;
}

/** Whether the plateau has lasted `habituate.after_s` at `now_ns`: then it may be learned as normal. */
export function habituates(plateau_since_ns: number | null, config: DecisionConfig, now_ns: number): boolean {
  return plateau_since_ns !== null && now_ns - plateau_since_ns >= config.habituate.after_s * 1e9;
}
