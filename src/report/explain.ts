import type {
  ActionEntry,
  AuditRecord,
  HookEntry,
  QuarantineEntry,
  QuarantineStepEntry,
  TransitionEntry,
} from "../model/audit.ts";
import type { Action, Outcome, Setting } from "../model/containment.ts";
import type { Culprit, Decision, Harm, Verdict } from "../model/decision.ts";
import { hook_sentence } from "../model/hook.ts";
import { level_name } from "../model/level.ts";
import type { Regime } from "../model/regime.ts";
import type { Replay } from "../model/replay.ts";
import { excuse_sentence, kernel_text } from "./excuse.ts";
import { natural, num, percent, quantity, signed } from "./number.ts";
import { patterns } from "./pattern.ts";
import { plan_sentences, step_sentence } from "./quarantine.ts";
import { regime_sentence } from "./regime.ts";
import { by_level, type Style } from "./style.ts";

export type DecisionRecord = AuditRecord & (TransitionEntry | ActionEntry);

/** A quarantine's plan or what became of a step of it. */
export type QuarantineRecord = AuditRecord & (QuarantineEntry | QuarantineStepEntry);

/** What a record is explained with besides itself. */
export interface Circumstances {
  /** What was planned and done about level 5 after this record chose it, oldest first. */
  readonly quarantine?: readonly QuarantineRecord[];
  readonly replay: Replay;
  readonly regime: Regime;
  /** Verdicts reached later on the containments this record acted on. */
  readonly verdicts: readonly { readonly record_id: string; readonly verdict: Verdict }[];
  /** Hooks that were run for them, oldest first. */
  readonly hooks?: readonly (AuditRecord & HookEntry)[];
  /** Name of the motor of that run; "recording" means nothing was touched. */
  readonly motor: string;
}

/** One decision in sentences and numbers. */
export function explain_decision(record: DecisionRecord, around: Circumstances, paint: Style): string {
  const { decision } = record;
  const lines = [
    `${paint.bold(record.id)}  ${record.wall_time}  ${record.kind}  ${level_change(decision, paint)}`,
    row("Seen", seen(record)),
    row("Threshold", thresholds(record)),
    row("Carried by", carriers(record)),
    row("Looks like", looks(record)),
    row("Regime", regime_sentence(around.regime)),
    row("Who", decision.culprit === null ? "nobody was looked for" : culprit(decision.culprit)),
    row("Harm", harm(decision.harm)),
    ...decision.harm.because.map((reason) => row("", reason)),
    ...(decision.harm.excuse === undefined ? [] : [row("", excuse_sentence(decision.harm.excuse))]),
    row("Rule", decision.rule),
    ...actions(record, around.motor),
    ...(decision.inaction === "" ? [] : [row("Not done", decision.inaction)]),
    ...around.verdicts.map(({ record_id, verdict }) =>
      row("Verdict", `${record_id}: ${verdict.id} ${verdict.verdict}: ${verdict.detail}`),
    ),
    ...(around.hooks ?? []).map(hook),
    ...(around.quarantine ?? []).flatMap(quarantine),
    row("Proof", proof(around.replay, paint)),
  ];
  return `${lines.join("\n")}\n`;
}

function hook({ id, hook, command, event, action_id, result }: AuditRecord & HookEntry): string {
  return row("Hook", `${id}: ${hook} (${command[0]}) for ${action_id} ${event}: ${hook_sentence(result)}`);
}

/** The plan of a quarantine in sentences, with its own proof. */
export function explain_quarantine(record: QuarantineRecord, replay: Replay | null, paint: Style): string {
  const head = `${paint.bold(record.id)}  ${record.wall_time}  ${record.kind}`;
  const proven = replay === null ? [] : [row("Proof", proof(replay, paint, "plan made anew"))];
  return `${[head, ...quarantine(record), ...proven].join("\n")}\n`;
}

function quarantine(record: QuarantineRecord): readonly string[] {
  if (record.kind === "quarantine_step") return [row("Quarantine", `${record.id}: ${step_sentence(record.outcome)}`)];
  const { environment } = record.input.facts;
  const again = record.resumed ? ", taken up again after a restart" : "";
  return [
    row("Where", `${environment.environment} (${environment.basis}): ${environment.because}${again}`),
    ...environment.evidence.map(({ source, found }) => row("", `${source}: ${found}`)),
    ...plan_sentences(record.plan).map((sentence, i) => row(i === 0 ? "Plan" : "", sentence)),
    row("Way back", record.plan.recovery),
  ];
}

/** Any other record: its fields, one per line. */
export function explain_plain(record: AuditRecord, paint: Style): string {
  const { seq: _, id, wall_time, kind, prev: __, hash, t_ns, ...fields } = record;
  const lines = Object.entries(fields).map(([name, value]) =>
    row(name, typeof value === "string" ? value : JSON.stringify(value)),
  );
  return `${[`${paint.bold(id)}  ${wall_time}  ${kind}`, row("t_ns", String(t_ns)), ...lines, row("hash", hash)].join("\n")}\n`;
}

function row(label: string, text: string): string {
  return `  ${label.padEnd(11)}${text}`;
}

function level_change(decision: Decision, paint: Style): string {
  const now = by_level(paint, decision.level, `${decision.level} ${level_name(decision.level)}`);
  if (decision.level === decision.previous_level) return `level ${now}`;
  return `level ${decision.previous_level} ${level_name(decision.previous_level)} → ${now}`;
}

function seen({ input: { assessment: a } }: DecisionRecord): string {
  const warm = a.warm ? "" : "; still warming up";
  return (
    `D ${num(a.d)}, D̄ ${num(a.d_smooth)}, slope ${signed(a.velocity)}/s, acceleration ${signed(a.acceleration)}/s², ` +
    `φ ${signed(a.phi)}; ${a.learned_samples} samples learned${warm}`
  );
}

function thresholds({ input: { assessment: a } }: DecisionRecord): string {
  const fallen = a.thresholds.theta.filter((theta) => a.d_smooth > theta).length;
  const all = a.thresholds.theta.map((theta, i) => `θ${i + 1} ${num(theta)}`).join(", ");
  const verdict = fallen === 0 ? "D̄ is below all" : `D̄ is beyond θ${fallen}`;
  return `${verdict} (${all}; ${a.thresholds.source})`;
}

function carriers({ input: { assessment: a } }: DecisionRecord): string {
  if (a.dominant.length === 0) return "no dimension stands out";
  const squared = a.d * a.d;
  return a.dominant
    .map((j) => {
      const name = a.dimension_names[j] ?? "?";
      const share = squared > 0 ? percent((a.contribution[j] ?? 0) / squared) : "–";
      return `${name} ${share} of D² (${natural(name, a.x[j] ?? 0)})`;
    })
    .join(", ");
}

function looks({ input: { assessment } }: DecisionRecord): string {
  const found = patterns(assessment);
  if (found.length === 0) return "nothing that has a common name";
  return found.map(({ name, because }) => `${name} (${because})`).join("; ");
}

function culprit(who: Culprit): string {
  const kernel = kernel_text(who);
  if (kernel !== null) return `${kernel}, ${percent(who.share ?? 0)} of what the node loses`;
  const task = who.tid ?? who.pid;
  const inside = task === null ? "" : `, ${who.scope} ${task}${who.comm === null ? "" : ` "${who.comm}"`}`;
  const share = who.share === null ? "" : `, carrying ${percent(who.share)} of the change there`;
  const guarded = who.protected === null ? "" : `; protected: ${who.protected}`;
  const note = who.note === "" ? "" : `; ${who.note}`;
  const change = `own change ${signed(who.change, 1)} σ (${num(who.rate)}/s against ${num(who.baseline_rate)}/s)`;
  return `${who.path || "unknown"} (id ${who.cgroup_id})${inside}${share}; ${change}${guarded}${note}`;
}

function harm(witness: Harm): string {
  if (!witness.present) return `none (evidence ${witness.evidence})`;
  const bound = witness.bound === null ? "" : `, bound ${quantity(witness.bound, witness.unit)}`;
  return `${witness.witness} ${quantity(witness.value, witness.unit)}${bound}; evidence ${witness.evidence}`;
}

function actions(record: DecisionRecord, motor: string): readonly string[] {
  if (record.decision.actions.length === 0) return [];
  const outcomes = record.kind === "action" ? record.outcomes : [];
  const label = motor === "recording" ? "Would do" : "Done";
  return record.decision.actions.flatMap((action, i) => [
    row(label, `${action.id}: ${action.verb} ${setting(action.setting)} on ${target(action)}: ${action.reason}`),
    ...(outcomes[i] === undefined ? [] : [row("", outcome(outcomes[i]))]),
  ]);
}

function target(action: Action): string {
  const { path, pid, tid, comm } = action.target;
  const task = tid ?? pid;
  return task === null ? path : `${path} task ${task}${comm === null ? "" : ` "${comm}"`}`;
}

export function setting(value: Setting): string {
  switch (value.rung) {
    case "memory_governor":
      return `memory.high ${quantity(value.high_bytes, "bytes")}`;
    case "swap_reserve":
      return `memory.swap.max ${quantity(value.swap_max_bytes, "bytes")}`;
    case "cpu_weight":
      return `cpu.weight ${value.weight}`;
    case "cpu_max":
      return `cpu.max ${value.quota_us} ${value.period_us}`;
    case "io_max":
      return `io.max ${quantity(value.bytes_per_s, "bytes/s")}`;
    case "shield":
      return value.mode === "shed"
        ? `shield admits ${Math.round(value.admit_share * 100)} % of new flows`
        : `shield ${value.mode}`;
    default:
      if ("pulse_ms" in value) return `${value.rung} thawed for ${value.pulse_ms} ms`;
      return `${value.rung} ${value.frozen ? "frozen" : "thawed"}`;
  }
}

export function outcome(result: Outcome): string {
  const written = result.file === null ? "" : ` ${result.file}: ${result.prior ?? "–"} → ${result.written ?? "–"}`;
  const ledger = result.ledger_id === null ? "" : ` (ledger ${result.ledger_id})`;
  return `${result.status}${written}${ledger}${result.detail === "" ? "" : `; ${result.detail}`}`;
}

function proof(replay: Replay, paint: Style, what = "decision re-run"): string {
  return replay.identical ? paint.green(`${what}: identical`) : paint.red(`${what}: DIFFERENT at ${replay.difference}`);
}
