import type { DecisionConfig } from "../decision/config.ts";
import { decide } from "../decision/decide.ts";
import { plan_quarantine } from "../decision/quarantine.ts";
import { regime } from "../decision/regime.ts";
import type { DecisionState } from "../decision/state.ts";
import type { DecisionInput, QuarantineEntry } from "../model/audit.ts";
import type { Decision } from "../model/decision.ts";
import type { Regime } from "../model/regime.ts";
import type { Replay } from "../model/replay.ts";

/** Re-run a recorded decision from exactly what it was given, and compare as canonical JSON. */
export function replay(record: { readonly input: DecisionInput; readonly decision: Decision }): Replay {
  const { assessment, state, config } = record.input;
  let recomputed: Decision;
  try {
    recomputed = decide(assessment, state as DecisionState, config as DecisionConfig, assessment.t_ns).decision;
  } catch (error) {
    return {
      identical: false,
      difference: `the re-run failed: ${error instanceof Error ? error.message : String(error)}`,
    };
  }
  return compare(record.decision, recomputed);
}

/** The regime of a recorded decision. */
export function regime_of({ input, decision }: { readonly input: DecisionInput; readonly decision: Decision }): Regime {
  return regime(input.assessment, decision, (input.config as DecisionConfig).habituate);
}

/** Make the plan of a quarantine again from exactly what it was made from, and compare as canonical JSON. */
export function replan({ input, plan }: Pick<QuarantineEntry, "input" | "plan">): Replay {
  const made: unknown = JSON.parse(JSON.stringify(plan_quarantine(input.facts, input.settings)));
  const difference = first_difference(plan, made, "plan");
  return { identical: difference === "", difference };
}

/** A decision as it was recorded against one made again, as canonical JSON. */
export function compare(recorded: Decision, recomputed: Decision): Replay {
  const difference = first_difference(recorded, JSON.parse(JSON.stringify(recomputed)), "decision");
  return { identical: difference === "", difference };
}

/** Compares plain JSON independent of the order of keys. */
function first_difference(recorded: unknown, recomputed: unknown, path: string): string {
  if (is_node(recorded) && is_node(recomputed) && Array.isArray(recorded) === Array.isArray(recomputed)) {
    for (const key of new Set([...Object.keys(recorded), ...Object.keys(recomputed)])) {
      const difference = first_difference(recorded[key], recomputed[key], `${path}.${key}`);
      if (difference !== "") return difference;
    }
    return "";
  }
  return Object.is(recorded, recomputed) ? "" : `${path}: ${JSON.stringify(recorded)} ≠ ${JSON.stringify(recomputed)}`;
}

function is_node(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}
