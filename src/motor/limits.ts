import type { Safety } from "../model/precondition.ts";

/** The bounds of a motor that may change while it runs. */
export interface MotorLimits {
  readonly max_targets_per_minute: number;
  readonly cooldown_s: number;
  readonly expiry_s: number;
  readonly safety: Safety;
}
