import type { DecisionConfig } from "../../src/decision/config.ts";
import type { ContainmentObservation, ShieldObservation } from "../../src/model/containment.ts";
import { CONFIG, observation } from "./fixtures.ts";

/** A node that has a shield. */
export const SHIELDED: DecisionConfig = { ...CONFIG, shield: { admit_share: 0.5 } };

/** A shield in force; null: a recording motor, which sees nothing. */
export function observed_shield(id: string, network: ShieldObservation | null): ContainmentObservation {
  return observation(id, "shield", { network });
}
