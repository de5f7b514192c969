import type { AuditLine } from "./audit_lines.ts";
import { type Figures, figures, type Probe, percent } from "./probes.ts";

/** What has to answer each flood: a share of the new flows, or only what is essential. */
export const ANSWERS = { shed: 3, essential: 4 } as const;
export type Answer = keyof typeof ANSWERS;

/** Seconds after the onset of the flood; null when it did not come. */
export interface Moments {
  readonly look_s: number | null;
  readonly shed_s: number | null;
  readonly essential_s: number | null;
  readonly effective_s: number | null;
  /** The shield was gone again. */
  readonly lifted_s: number | null;
}

/** Requests before the flood, until the step that worked, from then to the end of the flood, and once the shield is gone. */
export interface Parts {
  readonly before: Figures;
  readonly unanswered: Figures;
  readonly answered: Figures;
  readonly after: Figures;
}

/** How the agent, alone, met one flood. */
export interface Meeting {
  readonly flood: string;
  readonly answer: Answer;
  readonly moments: Moments;
  readonly highest: number;
  /** The mode in force when it was seen to work; null when it never was. */
  readonly worked: string | null;
  readonly service: Parts;
  readonly health: Parts;
  /** Every change of a level, step of the shield and verdict, as said. */
  readonly said: readonly string[];
}

export interface Flooded {
  readonly flood: string;
  readonly answer: Answer;
  readonly onset_ms: number;
  readonly end_ms: number;
  /** All probes from before the flood until after it. */
  readonly service: readonly Probe[];
  readonly health: readonly Probe[];
  /** When the probes of the last part began. */
  readonly after_ms: number;
}

/** One flood as the audit tells it. Pure. @param audit lines between the flood's onset and its last probe */
export function meeting(flooded: Flooded, audit: readonly AuditLine[]): Meeting {
  const { flood, answer, onset_ms } = flooded;
  const moments: Record<keyof Moments, number | null> = {
    look_s: null,
    shed_s: null,
    essential_s: null,
    effective_s: null,
    lifted_s: null,
  };
  const said: string[] = [];
  let [mode, since_s, highest]: [string, number | null, number] = ["", null, 0];
  let worked: { readonly mode: string; readonly since_s: number } | null = null;
  for (const { t_ns, decision, outcomes, verdicts } of audit) {
    const at_s = t_ns / 1e9 - onset_ms / 1000;
    const say = (text: string) => said.push(`${at_s.toFixed(1)} s ${text}`);
    if (decision !== undefined) {
      if (decision.level !== decision.previous_level) say(`level ${decision.level}: ${decision.rule}`);
      highest = Math.max(highest, decision.level);
      for (const { verb, setting } of decision.actions) {
        if (setting.rung !== "shield") continue;
        mode = verb === "release" ? "lifted" : verb === "apply" ? "look" : (setting.mode ?? "");
        since_s = at_s;
        moments[`${mode}_s` as keyof Moments] ??= at_s;
      }
    }
    for (const { rung, status, detail } of outcomes ?? []) if (rung === "shield") say(`shield ${status}: ${detail}`);
    for (const { verdict, detail } of verdicts ?? []) {
      say(`${verdict}: ${detail}`);
      if (verdict !== "effective" || since_s === null) continue;
      moments.effective_s ??= at_s;
      worked ??= { mode, since_s };
    }
  }
  const answered_ms = worked === null ? flooded.end_ms : onset_ms + 1000 * worked.since_s;
  return {
    flood,
    answer,
    moments,
    highest,
    worked: worked?.mode ?? null,
    service: parts(flooded.service, flooded, answered_ms),
    health: parts(flooded.health, flooded, answered_ms),
    said,
  };
}

function parts(all: readonly Probe[], { onset_ms, end_ms, after_ms }: Flooded, answered_ms: number): Parts {
  const between = (from_ms: number, to_ms: number) =>
    figures(all.filter(({ due_ms }) => due_ms >= from_ms && due_ms < to_ms));
  return {
    before: between(0, onset_ms),
    unanswered: between(onset_ms, answered_ms),
    answered: between(answered_ms, end_ms),
    after: between(after_ms, Number.POSITIVE_INFINITY),
  };
}

/** What must hold of it and does not. */
export function meeting_failures({ flood, answer, highest, worked, health, moments }: Meeting): readonly string[] {
  const wrong: string[] = [];
  if (worked !== answer) wrong.push(`${flood}: ${worked ?? "nothing"} was seen to work, not ${answer}`);
  if (highest !== ANSWERS[answer]) wrong.push(`${flood}: the highest level was ${highest}, not ${ANSWERS[answer]}`);
  if (moments.lifted_s === null) wrong.push(`${flood}: the shield was not lifted`);
  const { asked, served } = health.answered;
  if (served < asked) wrong.push(`${flood}: ${served} of ${asked} healthchecks were answered behind the shield`);
  return wrong;
}

const moment = (s: number | null) => (s === null ? "–" : `${s.toFixed(1)} s`);

export function meeting_text({ flood, moments, service, health, said }: Meeting): string {
  const times = Object.entries(moments).map(([name, s]) => `${name.replace(/_s$/, "")} ${moment(s)}`);
  const lines = [`${flood}, met by the agent alone; after the onset: ${times.join(", ")}`];
  for (const [part, figures] of Object.entries(service) as [keyof Parts, Figures][]) {
    const { asked, served, p50_ms, p99_ms } = figures;
    const checks = health[part];
    const latency = asked === 0 ? "" : ` p50 ${p50_ms.toFixed(1)} ms, p99 ${p99_ms.toFixed(0)} ms,`;
    lines.push(
      `  ${part.padEnd(10)} served ${percent(served, asked)} of ${asked},${latency} healthchecks ${percent(checks.served, checks.asked)}`,
    );
  }
  return [...lines, ...said.map((line) => `    ${line}`)].join("\n");
}
