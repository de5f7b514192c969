import type { Attribution } from "../model/attribution.ts";
import type {
  ActionEntry,
  AuditRecord,
  EpisodeEntry,
  HookEntry,
  QuarantineEntry,
  QuarantineStepEntry,
  TransitionEntry,
} from "../model/audit.ts";
import type { Action, Outcome, Setting } from "../model/containment.ts";
import { counted } from "../model/counted.ts";
import type { Culprit, Decision, Harm, Verdict } from "../model/decision.ts";
import { hook_sentence } from "../model/hook.ts";
import { level_name } from "../model/level.ts";
import type { Regime } from "../model/regime.ts";
import type { Replay } from "../model/replay.ts";
import type { Maybe } from "../model/sample.ts";
import type { NamedSubject } from "../model/story.ts";
import { advice } from "./advice.ts";
import type { EpisodeSummary } from "./episode_list.ts";
import { clock_text, span_text, unrecorded_text } from "./episode_words.ts";
import { excuse_sentence, kernel_text } from "./excuse.ts";
import { loss_entry_sentence } from "./loss.ts";
import { figure_text, named_text } from "./named.ts";
import { bytes, duration_text, natural, num, percent, quantity, signed } from "./number.ts";
import { patterns } from "./pattern.ts";
import { precondition_words } from "./precondition.ts";
import { plan_sentences, step_sentence } from "./quarantine.ts";
import { regime_sentence } from "./regime.ts";
import { story } from "./story.ts";
import { by_level, type Style } from "./style.ts";
import { thresholds_text } from "./thresholds.ts";

/** A moment of an episode with what was decided then. */
type DecidedMoment = EpisodeEntry & Required<Pick<EpisodeEntry, "input" | "decision">>;

export type DecisionRecord = AuditRecord & (TransitionEntry | ActionEntry | DecidedMoment);

export function is_decision(record: AuditRecord): record is DecisionRecord {
  if (record.kind === "episode") return record.input !== undefined && record.decision !== undefined;
  return record.kind === "transition" || record.kind === "action";
}

/** When it was decided: the peak of an episode is recorded when it is known to be one. */
export function decided_ns(record: DecisionRecord): number {
  return record.kind === "episode" ? record.input.assessment.t_ns : record.t_ns;
}

/** The wall time of that moment, ISO 8601. */
export function decided_wall(record: DecisionRecord): string {
  const at_ms = Date.parse(record.wall_time) - (record.t_ns - decided_ns(record)) / 1e6;
  return record.kind === "episode" && Number.isFinite(at_ms) ? new Date(at_ms).toISOString() : record.wall_time;
}

/** A quarantine's plan or what became of a step of it. */
export type QuarantineRecord = AuditRecord & (QuarantineEntry | QuarantineStepEntry);

/** What a record is explained with besides itself. */
export interface Circumstances {
  /** What was planned and done about level 5 after this record chose it, oldest first. */
  readonly quarantine?: readonly QuarantineRecord[];
  readonly replay: Replay;
  readonly regime: Regime;
  /** Verdicts reached later on the containments this record acted on. */
  readonly verdicts: readonly (RecordedAt & { readonly verdict: Verdict })[];
  /** Hooks that were run for them, oldest first. */
  readonly hooks?: readonly (AuditRecord & HookEntry)[];
  /** Name of the motor of that run; "recording" means nothing was touched. */
  readonly motor: string;
  /** CLOCK_MONOTONIC of the start of that run; absent where its record is gone. */
  readonly run_began_ns?: number;
  /** The episode whose peak this is; absent where one record was asked for. */
  readonly episode?: EpisodeSummary;
  /** Episodes after it that are by the way. */
  readonly later_episodes?: number;
}

/** Where and when something was recorded. */
export interface RecordedAt {
  readonly record_id: string;
  readonly wall_time: string;
  readonly t_ns: number;
}

/** One decision: a plain sentence, what to do, then the numbers. */
export function explain_decision(record: DecisionRecord, around: Circumstances, paint: Style): string {
  const { decision, input } = record;
  const told = story({ assessment: input.assessment, decision });
  const acted = carried_out(record) !== undefined;
  const when = moment_text(decided_wall(record), decided_ns(record), around.run_began_ns);
  const lines = [
    paint.bold(told.headline),
    done(record, around.motor),
    ...advice(told, acted && around.motor !== "recording").map((line) => `  ${line}`),
    "",
    `${paint.bold(record.id)}  ${when}  ${what(record)}  ${level_change(decision, paint)}`,
    ...episode_rows(around),
    ...named_rows(told.named),
    ...unread_rows(input.assessment.attribution),
    row("Seen", seen(record)),
    row("Threshold", thresholds(record)),
    row("Carried by", carriers(record)),
    row("Looks like", looks(record)),
    ...(decision.level === 0 ? [] : [row("Regime", regime_sentence(around.regime))]),
    row("Culprit", decision.culprit === null ? no_culprit(decision) : culprit(decision.culprit)),
    row("Harm", harm(decision.harm)),
    ...decision.harm.because.map((reason) => row("", reason)),
    ...(decision.harm.excuse === undefined ? [] : [row("", excuse_sentence(decision.harm.excuse))]),
    row("Rule", decision.rule),
    ...actions(record, around.motor),
    ...(decision.inaction === "" ? [] : [row("Not done", decision.inaction)]),
    ...around.verdicts.map(({ verdict, ...at }) =>
      row("Verdict", `${at_text(at, around)}: ${verdict.id} ${verdict.verdict}: ${verdict.detail}`),
    ),
    ...(around.hooks ?? []).map((one) => hook(one, around)),
    ...(around.quarantine ?? []).flatMap((one) => quarantine(one, around)),
    row("Proof", proof(around.replay, paint)),
  ];
  return `${lines.join("\n")}\n`;
}

/** `2026-01-02 03:04:05.000 UTC (t=12.3 s)`: since the start of the run, where that is known. */
function moment_text(wall_time: string, t_ns: number, run_began_ns: number | undefined): string {
  const since = run_began_ns === undefined ? "" : ` (t=${((t_ns - run_began_ns) / 1e9).toFixed(1)} s)`;
  return `${clock_text(wall_time)}${since}`;
}

function at_text({ record_id, wall_time, t_ns }: RecordedAt, { run_began_ns }: Circumstances): string {
  return `${record_id} ${moment_text(wall_time, t_ns, run_began_ns).replace(/^\S+ /, "")}`;
}

function what(record: DecisionRecord): string {
  if (record.kind !== "episode") return record.kind;
  return record.event === "reason" ? "the reason changed" : "peak";
}

/** The first action that the motor did not refuse. */
function carried_out(record: DecisionRecord): Action | undefined {
  const outcomes = record.kind === "action" ? record.outcomes : [];
  return record.decision.actions.find((_, i) => outcomes[i]?.status !== "refused");
}

/** What HOSA did about it, one sentence. */
function done(record: DecisionRecord, motor: string): string {
  const { decision } = record;
  if (decision.level === 5)
    return `HOSA ${motor === "recording" ? "would isolate" : "isolated"} the node (quarantine).`;
  const first = carried_out(record);
  if (first !== undefined) {
    const acts = motor === "recording" ? "HOSA would act" : "HOSA acted";
    return `${acts}: ${first.verb} ${setting(first.setting)} on ${target(first)}.`;
  }
  const refused = record.kind === "action" ? record.outcomes[0] : undefined;
  if (refused !== undefined) return `HOSA could not act: ${refused.detail}.`;
  if (decision.inaction !== "") return `HOSA did nothing: ${decision.inaction}.`;
  return decision.level === 0 ? "HOSA did nothing." : `HOSA did nothing: level ${decision.level} only observes.`;
}

function episode_rows({ episode, later_episodes: later = 0 }: Circumstances): readonly string[] {
  if (episode === undefined) return [];
  const unrecorded = unrecorded_text(episode.unrecorded);
  const episodes = `${later} later ${later === 1 ? "episode" : "episodes"}`;
  return [
    row("Episode", episode_text(episode)),
    ...(later === 0 ? [] : [row("", `${episodes} of a moment or of HOSA's own commands: \`hosa explain --list\``)]),
    ...(unrecorded === "" ? [] : [row("", unrecorded)]),
  ];
}

function episode_text({ id, last_id, began, lasted_s, rises, max_level, peak_d_smooth, end }: EpisodeSummary): string {
  const times = rises > 1 ? `, ${rises} rises` : "";
  const lasts = end === "under_way" ? ", not over yet" : "";
  const peak = `highest level ${max_level}, highest D̄ ${num(peak_d_smooth)}`;
  return `${id} – ${last_id}: began ${clock_text(began, 0, 0)}, ${span_text(lasted_s)}${times}${lasts}; ${peak}`;
}

function named_rows(named: Maybe<NamedSubject>): readonly string[] {
  if (named === null) return [];
  const { share_of_cgroup, held_bytes, gained_bytes, age_s, protected: guarded, thread_share } = named;
  const parts = [
    figure_text(named),
    share_of_cgroup === null || named.share === null ? "" : `${percent(share_of_cgroup)} of its cgroup's`,
    thread_share === null || named.tid === null || named.tid === named.pid
      ? ""
      : `the thread carries ${percent(thread_share)} of its process's`,
    held_bytes === undefined ? "" : `holds ${bytes(held_bytes)}`,
    gained_bytes === undefined
      ? ""
      : `${gained_bytes < 0 ? "gave back" : "took"} ${bytes(Math.abs(gained_bytes))} since the onset`,
    age_s === null ? "" : `${duration_text(age_s)} old`,
    guarded === null ? "" : `protected: ${guarded}`,
  ];
  return [row("Process", named_text(named)), row("", parts.filter((part) => part !== "").join("; "))];
}

function unread_rows(attribution: Attribution | undefined): readonly string[] {
  if (attribution === undefined || attribution.complete) return [];
  return [
    row("", `the node has more threads than were read (${attribution.threads}): what the others do is missing here`),
  ];
}

function no_culprit({ level }: Decision): string {
  return level <= 1 ? "no culprit search: level 1 only observes" : "no cgroup stands out";
}

function hook(record: AuditRecord & HookEntry, around: Circumstances): string {
  const { id, wall_time, t_ns, hook, command, event, action_id, result } = record;
  const at = at_text({ record_id: id, wall_time, t_ns }, around);
  return row("Hook", `${at}: ${hook} (${command[0]}) for ${action_id} ${event}: ${hook_sentence(result)}`);
}

/** The plan of a quarantine in sentences, with its own proof. */
export function explain_quarantine(record: QuarantineRecord, replay: Replay | null, paint: Style): string {
  const head = `${paint.bold(record.id)}  ${clock_text(record.wall_time)}  ${record.kind}`;
  const proven = replay === null ? [] : [row("Proof", proof(replay, paint, "plan made anew"))];
  return `${[head, ...quarantine(record, {}), ...proven].join("\n")}\n`;
}

function quarantine(
  record: QuarantineRecord,
  { run_began_ns }: Pick<Circumstances, "run_began_ns">,
): readonly string[] {
  if (record.kind === "quarantine_step") {
    const when = moment_text(record.wall_time, record.t_ns, run_began_ns).replace(/^\S+ /, "");
    return [row("Quarantine", `${record.id} ${when}: ${step_sentence(record.outcome)}`)];
  }
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
  const said = record.kind === "loss" ? [["in words", loss_entry_sentence(record)]] : [];
  const rows = [
    ["t_ns", String(t_ns)],
    ...said,
    ...Object.entries(fields).map(([name, value]) => [name, plain(value)]),
    ["hash", hash],
  ];
  const width = Math.max(...rows.map(([name]) => name!.length));
  const lines = rows.map(([name, value]) => `  ${name!.padEnd(width)}  ${value}`);
  return `${[`${paint.bold(id)}  ${clock_text(wall_time)}  ${kind}`, ...lines].join("\n")}\n`;
}

/** A recorded value in words: `p50 204, p99 911`; what is nested stands in brackets. */
function plain(value: unknown): string {
  if (typeof value === "string") return value;
  if (typeof value !== "object" || value === null) return value === null ? "–" : String(value);
  const nested = (inner: unknown): string =>
    typeof inner === "object" && inner !== null ? `(${plain(inner)})` : plain(inner);
  if (Array.isArray(value)) return value.length === 0 ? "none" : value.map(nested).join(", ");
  return Object.entries(value)
    .map(([key, inner]) => `${key} ${nested(inner)}`)
    .join(", ");
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
    `φ ${signed(a.phi)}; ${counted(a.learned_samples, "sample")} learned${warm}`
  );
}

function thresholds({ input: { assessment: a } }: DecisionRecord): string {
  const fallen = a.thresholds.theta.filter((theta) => a.d_smooth > theta).length;
  const verdict = fallen === 0 ? "D̄ is below all" : `D̄ is beyond θ${fallen}`;
  return `${verdict} (${thresholds_text(a.thresholds)})`;
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

function looks({ input: { assessment }, decision }: DecisionRecord): string {
  const found = patterns(assessment, decision.level);
  if (found.length === 0) return "no known failure pattern matches";
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
  return record.decision.actions.flatMap((action, i) => [
    row(
      done_label(outcomes[i], motor),
      `${action.id}: ${action.verb} ${setting(action.setting)} on ${target(action)}: ${action.reason}`,
    ),
    ...(action.instead_of === undefined ? [] : [row("", instead(action.instead_of))]),
    ...(outcomes[i] === undefined ? [] : [row("", outcome(outcomes[i]))]),
  ]);
}

/** Records older than the status "would_do" tell by their run alone. */
function done_label(result: Outcome | undefined, motor: string): string {
  if (result?.status === "refused") return "Refused";
  return result?.status === "would_do" || motor === "recording" ? "Would do" : "Done";
}

function instead({ rung, unmet }: NonNullable<Action["instead_of"]>): string {
  return `not ${rung}: ${precondition_words(unmet)}`;
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
  return `${result.status.replace("_", " ")}${written}${ledger}${result.detail === "" ? "" : `; ${result.detail}`}`;
}

function proof(replay: Replay, paint: Style, what = "decision re-run"): string {
  return replay.identical ? paint.green(`${what}: identical`) : paint.red(`${what}: DIFFERENT at ${replay.difference}`);
}
