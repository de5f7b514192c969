import type { DecisionConfig } from "../../src/decision/config.ts";
import type { ContainmentObservation, ShieldObservation } from "../../src/model/containment.ts";
import { CONFIG } from "./fixtures.ts";

/** A node that has a shield. */
export const SHIELDED: DecisionConfig = { ...CONFIG, shield: { admit_share: 0.5 } };

/** A shield in force; null: a recording motor, which sees nothing. */
export function observed_shield(id: string, network: ShieldObservation | null): ContainmentObservation {
  return {
    id,
    rung: "shield",
    status: "done",
    detail: "",
    frozen: null,
    alive: true,
    in_force: true,
    memory_bytes: null,
    headroom_bytes: null,
    slope_bytes_per_s: null,
    rest_steps_per_s: null,
    rest_steps_before_per_s: null,
    rest_window_s: null,
    asleep: null,
    stall_full: null,
    network,
  };
}
