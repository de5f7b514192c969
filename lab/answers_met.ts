import { type AuditLine, audit_lines } from "./audit_lines.ts";
import { markdown_table } from "./markdown.ts";

/** A verdict of the agent on what it did, and whether it was true. */
export interface SaidVerdict {
  /** Seconds after the onset. */
  readonly t_s: number;
  readonly what: string;
  readonly verdict: string;
  readonly detail: string;
  /** It said "effective" of something that carried no blame, or the service answered less than half as often as before while it was held. */
  readonly untrue: boolean;
}

export interface AnswersReport {
  /** Longest stretch without an answer after the onset, and the sum of those over a tenth of a second. */
  readonly longest_ms: number;
  readonly silent_s: number;
  /** Answers per second after the onset, as part of those in the 30 s before. */
  readonly answered_part: number;
  /** When the service ended, seconds after the onset; null: it did not. */
  readonly ended_s: number | null;
  /** Threads were frozen for so long, and what else was done in between. */
  readonly frozen_s: number;
  readonly done: readonly string[];
  readonly verdicts: readonly SaidVerdict[];
}

interface Second {
  readonly t_ms: number;
  readonly answers: number;
  readonly longest_ms: number;
}

const BEFORE_MS = 30_000;
const SILENCE_MS = 100;

/** Lines "t_ms answers longest_ms"; others are moments, "name t_ms". */
export function parse_answers(text: string): {
  readonly seconds: readonly Second[];
  readonly moments: ReadonlyMap<string, number>;
} {
  const seconds: Second[] = [];
  const moments = new Map<string, number>();
  for (const line of text.split("\n")) {
    const [first = "", second = "", third] = line.split(" ");
    if (third === undefined) moments.set(first, Number(second));
    else seconds.push({ t_ms: Number(first), answers: Number(second), longest_ms: Number(third) });
  }
  return { seconds, moments };
}

/**
 * Pure. @param blameless nothing that the agent could hold carries the cause, as long as that lasts: until a moment named "reserved", where there is
 * one. @param read text of one of the guest's files
 */
export function answers_report(read: (name: string) => string, blameless: boolean): AnswersReport {
  const { seconds, moments } = parse_answers(read("answers.log"));
  const { end_ms } = JSON.parse(read("end.json")) as { end_ms: number };
  const onset_ms = moments.get("onset") ?? Number.NaN;
  const after = seconds.filter(({ t_ms }) => t_ms > onset_ms && t_ms <= end_ms);
  const last_ms = after.at(-1)?.t_ms ?? onset_ms;
  // A service that has not logged for three seconds has ended, or stands still as a whole.
  const ended = end_ms - last_ms > 3000;
  const stretches = after.map(({ longest_ms }) => longest_ms);
  if (ended) stretches.push(end_ms - last_ms + (stretches.at(-1) ?? 0));
  const rate = per_s(seconds, onset_ms - BEFORE_MS, onset_ms);
  const audit = audit_lines(read("audit.jsonl")).filter(({ t_ns }) => t_ns / 1e6 >= onset_ms - BEFORE_MS);
  return {
    longest_ms: Math.max(0, ...stretches),
    silent_s: round(silent_ms(after, ended ? end_ms - last_ms : 0) / 1000),
    answered_part: round(per_s(seconds, onset_ms, end_ms) / rate),
    ended_s: ended ? round((last_ms - onset_ms) / 1000) : null,
    frozen_s: round(frozen_ms(audit, end_ms) / 1000),
    done: done(audit, onset_ms),
    verdicts: verdicts(audit, seconds, {
      ...{ onset_ms, end_ms, rate },
      blameless_until_ms: blameless ? (moments.get("reserved") ?? Number.POSITIVE_INFINITY) : 0,
    }),
  };
}

/** A stretch that lasts over several lines grows from line to line: only its last length counts. */
function silent_ms(after: readonly Second[], more_ms: number): number {
  let sum = more_ms;
  for (const [k, { longest_ms }] of after.entries()) {
    const next = after[k + 1];
    const goes_on = next !== undefined && next.longest_ms >= longest_ms;
    if (longest_ms > SILENCE_MS && !goes_on) sum += longest_ms;
  }
  return sum;
}

function per_s(seconds: readonly Second[], from_ms: number, to_ms: number): number {
  const within = seconds.filter(({ t_ms }) => t_ms > from_ms && t_ms <= to_ms);
  return within.reduce((sum, { answers }) => sum + answers, 0) / ((to_ms - from_ms) / 1000);
}

/** How long any thread was asked to stand still. */
function frozen_ms(audit: readonly AuditLine[], end_ms: number): number {
  const since = new Map<string, number>();
  let sum = 0;
  for (const { t_ns, decision } of audit) {
    for (const { id, verb, setting } of decision?.actions ?? []) {
      if (setting.rung !== "thread_hold" && setting.rung !== "freeze") continue;
      const began = since.get(id);
      if (began !== undefined) sum += t_ns / 1e6 - began;
      if (verb !== "release" && setting.frozen === true) since.set(id, t_ns / 1e6);
      else since.delete(id);
    }
  }
  for (const began of since.values()) sum += Math.max(0, end_ms - began);
  return sum;
}

/** What was applied, released or adjusted, in the order of the first time, and how often. */
function done(audit: readonly AuditLine[], onset_ms: number): readonly string[] {
  const counts = new Map<string, number>();
  for (const { t_ns, outcomes } of audit) {
    if (t_ns / 1e6 < onset_ms) continue;
    for (const { verb, rung, status, target } of outcomes ?? []) {
      const what = `${verb} ${rung} ${target.comm ?? target.path} (${status})`;
      counts.set(what, (counts.get(what) ?? 0) + 1);
    }
  }
  return [...counts].map(([what, count]) => (count === 1 ? what : `${what} ×${count}`));
}

interface Frame {
  readonly onset_ms: number;
  readonly end_ms: number;
  /** Answers per second before the onset. */
  readonly rate: number;
  /** What was begun before says nothing of the one that was held. */
  readonly blameless_until_ms: number;
}

function verdicts(
  audit: readonly AuditLine[],
  seconds: readonly Second[],
  { onset_ms, end_ms, rate, blameless_until_ms }: Frame,
): readonly SaidVerdict[] {
  const names = new Map<string, string>();
  const released = new Map<string, number>();
  const applied = new Map<string, number>();
  const said: (SaidVerdict & { readonly id: string; readonly t_ms: number })[] = [];
  for (const { t_ns, decision, kind, verdicts: judged } of audit) {
    const t_ms = t_ns / 1e6;
    for (const { id, setting, target, verb } of decision?.actions ?? []) {
      names.set(id, `${setting.rung} ${target.comm ?? target.path}`);
      if (verb === "release") released.set(id, t_ms);
      if (verb === "apply") applied.set(id, t_ms);
    }
    if (kind !== "verification") continue;
    const t_s = round((t_ms - onset_ms) / 1000);
    for (const { id, verdict, detail } of judged ?? [])
      said.push({ id, t_ms, t_s, what: names.get(id) ?? id, verdict, detail, untrue: false });
  }
  return said.map(({ id, t_ms, ...each }) => {
    const until_ms = released.get(id) ?? end_ms;
    const kept = until_ms - t_ms < 1000 || per_s(seconds, t_ms, until_ms) >= 0.5 * rate;
    const innocent = (applied.get(id) ?? t_ms) < blameless_until_ms;
    return { ...each, untrue: each.verdict === "effective" && (innocent || !kept) };
  });
}

function round(value: number): number {
  return Number(value.toFixed(2));
}

export interface AnswersRun {
  readonly scenario: string;
  readonly agent: string;
  readonly kernel: string;
  readonly seed: number;
  readonly report: AnswersReport;
}

/** A row per run, and below it what the agent did and said. */
export function answers_text(runs: readonly AnswersRun[]): string {
  const head = [
    "scenario",
    "kernel",
    "agent",
    "longest stretch, ms",
    "silent, s",
    "answered, %",
    "ended, s",
    "frozen, s",
    "untrue effective",
  ];
  const rows = runs.map(({ scenario, agent, kernel, report: r }) => [
    ...[scenario, kernel, agent, String(r.longest_ms), r.silent_s.toFixed(1), (r.answered_part * 100).toFixed(0)],
    ...[r.ended_s === null ? "–" : r.ended_s.toFixed(0), r.frozen_s.toFixed(1)],
    agent === "none" ? "–" : String(r.verdicts.filter(({ untrue }) => untrue).length),
  ]);
  const told = runs
    .filter(({ agent }) => agent !== "none")
    .map(({ scenario, kernel, report: r }) =>
      [
        `\n${scenario}, ${kernel}: ${r.done.join(", ") || "nothing was done"}`,
        ...r.verdicts.map(
          (v) =>
            `  ${v.t_s.toFixed(2).padStart(8)} s  ${v.what}: ${v.verdict}, ${v.detail}${v.untrue ? "   UNTRUE" : ""}`,
        ),
      ].join("\n"),
    );
  return [markdown_table([head, ...rows], 3), ...told].join("\n");
}
