import type { Config } from "../config/index.ts";
import type { CortexOptions } from "../cortex/self.ts";

/** The part of the configuration the cortex may know, in its units. */
export function cortex_options(config: Config): CortexOptions {
  const { learning, thresholds, opinions } = config;
  const vigilance_per_s = thresholds.vigilance_per_hour / 3600;
  // Who fixes the thresholds wants D̄ alone to decide.
  const asked = opinions.enabled && thresholds.mode === "learned";
  // D̄ and the opinions are two ways to level 1 and share its budget.
  const shared_per_s = asked ? vigilance_per_s / 2 : vigilance_per_s;
  const every_s = opinions.period_s;
  return {
    warmup_s: learning.warmup_s,
    half_life_s: learning.half_life_s,
    lambda: learning.lambda,
    thresholds: thresholds.mode === "learned" ? "learned" : thresholds.fixed,
    budgets: {
      vigilance_per_s: shared_per_s,
      intervention_per_s: thresholds.interventions_per_30_days / (30 * 86400),
    },
    opinions: asked ? { every_s, row_s: every_s, alarms_per_s: shared_per_s } : null,
  };
}
