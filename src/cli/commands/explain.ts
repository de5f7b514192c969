import { regime_of, replan, replay } from "../../agent/replay.ts";
import { read_audit } from "../../audit/index.ts";
import type { AuditRecord, BaselineEntry, HookEntry } from "../../model/audit.ts";
import { OperatorError } from "../../model/error.ts";
import { all_visible } from "../../model/visible.ts";
import { explain_baseline } from "../../report/baseline.ts";
import { EpisodeList, type EpisodeSummary, episode_list_text, summary_of } from "../../report/episode_list.ts";
import {
  type DecisionRecord,
  explain_decision,
  explain_plain,
  explain_quarantine,
  is_decision,
  type QuarantineRecord,
} from "../../report/explain.ts";
import { story } from "../../report/story.ts";
import { TimelineBuilder } from "../../report/timeline.ts";
import { PICTURE_MARK, timeline_svg } from "../../report/timeline_svg.ts";
import { timeline_text } from "../../report/timeline_text.ts";
import type { Context, ExitCode } from "../context.ts";
import { asked_ms, audit_path, episodes_of, no_such_episode, search_episode } from "../episodes.ts";
import { type GlobalOptions, refuse_dry_run } from "../options.ts";
import { STANDARD_OUTPUT, write_own } from "../own_file.ts";
import { AuditProblems } from "../problems.ts";

export interface ExplainOptions extends GlobalOptions {
  readonly last?: boolean;
  readonly list?: boolean;
  /** Wall time, ms since 1970. */
  readonly since?: number;
  /** Id of any record of the episode. */
  readonly episode?: string;
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
  readonly run_began_ns: number | undefined;
  readonly episode: Chosen | undefined;
  readonly verdicts: Parameters<typeof explain_decision>[1]["verdicts"];
  readonly quarantine: readonly QuarantineRecord[];
  readonly hooks: readonly (AuditRecord & HookEntry)[];
  readonly problems: number;
}

/** Explain a recorded decision, the learned baseline, or the whole last run. Exit code 1 when the chain is broken, or it is decided differently. */
export async function explain(id: string | undefined, options: ExplainOptions, context: Context): Promise<ExitCode> {
  const other = (["last", "list", "since", "episode", "baseline", "timeline", "svg"] as const).find(
    (name) => options[name] !== undefined,
  );
  if (id !== undefined && other !== undefined) {
    throw new OperatorError(`explain: the id ${id} and --${other} exclude each other`, 2, "Leave one of them out.");
  }
  if (options.svg !== undefined) refuse_dry_run("explain --svg", options);
  const path = await audit_path(options);
  if (options.timeline === true || options.svg !== undefined) return await explain_run(path, options, context);
  if (options.list === true || options.since !== undefined) return await list_episodes(path, options, context);
  if (options.baseline === true) return await explain_record(path, is_baseline, undefined, options, context);
  if (id !== undefined)
    return await explain_record(path, (record) => record.id === id, undefined, options, context, id);
  const { chosen, later } =
    options.episode === undefined ? await last_episode(path) : await episode_of(options.episode, path);
  return await explain_record(
    path,
    ({ id: key }) => key === chosen.key_id,
    { chosen, later },
    options,
    context,
    chosen.key_id,
  );
}

async function explain_record(
  path: string,
  wanted: (record: AuditRecord) => boolean,
  episode: Chosen | undefined,
  options: ExplainOptions,
  context: Context,
  id?: string,
): Promise<ExitCode> {
  const found = { ...(await find(path, wanted, id !== undefined, context)), episode };
  const { record } = found;
  if (record === null) throw nothing_found(path, id, options);
  if (options.output === "json") context.output.print_answer("explain", answer(record, found));
  else context.output.print(text(found, context));
  return found.problems === 0 && comes_out_the_same(record) ? 0 : 1;
}

function comes_out_the_same(record: AuditRecord): boolean {
  if (is_decision(record)) return replay(record).identical;
  return record.kind !== "quarantine" || replan(record).identical;
}

/** An episode, and how many that are by the way came after it. */
interface Chosen {
  readonly chosen: EpisodeSummary;
  readonly later: number;
}

/** The last episode; where the audit has none, that is what is told. */
async function last_episode(path: string): Promise<Chosen> {
  const last = (await episodes_of(path)).last(asked_ms());
  if (last !== null) return last;
  const hint = "An episode begins when `hosa run` leaves level 0; `hosa explain --timeline` shows the run.";
  throw new OperatorError(`no episode in ${path}`, 1, hint);
}

async function episode_of(id: string, path: string): Promise<Chosen> {
  const found = await search_episode(id, path);
  if (typeof found === "string") throw no_such_episode(found, path, id);
  return { chosen: summary_of(found), later: 0 };
}

async function list_episodes(path: string, options: ExplainOptions, context: Context): Promise<ExitCode> {
  const problems = new AuditProblems(context.output);
  const list = new EpisodeList();
  for await (const item of read_audit(path)) {
    if (item.type === "problem") problems.say(item);
    else list.add(item.record);
  }
  const { episodes, dropped } = list.get(options.since);
  const { output } = context;
  if (options.output === "json") output.print_answer("episodes", { episodes, dropped, audit_problems: problems.count });
  else output.print(episode_list_text(all_visible(episodes), dropped, output.paint));
  return problems.count === 0 ? 0 : 1;
}

async function find(
  path: string,
  wanted: (record: AuditRecord) => boolean,
  first_only: boolean,
  context: Context,
): Promise<Omit<Found, "episode">> {
  let record: AuditRecord | null = null;
  let motor = "";
  let motor_then = "";
  let began_ns: number | undefined;
  let began_then_ns: number | undefined;
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
      began_ns = item.record.t_ns;
      same_run = false;
    } else if (item.record.kind === "reload" && item.record.dial !== undefined) {
      motor = item.record.dial.to.acts ? "cgroup" : "recording";
    }
    if (wanted(item.record) && !(first_only && record !== null)) {
      record = item.record;
      motor_then = motor;
      began_then_ns = began_ns;
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
  const run_began_ns = began_then_ns;
  return { record, motor: motor_then, run_began_ns, verdicts, quarantine, hooks, problems: problems.count };
}

function verdicts_on(record: AuditRecord, later: AuditRecord): Found["verdicts"] {
  if (!is_decision(record) || later.kind === "heartbeat") return [];
  const ids = new Set(record.decision.actions.map((action) => action.id));
  const reached = later.kind === "verification" ? later.verdicts : [];
  const at = { record_id: later.id, wall_time: later.wall_time, t_ns: later.t_ns };
  return reached.filter((verdict) => ids.has(verdict.id)).map((verdict) => ({ ...at, verdict }));
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

function text(found: Found, context: Context): string {
  const { record } = found;
  const { paint } = context.output;
  if (record === null) return "";
  // The proof is of the record as it is; what is shown of it has its control characters escaped.
  const shown = all_visible(record);
  if (is_baseline(shown)) return explain_baseline(shown, paint);
  if (is_quarantine(shown)) {
    return explain_quarantine(shown, record.kind === "quarantine" ? all_visible(replan(record)) : null, paint);
  }
  if (!is_decision(shown) || !is_decision(record)) return explain_plain(shown, paint);
  return explain_decision(shown, all_visible(around(record, found)), paint);
}

function around(record: DecisionRecord, { motor, run_began_ns, episode, verdicts, quarantine, hooks }: Found) {
  return {
    replay: replay(record),
    regime: regime_of(record),
    verdicts,
    motor,
    quarantine,
    hooks,
    ...(run_began_ns === undefined ? {} : { run_began_ns }),
    ...(episode === undefined ? {} : { episode: episode.chosen, later_episodes: episode.later }),
  };
}

/** The record, what proves it, and what is told of it in words. */
function answer(record: AuditRecord, found: Found) {
  const about = { audit_problems: found.problems };
  if (is_decision(record)) {
    const told = story({ assessment: record.input.assessment, decision: record.decision });
    return { record, ...around(record, found), story: told, ...about };
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
