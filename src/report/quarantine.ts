import type { QuarantinePlan, StepOutcome } from "../model/quarantine.ts";

import { precondition_words } from "./precondition.ts";

/** What each step of a plan does, or why it does not, one sentence each. */
export function plan_sentences(plan: QuarantinePlan): readonly string[] {
  return plan.steps.flatMap(({ name, todo, because, spared, refused = [] }) => [
    `${name}: ${todo === null ? "not done: " : ""}${because}`,
    ...refused.map(({ path, unmet }) => `  left alone: ${path}: ${precondition_words(unmet)}`),
    ...spared.map((each) => `  left alone: ${each}`),
  ]);
}

/** What became of one part of a step. */
export function step_sentence({ step, subject, status, prior, written, ledger_id, detail }: StepOutcome): string {
  const change = written === null ? "" : ` (${prior ?? "–"} → ${written})`;
  const ledger = ledger_id === null ? "" : ` (ledger ${ledger_id})`;
  return `${step} ${subject}: ${status}${change}${ledger}${detail === "" ? "" : `; ${detail}`}`;
}
