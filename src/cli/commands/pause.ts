import {
  pause_without_agent,
  resume_without_agent,
  saved_pause,
  without_left,
} from "../../agent/pause_without_agent.ts";
import { held_in_ledger } from "../../agent/release.ts";
import type { Config } from "../../config/index.ts";
import type { PauseReply } from "../../model/control.ts";
import { OperatorError } from "../../model/error.ts";
import { PAUSE_S_MAX, type Pause } from "../../model/pause.ts";
import type { Maybe } from "../../model/sample.ts";
import { all_visible } from "../../model/visible.ts";
import { pause_sentence } from "../../report/dial.ts";
import { duration, outcome_line } from "../../report/release.ts";
import { type ControlClient, Refused } from "../../telemetry/control/client.ts";
import { is_reason, REASON_CHARS_MAX } from "../../telemetry/control/protocol.ts";
import { ask_pause, ask_resume, ask_status, connect } from "../agent_client.ts";
import type { Context, ExitCode } from "../context.ts";
import type { PauseDocument } from "../documents.ts";
import { configured, type GlobalOptions, trusted } from "../options.ts";

export interface PauseOptions extends GlobalOptions {
  readonly reason?: string;
  readonly release?: boolean;
  readonly keep?: boolean;
  readonly status?: boolean;
}

type Answer = Omit<PauseDocument, "schema_version">;
type Asked = NonNullable<Answer["asked"]>;
type Standing = Pick<Answer, "pause" | "left_s" | "agent">;

const NOTHING_DONE = { not_saved: null, held: [], outcomes: [], quarantine: false } as const;

/** Contains nothing new for a time. Exit code 1: the agent did not take it up. */
export async function pause(for_s: number | undefined, options: PauseOptions, context: Context): Promise<ExitCode> {
  if (options.status === true) return await show(for_s, options, context);
  const asked = checked(for_s, options);
  const config = trusted(options);
  if (options.dryRun === true) return await say_dry(asked, config, options, context);
  using client = await connect(config);
  if (client !== null) return say(asked, await through_agent(client, asked), options, context);
  await pause_without_agent(config, asked);
  // An agent that has started meanwhile may have looked for the file before it was there.
  using late = await connect(config);
  if (late !== null) return say(asked, await through_agent(late, asked), options, context);
  return say_saved(asked, config, options, context);
}

/** Ends a pause before its time. */
export async function resume(options: GlobalOptions, context: Context): Promise<ExitCode> {
  const config = trusted(options);
  const dry = options.dryRun === true;
  using client = dry ? null : await connect(config);
  const ended = dry
    ? (await standing(config)).pause
    : client === null
      ? await resume_without_agent(config)
      : await resume_through_agent(client);
  const { output } = context;
  if (options.output === "json") {
    output.print_answer("resume", { did: ended === null ? "nothing" : dry ? "previewed" : "resumed", ended });
  } else if (ended === null) output.print("nothing is paused\n");
  else if (dry) output.print(`would end the pause until ${ended.until}\n`);
  else output.print(`the pause until ${ended.until} is ended: HOSA contains again what autonomy allows\n`);
  return 0;
}

function checked(for_s: number | undefined, { reason = "", keep }: PauseOptions): Asked {
  if (for_s === undefined) throw new OperatorError("pause: for how long?", 2, "For example: hosa pause 30m");
  if (for_s < 1 || for_s > PAUSE_S_MAX) {
    throw new OperatorError(
      `pause: ${for_s} s is not accepted`,
      2,
      "A pause lasts 1 s to 24 h; ask again when it is over.",
    );
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

function say(
  asked: Asked,
  { pid, ...reply }: PauseReply & { pid: number },
  options: GlobalOptions,
  { output }: Context,
): ExitCode {
  if (options.output === "json") {
    const { pause: begun, not_saved, held, outcomes, quarantine } = reply;
    const now = { pause: begun, left_s: begun.for_s, agent: { pid } };
    output.print_answer("pause", { did: "paused", asked, ...now, not_saved, held, outcomes, quarantine });
    return 0;
  }
  const { pause: begun, not_saved, held, outcomes, quarantine } = all_visible(reply);
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
function say_saved(asked: Asked, config: Config, options: GlobalOptions, { output }: Context): ExitCode {
  const now = saved(config);
  const held = held_in_ledger(config.motor.ledger_dir);
  if (options.output === "json") {
    output.print_answer("pause", { did: "paused", asked, ...now, ...NOTHING_DONE, held });
    return 0;
  }
  const when = config.control.enabled
    ? "No agent runs: the pause holds from its next start on."
    : "The agent cannot be asked (control.enabled is false): systemctl reload hosa takes the pause up.";
  const left = held.length === 0 ? [] : [`${held.length} left in the ledger: \`hosa release --all\` lifts it.`];
  output.print(`${[`paused until ${now.pause?.until}`, when, ...left].join("\n")}\n`);
  return 0;
}

async function say_dry(asked: Asked, config: Config, options: GlobalOptions, { output }: Context): Promise<ExitCode> {
  const now = await standing(config);
  if (options.output === "json") output.print_answer("pause", { did: "previewed", asked, ...now, ...NOTHING_DONE });
  else {
    const held = asked.keeps ? "kept" : "released";
    output.print(`would pause for ${duration(asked.for_s)}; what is held would be ${held}\n`);
  }
  return 0;
}

async function show(for_s: number | undefined, options: PauseOptions, { output }: Context): Promise<ExitCode> {
  if (for_s !== undefined) {
    throw new OperatorError(
      "pause --status: a time begins a pause, and --status only shows one",
      2,
      "Give one of them.",
    );
  }
  const now = await standing(configured(options));
  const { pause: found, left_s, agent } = all_visible(now);
  if (options.output === "json") output.print_answer("pause", { did: "shown", asked: null, ...now, ...NOTHING_DONE });
  else if (found === null || left_s === null) output.print("nothing is paused\n");
  else output.print(`paused ${pause_sentence(found, left_s)}${agent === null ? "; no agent runs" : ""}\n`);
  return 0;
}

/** The pause in force, as the running agent says it or as its file does. */
async function standing(config: Config): Promise<Standing> {
  using client = await connect(config);
  if (client === null) return saved(config);
  const { pid, pause: found } = await ask_status(client);
  return { ...apart(found ?? null), agent: { pid } };
}

function saved(config: Config): Standing {
  return { ...apart(saved_pause(config)), agent: null };
}

function apart(found: Maybe<Pause & { readonly left_s: number }>): Pick<Standing, "pause" | "left_s"> {
  return { pause: without_left(found), left_s: found?.left_s ?? null };
}
