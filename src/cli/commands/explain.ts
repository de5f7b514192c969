import { regime_of, replan, replay } from "../../agent/replay.ts";
import { read_audit } from "../../audit/index.ts";
import type { AuditRecord, BaselineEntry, HookEntry } from "../../model/audit.ts";
import { OperatorError } from "../../model/error.ts";
import { all_visible } from "../../model/visible.ts";
import { explain_baseline } from "../../report/baseline.ts";
import { is_decision } from "../../report/episode_builder.ts";
import { explain_decision, explain_plain, explain_quarantine, type QuarantineRecord } from "../../report/explain.ts";
import { TimelineBuilder } from "../../report/timeline.ts";
import { PICTURE_MARK, timeline_svg } from "../../report/timeline_svg.ts";
import { timeline_text } from "../../report/timeline_text.ts";
import { connect, flush_audit } from "../agent_client.ts";
import type { Context, ExitCode } from "../context.ts";
import { audit_given, configured, type GlobalOptions, refuse_dry_run } from "../options.ts";
import { STANDARD_OUTPUT, write_own } from "../own_file.ts";
import { AuditProblems } from "../problems.ts";

export interface ExplainOptions extends GlobalOptions {
  readonly last?: boolean;
  readonly baseline?: boolean;
  readonly timeline?: boolean;
  readonly svg?: string;
  readonly audit?: string;
}

/** Parts of a quarantine shown with the decision that entered it. */
const MAX_STEPS = 512;
const MAX_HOOKS = 64;
const PICTURE = { mark: PICTURE_MARK, name: "picture of hosa", made_by: "picture of `hosa explain --svg`" };

/** What one pass over the audit collects; bounded whatever the size of the audit. */
interface Found {
  readonly record: AuditRecord | null;
  readonly motor: string;
  readonly verdicts: Parameters<typeof explain_decision>[1]["verdicts"];
  readonly quarantine: readonly QuarantineRecord[];
  readonly hooks: readonly (AuditRecord & HookEntry)[];
  readonly problems: number;
}

/** Explain a recorded decision, the learned baseline, or the whole last run. Exit code 1 when the chain is broken, or it is decided differently. */
export async function explain(id: string | undefined, options: ExplainOptions, context: Context): Promise<ExitCode> {
  const whole = (["last", "baseline", "timeline", "svg"] as const).find((name) => options[name] !== undefined);
  if (id !== undefined && whole !== undefined) {
    throw new OperatorError(`explain: the id ${id} and --${whole} exclude each other`, 2, "Leave one of them out.");
  }
  if (options.svg !== undefined) refuse_dry_run("explain --svg", options);
  const path = audit_given(options) ?? (await own_audit(options));
  if (options.timeline === true || options.svg !== undefined) return await explain_run(path, options, context);
  const wanted =
    options.baseline === true
      ? is_baseline
      : id === undefined
        ? is_decision
        : (record: AuditRecord) => record.id === id;
  const found = await find(path, wanted, id !== undefined, context);
  const { record } = found;
  if (record === null) throw nothing_found(path, id, options);
  if (options.output === "json") context.output.print_answer("explain", json({ ...found, record }));
  else context.output.print(text(found, context));
  return found.problems === 0 && comes_out_the_same(record) ? 0 : 1;
}

function comes_out_the_same(record: AuditRecord): boolean {
  if (is_decision(record)) return replay(record).identical;
  return record.kind !== "quarantine" || replan(record).identical;
}

/** The configured audit; a running agent first writes what it still has to write there. */
async function own_audit(options: GlobalOptions): Promise<string> {
  const config = configured(options);
  try {
    using client = await connect(config);
    if (client !== null) await flush_audit(client);
  } catch (error) {
    // Whoever may not ask the agent may still read what is written.
    if (!(error instanceof OperatorError)) throw error;
  }
  return config.audit.path;
}

async function find(
  path: string,
  wanted: (record: AuditRecord) => boolean,
  first_only: boolean,
  context: Context,
): Promise<Found> {
  let record: AuditRecord | null = null;
  let motor = "";
  let motor_then = "";
  let verdicts: Found["verdicts"][number][] = [];
  let quarantine: QuarantineRecord[] = [];
  let hooks: (AuditRecord & HookEntry)[] = [];
  let same_run = false;
  const problems = new AuditProblems(context.output);
  for await (const item of read_audit(path)) {
    if (item.type === "problem") {
      problems.say(item);
      continue;
    }
    problems.remark(item);
    if (item.record.kind === "start") {
      motor = item.record.motor;
      same_run = false;
    } else if (item.record.kind === "reload" && item.record.dial !== undefined) {
      motor = item.record.dial.to.acts ? "cgroup" : "recording";
    }
    if (wanted(item.record) && !(first_only && record !== null)) {
      record = item.record;
      motor_then = motor;
      verdicts = [];
      quarantine = [];
      hooks = [];
      same_run = true;
    }
    const follows = same_run && record !== null && is_quarantine(item.record) && enters_quarantine(record);
    if (follows && quarantine.length < MAX_STEPS) quarantine.push(item.record as QuarantineRecord);
    if (same_run && record !== null && runs_for(record, item.record) && hooks.length < MAX_HOOKS)
      hooks.push(item.record);
    if (same_run && record !== null) verdicts.push(...verdicts_on(record, item.record).slice(0, 64 - verdicts.length));
  }
  return { record, motor: motor_then, verdicts, quarantine, hooks, problems: problems.count };
}

function verdicts_on(record: AuditRecord, later: AuditRecord): Found["verdicts"] {
  if (!is_decision(record) || later.kind === "heartbeat") return [];
  const ids = new Set(record.decision.actions.map((action) => action.id));
  const reached = later.kind === "verification" ? later.verdicts : [];
  return reached.filter((verdict) => ids.has(verdict.id)).map((verdict) => ({ record_id: later.id, verdict }));
}

function runs_for(record: AuditRecord, later: AuditRecord): later is AuditRecord & HookEntry {
  return (
    later.kind === "hook" && is_decision(record) && record.decision.actions.some(({ id }) => id === later.action_id)
  );
}

function is_quarantine(record: AuditRecord): record is QuarantineRecord {
  return record.kind === "quarantine" || record.kind === "quarantine_step";
}

function enters_quarantine(record: AuditRecord): boolean {
  return is_decision(record) && record.decision.level === 5 && record.decision.previous_level < 5;
}

function is_baseline(record: AuditRecord): record is AuditRecord & BaselineEntry {
  return record.kind === "baseline";
}

function text({ record, motor, verdicts, quarantine, hooks }: Found, context: Context): string {
  const { paint } = context.output;
  if (record === null) return "";
  // The proof is of the record as it is; what is shown of it has its control characters escaped.
  const shown = all_visible(record);
  if (is_baseline(shown)) return explain_baseline(shown, paint);
  if (is_quarantine(shown)) {
    return explain_quarantine(shown, record.kind === "quarantine" ? all_visible(replan(record)) : null, paint);
  }
  if (!is_decision(shown) || !is_decision(record)) return explain_plain(shown, paint);
  const around = { replay: replay(record), regime: regime_of(record), verdicts, motor, quarantine, hooks };
  return explain_decision(shown, all_visible(around), paint);
}

function json({ record, motor, verdicts, quarantine, hooks, problems }: Found & { record: AuditRecord }) {
  const about = { audit_problems: problems };
  if (is_decision(record)) {
    return { record, replay: replay(record), regime: regime_of(record), verdicts, motor, quarantine, hooks, ...about };
  }
  return record.kind === "quarantine" ? { record, replay: replan(record), ...about } : { record, ...about };
}

function nothing_found(path: string, id: string | undefined, options: ExplainOptions): OperatorError {
  const what = id !== undefined ? `record "${id}"` : options.baseline === true ? "baseline" : "decision";
  const hint =
    id !== undefined
      ? "`hosa explain --timeline` lists the ids; rotated-out records are gone."
      : "It appears once `hosa run` has learned enough, or has changed level or acted.";
  return new OperatorError(`no ${what} in ${path}`, 1, hint);
}

async function explain_run(path: string, options: ExplainOptions, context: Context): Promise<ExitCode> {
  const to_output = options.svg === STANDARD_OUTPUT;
  if (to_output && (options.output === "json" || options.timeline === true)) {
    throw new OperatorError("--svg - and what else is asked for both want standard output", 2, "Give --svg a file.");
  }
  const builder = new TimelineBuilder();
  const problems = new AuditProblems(context.output);
  for await (const item of read_audit(path)) {
    if (item.type === "problem") problems.say(item);
    else {
      problems.remark(item);
      builder.add(item.record);
    }
  }
  const timeline = builder.get();
  if (to_output) await context.output.deliver_document(timeline_svg(timeline));
  else if (options.svg !== undefined) write_own(options.svg, timeline_svg(timeline), PICTURE);
  if (options.output === "json")
    context.output.print_answer("timeline", { ...timeline, audit_problems: problems.count });
  else if (options.timeline === true) context.output.print(timeline_text(all_visible(timeline), context.output.paint));
  return problems.count === 0 ? 0 : 1;
}
