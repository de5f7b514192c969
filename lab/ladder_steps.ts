import type { AuditLine } from "./audit_lines.ts";

/** One thing that the audit says, in the order in which it happened. */
export interface LadderStep {
  /** Seconds after the fault began. */
  readonly at_s: number;
  /** In force after it; null where the line says nothing of it. */
  readonly level: number | null;
  readonly kind: "level" | "action" | "verdict" | "quarantine" | "undo";
  readonly subject: string;
  /** done, pending, refused …, or the verdict. */
  readonly status: string;
  readonly detail: string;
}

/** The audit as a table of steps, from the onset on. Pure. */
export function ladder_steps(audit: readonly AuditLine[], onset_ms: number): readonly LadderStep[] {
  const steps: LadderStep[] = [];
  let level = 0;
  for (const { t_ns, kind, decision, outcomes, verdicts, outcome, reason } of audit) {
    const at_s = t_ns / 1e9 - onset_ms / 1000;
    if (decision !== undefined) level = decision.level;
    if (at_s < 0) continue;
    if (decision !== undefined && decision.level !== decision.previous_level) {
      const { rule, inaction } = decision;
      const detail = inaction === "" ? rule : `${rule}; ${inaction}`;
      steps.push({ at_s, level, kind: "level", subject: `${decision.previous_level} → ${level}`, status: "", detail });
    }
    for (const { verb, rung, target, status, detail } of outcomes ?? []) {
      const whom = target.comm === null ? target.path : `${target.path} (${target.comm})`;
      const said =
        kind !== "undo" || reason === undefined || detail.startsWith(reason) ? detail : `${reason}: ${detail}`;
      const subject = `${verb} ${rung} ${whom}`;
      steps.push({ at_s, level, kind: kind === "undo" ? "undo" : "action", subject, status, detail: said });
    }
    for (const { id, verdict, detail } of verdicts ?? []) {
      steps.push({ at_s, level, kind: "verdict", subject: id, status: verdict, detail });
    }
    if (outcome !== undefined) {
      const { step, subject, status, detail } = outcome;
      steps.push({ at_s, level, kind: "quarantine", subject: `${step} ${subject}`, status, detail });
    }
  }
  return steps;
}

const FAILED: readonly string[] = ["no_effect", "harmful", "refused"];

/** When a level was reached for the first time. */
export interface Reached {
  readonly level: number;
  /** Seconds after the fault began. */
  readonly at_s: number;
}

/** The levels that were higher than all before them since the onset, in their order. Pure. */
export function reached(audit: readonly AuditLine[], onset_ms: number): readonly Reached[] {
  const found: Reached[] = [];
  for (const { t_ns, decision } of audit) {
    const at_s = t_ns / 1e9 - onset_ms / 1000;
    if (decision === undefined || at_s < 0 || decision.level <= (found.at(-1)?.level ?? 0)) continue;
    found.push({ level: decision.level, at_s });
  }
  return found;
}

/**
 * What of the climb must hold and does not: it begins at level 0, leaves none out, every change of a level has its record and its
 * rule, 4 and 5 answer what was seen to fail below, every containment has its verdict.
 */
export function climb_failures(audit: readonly AuditLine[], onset_ms: number): readonly string[] {
  const wrong: string[] = [];
  const applied = new Set<string>();
  const judged = new Map<string, string>();
  let [level, highest, failures, failures_below] = [0, 0, 0, 0];
  let begun = false;
  for (const { t_ns, kind, decision, verdicts } of audit) {
    if (kind === "start") level = 0;
    if (!begun && t_ns >= onset_ms * 1e6) {
      begun = true;
      if (level > 0) wrong.push(`level ${level} was in force before the fault began`);
    }
    for (const { id, verdict } of verdicts ?? []) {
      judged.set(id, verdict);
      if (FAILED.includes(verdict)) failures += 1;
    }
    if (decision === undefined) continue;
    for (const { id, verb } of decision.actions) if (verb === "apply") applied.add(id);
    if (decision.previous_level !== level) {
      wrong.push(`level ${level} became ${decision.previous_level} without a record`);
    }
    if (decision.level > level && decision.rule === "") wrong.push(`level ${decision.level} has no rule`);
    level = decision.level;
    if (!begun || level <= highest) continue;
    if (level > highest + 1) wrong.push(`level ${highest} became ${level}`);
    // Verdicts of this very beat are written behind the decision.
    const seen = failures + decision.verdicts.filter(({ verdict }) => FAILED.includes(verdict)).length;
    if (level >= 4 && seen === failures_below) wrong.push(`level ${level} answers nothing that was seen to fail`);
    highest = level;
    failures_below = seen;
    if (level < 5) continue;
    if (seen < 2) wrong.push(`level 5 was entered with ${seen} containments seen to fail`);
    for (const id of applied) if (!judged.has(id)) wrong.push(`${id} was never judged before level 5`);
  }
  if (highest < 5) wrong.push(`the highest level was ${highest}, not 5`);
  return wrong;
}
