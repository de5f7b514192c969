import { deadline, short_pause } from "../agent/clock.ts";
import { control_socket } from "../agent/control_socket.ts";
import type { Config } from "../config/index.ts";
import type { AgentStatus, PauseReply, ReleaseReply, ReloadReply, ResumeReply } from "../model/control.ts";
import { ControlClient } from "../telemetry/control/client.ts";
import type { Request } from "../telemetry/control/protocol.ts";

/** An agent answers between two beats; one that takes longer than this hangs. */
const ANSWER_WITHIN_S = 5;
const LAST_WORD_WITHIN_S = 3;

/** Null when no agent listens. Throws OperatorError when one may not be asked. */
export async function connect(config: Config): Promise<ControlClient | null> {
  return config.control.enabled ? await ControlClient.connect(control_socket(config), short_pause) : null;
}

export async function ask_status(client: ControlClient): Promise<AgentStatus> {
  const { status } = await client.ask({ op: "status" }, deadline(ANSWER_WITHIN_S));
  return status as AgentStatus;
}

/** A quarantine is left only after the step that runs: the evidence, the last word and the taint each have a deadline of their own. */
export async function ask_release(
  client: ControlClient,
  request: Omit<Extract<Request, { op: "release" }>, "v" | "op">,
  { quarantine }: Pick<Config, "quarantine">,
): Promise<ReleaseReply> {
  const step_s = quarantine.evidence_deadline_s + LAST_WORD_WITHIN_S + quarantine.taint_deadline_s;
  const within_s = ANSWER_WITHIN_S + (request.dry_run ? 0 : step_s);
  const answer: unknown = await client.ask({ op: "release", ...request }, deadline(within_s));
  return answer as ReleaseReply;
}

export async function ask_watch(client: ControlClient, every_ms: number): Promise<number> {
  const { pid } = await client.ask({ op: "watch", every_ms }, deadline(ANSWER_WITHIN_S));
  return Number(pid);
}

/** Throws Refused with the code "bad_request" where the agent is too old to know what a pause is. */
export async function ask_pause(
  client: ControlClient,
  for_s: number,
  reason: string,
  keep: boolean,
): Promise<PauseReply> {
  const answer: unknown = await client.ask({ op: "pause", for_s, reason, keep }, deadline(ANSWER_WITHIN_S));
  return answer as PauseReply;
}

/** Throws as `ask_pause`. */
export async function ask_resume(client: ControlClient): Promise<ResumeReply> {
  const answer: unknown = await client.ask({ op: "resume" }, deadline(ANSWER_WITHIN_S));
  return answer as ResumeReply;
}

/** Throws as `ask_pause`. */
export async function ask_reload(client: ControlClient): Promise<ReloadReply> {
  const answer: unknown = await client.ask({ op: "reload" }, deadline(ANSWER_WITHIN_S));
  return answer as ReloadReply;
}

/** What the running agent still has to write of its audit is written when this returns. */
export async function flush_audit(client: ControlClient): Promise<void> {
  await client.ask({ op: "audit" }, deadline(ANSWER_WITHIN_S));
}
