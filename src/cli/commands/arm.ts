import { dirname } from "node:path";
import { saved_pause, without_left } from "../../agent/pause_without_agent.ts";
import { require_trusted_directory, require_trusted_files } from "../../agent/trusted_places.ts";
import {
  type AutonomyPlan,
  armed,
  type Config,
  type DialSetting,
  disarmed,
  is_given,
  plan_autonomy,
} from "../../config/index.ts";
import type { AgentStatus, ReloadReply } from "../../model/control.ts";
import type { Dial } from "../../model/dial.ts";
import { OperatorError } from "../../model/error.ts";
import type { Level } from "../../model/level.ts";
import type { Pause } from "../../model/pause.ts";
import type { Maybe } from "../../model/sample.ts";
import { all_visible } from "../../model/visible.ts";
import { type AgentAnswer, type Allowed, allowed_levels, answer_lines, arm_lines } from "../../report/arm.ts";
import { held_lines } from "../../report/release.ts";
import { Refused } from "../../telemetry/control/client.ts";
import { ask_reload, ask_status, connect } from "../agent_client.ts";
import type { Context, ExitCode } from "../context.ts";
import type { DialDocument } from "../documents.ts";
import type { GlobalOptions } from "../options.ts";
import { require_writable, write_drop_in } from "../own_drop_in.ts";
import { is_confirmed, is_interactive } from "../question.ts";

export interface ArmOptions extends GlobalOptions {
  readonly upTo?: Level;
  readonly yes?: boolean;
}

/** One call of arm or disarm. */
interface Change {
  readonly command: "arm" | "disarm";
  readonly wanted: DialSetting;
  readonly plan: AutonomyPlan;
  readonly options: ArmOptions;
  readonly context: Context;
}

const RESTART = "restart it: systemctl restart hosa";

/** Lets HOSA act, for good: one drop-in, taken up by the running agent. Exit code 1: the answer was no, or it is not in force. */
export async function arm(options: ArmOptions, context: Context): Promise<ExitCode> {
  const asks = options.yes !== true && options.dryRun !== true;
  if (asks && !is_interactive()) {
    const hint = "Add --yes, or --dry-run to see what it would allow.";
    throw new OperatorError("arm asks before it changes anything, and there is no terminal to ask on", 2, hint);
  }
  const wanted = armed(options.config ?? null, options.upTo ?? null);
  const change: Change = { command: "arm", wanted, plan: planned(wanted, options), options, context };
  if (options.output === "text" || asks) {
    context.output.say_lines(`${arm_lines(wanted, all_visible(allowed(change.plan.after)))}\n`);
  }
  if (asks && change.plan.changes && !(await is_confirmed("Arm?", context))) return declined(change);
  return await carry_out(change);
}

/** Ends it, for good. Asks only on a terminal and only when something is held: less is done afterwards, never more. */
export async function disarm(options: ArmOptions, context: Context): Promise<ExitCode> {
  const wanted = disarmed(options.config ?? null);
  const change: Change = { command: "disarm", wanted, plan: planned(wanted, options), options, context };
  const asks = options.yes !== true && options.dryRun !== true && is_interactive();
  if (asks && !(await may_release(change.plan.after, context))) return declined(change);
  return await carry_out(change);
}

/** What is to be written, where this process may write it and no other user could have a say. */
function planned(wanted: DialSetting, { config, dryRun }: ArmOptions): AutonomyPlan {
  const plan = plan_autonomy(config ?? null, wanted);
  require_trusted_files(plan.others.filter((file) => !is_given(file)));
  require_trusted_directory(dirname(plan.file));
  if (plan.changes && dryRun !== true) require_writable(plan.file);
  return plan;
}

async function may_release(config: Config, context: Context): Promise<boolean> {
  using client = await connect(config);
  const held = client === null ? [] : (await ask_status(client)).held;
  const ends = all_visible(held.filter((item) => item.ledger_id !== null && !item.quarantine));
  if (ends.length === 0) return true;
  const lines = ends.flatMap((item) => held_lines(item, context.output.paint));
  context.output.say_lines(`${[`${ends.length} held, which disarming releases:`, ...lines].join("\n")}\n`);
  return await is_confirmed("Disarm?", context);
}

function declined(change: Change): ExitCode {
  const { options, context } = change;
  if (options.output === "json") context.output.print_answer(change.command, answer_of(change, "declined", null));
  context.output.say("nothing was changed");
  return 1;
}

async function carry_out(change: Change): Promise<ExitCode> {
  const { command, plan, wanted, options, context } = change;
  const dry = options.dryRun === true;
  if (plan.changes && !dry) write_drop_in(plan.file, plan.text);
  const agent = dry ? null : await tell_agent(plan.after, wanted);
  const did = dry ? "previewed" : plan.changes ? "written" : "unchanged";
  if (options.output === "json") context.output.print_answer(command, answer_of(change, did, agent));
  else context.output.print(`${text_lines(all_visible(plan), wanted, all_visible(agent)).join("\n")}\n`);
  return agent === null || agent.in_force ? 0 : 1;
}

function text_lines(plan: AutonomyPlan, wanted: DialSetting, agent: Maybe<AgentAnswer>): readonly string[] {
  const { file, changes, before, overrules } = plan;
  return [
    `${agent === null ? "would set " : ""}autonomy: ${wanted.autonomy}${wanted.max_level === null ? "" : `, up to level ${wanted.max_level}`}`,
    changes ? `${agent === null ? "would write" : "wrote"} ${file}` : `${file} says so already`,
    ...(before === null && changes ? ["The configuration had an error in that file, which this mends."] : []),
    ...overrules.map((key) => `It overrules ${key}`),
    ...(agent === null ? [] : answer_lines(agent)),
  ];
}

type Answer = Omit<DialDocument, "schema_version">;

function answer_of({ plan, wanted }: Change, did: Answer["did"], agent: Maybe<AgentAnswer>): Answer {
  const { autonomy, max_level } = wanted;
  const acts = autonomy === "correction" || autonomy === "autonomous";
  const allows = acts && max_level !== null ? allowed_levels(max_level, allowed(plan.after)) : [];
  return { did, armed: acts, autonomy, max_level, file: plan.file, overrules: plan.overrules, allows, agent };
}

function allowed({ motor, reserve, quarantine, protect }: Config): Allowed {
  return { rungs: motor.rungs, reserve: reserve.path !== "", quarantine: quarantine.enabled, protect };
}

const SILENT = { pid: null, dial: null, pause: null, released: [], missing_rungs: [], quarantine: false } as const;

/** The running agent takes the file up; whatever keeps it from that is said, for the file stands. */
async function tell_agent(config: Config, wanted: DialSetting): Promise<AgentAnswer> {
  if (!config.control.enabled) {
    const detail = "The agent cannot be asked (control.enabled is false): systemctl reload hosa takes the file up.";
    return { ...SILENT, running: false, in_force: false, detail };
  }
  let status: AgentStatus | null = null;
  try {
    using client = await connect(config);
    if (client === null) {
      const detail = "No agent runs: it holds from the next start on (systemctl start hosa).";
      return { ...SILENT, running: false, in_force: true, detail, pause: pause_of(config) };
    }
    status = await ask_status(client);
    if (status.dial === undefined) return older(status);
    return taken_up(status, await ask_reload(client), wanted);
  } catch (error) {
    if (!(error instanceof OperatorError)) throw error;
    if (error instanceof Refused && error.code === "bad_request" && status !== null) return older(status);
    const detail = `The file is written, but not in force: ${error.message}. If the agent stays silent, ${RESTART}.`;
    return { ...SILENT, running: true, pid: status?.pid ?? null, in_force: false, detail };
  }
}

/** What the next agent finds; a file that cannot be read is its affair. */
function pause_of(config: Config): Maybe<Pause> {
  try {
    return without_left(saved_pause(config));
  } catch (error) {
    if (error instanceof OperatorError) return null;
    throw error;
  }
}

function older({ pid, version }: AgentStatus): AgentAnswer {
  const detail = `The file is written, but not in force: the running agent (process ${pid}) is hosa ${version}, which knows no autonomy; ${RESTART}.`;
  return { ...SILENT, running: true, pid, in_force: false, detail };
}

function taken_up({ pid }: AgentStatus, reply: ReloadReply, wanted: DialSetting): AgentAnswer {
  const { accepted, problems, kept, dial, pause, released, missing_rungs, quarantine } = reply;
  const in_force = accepted && is_in_force(dial, wanted);
  const about = { running: true, pid, in_force, dial, pause, released, missing_rungs, quarantine };
  const agent = `the running agent (process ${pid})`;
  if (!accepted) return { ...about, detail: `The file is written, but ${agent} refused it: ${problems.join("; ")}` };
  if (in_force) {
    const rest = kept.length === 0 ? "" : `; ${kept.join(", ")} changed as well and need a restart`;
    return { ...about, detail: `In force: ${agent} has taken it up${rest}.` };
  }
  return { ...about, detail: `The file is written, but ${agent} does not do as it says: ${why_not(dial, wanted)}.` };
}

function why_not(dial: Dial, wanted: DialSetting): string {
  if (dial.dry_run) return "it is a dry run, which does nothing whatever the file says";
  if (dial.autonomy === wanted.autonomy && !dial.acts) return "it can contain nothing here, see `hosa doctor`";
  return "it reads another configuration, or another command has changed the file meanwhile";
}

function is_in_force({ autonomy, max_level, acts }: Dial, wanted: DialSetting): boolean {
  if (autonomy !== wanted.autonomy) return false;
  return wanted.max_level === null ? !acts : acts && max_level === wanted.max_level;
}
