import { pause_without_agent, resume_without_agent, saved_pause } from "../../agent/pause_without_agent.ts";
import { held_in_ledger } from "../../agent/release.ts";
import type { Config } from "../../config/index.ts";
import type { PauseReply } from "../../model/control.ts";
import { OperatorError } from "../../model/error.ts";
import { PAUSE_S_MAX, type Pause } from "../../model/pause.ts";
import type { Maybe } from "../../model/sample.ts";
import { pause_sentence } from "../../report/dial.ts";
import { duration, outcome_line } from "../../report/release.ts";
import { type ControlClient, Refused } from "../../telemetry/control/client.ts";
import { is_reason, REASON_CHARS_MAX } from "../../telemetry/control/protocol.ts";
import { ask_pause, ask_resume, ask_status, connect } from "../agent_client.ts";
import type { Context, ExitCode } from "../context.ts";
import { configured, type GlobalOptions } from "../options.ts";

export interface PauseOptions extends GlobalOptions {
  readonly reason?: string;
  readonly release?: boolean;
  readonly keep?: boolean;
  readonly status?: boolean;
}

/** What is asked for, checked. */
interface Asked {
  readonly for_s: number;
  readonly reason: string;
  readonly keeps: boolean;
}

/** A pause as it is told, kept by an agent or in its file. */
interface Told {
  readonly paused: boolean;
  readonly pause: Maybe<Pause>;
  readonly left_s: Maybe<number>;
  /** Null: no agent was asked. */
  readonly agent: Maybe<{ readonly pid: number }>;
}

/** Contains nothing new for a time. Exit code 1: the agent did not take it up. */
export async function pause(for_s: number | undefined, options: PauseOptions, context: Context): Promise<ExitCode> {
  const config = configured(options);
  if (options.status === true) return await show(config, options, context);
  const asked = checked(for_s, options);
  const dry = options.dryRun === true;
  using client = await connect(config);
  if (dry) return say_dry(asked, options, context);
  if (client !== null) return say(await through_agent(client, asked), options, context);
  await pause_without_agent(config, asked);
  // An agent that has started meanwhile may have looked for the file before it was there.
  using late = await connect(config);
  if (late !== null) return say(await through_agent(late, asked), options, context);
  return say_saved(config, options, context);
}

/** Ends a pause before its time. */
export async function resume(options: GlobalOptions, context: Context): Promise<ExitCode> {
  const config = configured(options);
  if (options.dryRun === true) return await show(config, options, context);
  using client = await connect(config);
  const ended = client === null ? await resume_without_agent(config) : await resume_through_agent(client);
  const { output } = context;
  if (options.output === "json") output.print(`${JSON.stringify({ ended })}\n`);
  else if (ended === null) output.print("nothing is paused\n");
  else output.print(`the pause until ${ended.until} is ended: HOSA contains again what autonomy allows\n`);
  return 0;
}

function checked(for_s: number | undefined, { reason = "", keep, release }: PauseOptions): Asked {
  if (for_s === undefined) throw new OperatorError("pause: for how long?", 2, "For example: hosa pause 30m");
  if (for_s < 1 || for_s > PAUSE_S_MAX) {
    throw new OperatorError(
      `pause: ${for_s} s is not accepted`,
      2,
      "A pause lasts 1 s to 24 h; ask again when it is over.",
    );
  }
  if (keep === true && release === true) {
    throw new OperatorError("pause: --keep and --release contradict each other", 2, "Give one of them.");
  }
  if (!is_reason(reason)) {
    throw new OperatorError(`--reason: expected one line of at most ${REASON_CHARS_MAX} characters`, 2, "Shorten it.");
  }
  return { for_s, reason, keeps: keep === true };
}

async function through_agent(
  client: ControlClient,
  { for_s, reason, keeps }: Asked,
): Promise<PauseReply & { pid: number }> {
  const { pid, version } = await ask_status(client);
  try {
    return { ...(await ask_pause(client, for_s, reason, keeps)), pid };
  } catch (error) {
    throw explained(error, pid, version);
  }
}

async function resume_through_agent(client: ControlClient): Promise<Maybe<Pause>> {
  const { pid, version } = await ask_status(client);
  try {
    return (await ask_resume(client)).ended;
  } catch (error) {
    throw explained(error, pid, version);
  }
}

/** An agent from before an upgrade does not know the request. */
function explained(error: unknown, pid: number, version: string): unknown {
  if (!(error instanceof Refused && error.code === "bad_request")) return error;
  const text = `the running agent (process ${pid}) is hosa ${version}, which cannot be paused`;
  return new OperatorError(text, 1, "Restart it: systemctl restart hosa", error);
}

function say(reply: PauseReply & { pid: number }, options: GlobalOptions, { output }: Context): ExitCode {
  const { pid, pause: begun, not_saved, held, outcomes, quarantine } = reply;
  if (options.output === "json") {
    const told: Told = { paused: true, pause: begun, left_s: begun.for_s, agent: { pid } };
    output.print(`${JSON.stringify({ ...told, not_saved, held, outcomes, quarantine })}\n`);
    return 0;
  }
  const kept = begun.keeps
    ? [`${held.length} kept: each is let go in its time, and is not replaced`]
    : [`${outcomes.length} released`, ...outcomes.map((one) => `  ${outcome_line(one)}`)];
  output.print(
    `${[
      `paused until ${begun.until} (${duration(begun.for_s)}): nothing new is contained; it resumes by itself`,
      ...(held.length === 0 ? ["nothing is held"] : kept),
      ...(not_saved === null ? [] : [`warn: a restart of the agent ends the pause: ${not_saved}`]),
      ...(quarantine ? ["The node is in quarantine (level 5), which stays: `hosa release --quarantine` ends it."] : []),
      "Before that: hosa resume",
    ].join("\n")}\n`,
  );
  return 0;
}

/** No agent runs: the file is what it will find. */
function say_saved(config: Config, options: GlobalOptions, { output }: Context): ExitCode {
  const saved = saved_pause(config);
  const left = held_in_ledger(config.motor.ledger_dir);
  if (options.output === "json") {
    const told: Told = { paused: saved !== null, pause: saved, left_s: saved?.left_s ?? null, agent: null };
    output.print(`${JSON.stringify({ ...told, not_saved: null, held: left, outcomes: [], quarantine: false })}\n`);
    return 0;
  }
  const when = config.control.enabled
    ? "No agent runs: the pause holds from its next start on."
    : "The agent cannot be asked (control.enabled is false): systemctl reload hosa takes the pause up.";
  const held = left.length === 0 ? [] : [`${left.length} left in the ledger: \`hosa release --all\` lifts it.`];
  output.print(`${[`paused until ${saved?.until}`, when, ...held].join("\n")}\n`);
  return 0;
}

function say_dry({ for_s, keeps }: Asked, options: GlobalOptions, { output }: Context): ExitCode {
  const held = keeps ? "kept" : "released";
  if (options.output === "json") output.print(`${JSON.stringify({ dry_run: true, for_s, keeps })}\n`);
  else output.print(`would pause for ${duration(for_s)}; what is held would be ${held}\n`);
  return 0;
}

async function show(config: Config, options: GlobalOptions, { output }: Context): Promise<ExitCode> {
  using client = await connect(config);
  const status = client === null ? null : await ask_status(client);
  const found = status === null ? saved_pause(config) : (status.pause ?? null);
  const agent = status === null ? null : { pid: status.pid };
  const told: Told = { paused: found !== null, pause: found, left_s: found?.left_s ?? null, agent };
  if (options.output === "json") output.print(`${JSON.stringify(told)}\n`);
  else if (found === null) output.print("nothing is paused\n");
  else output.print(`paused ${pause_sentence(found, found.left_s)}${agent === null ? "; no agent runs" : ""}\n`);
  return 0;
}
