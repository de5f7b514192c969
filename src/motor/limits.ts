import type { Unmet } from "../model/precondition.ts";

/** The bounds of a motor that may change while it runs. */
export interface MotorLimits {
  readonly max_targets_per_minute: number;
  readonly cooldown_s: number;
  readonly expiry_s: number;
  /** Path patterns of the configuration that no remedy touches, beside the safety list. */
  readonly protect?: readonly string[];
  /** Puts a reason code into words; absent: the code alone is said. */
  readonly words?: (unmet: Unmet) => string;
}
