import { readFileSync, writeFileSync } from "node:fs";
import { deadline, pause, short_pause } from "../agent/clock.ts";
import type { AgentStatus } from "../model/control.ts";
import { OperatorError } from "../model/error.ts";
import type { BeatView } from "../model/view.ts";
import { ControlClient } from "../telemetry/control/client.ts";
import { Child } from "./child.ts";
import { type DemoPlace, RUN_DIRECTORY, SERVICE_PATH } from "./place.ts";

const STARTS_WITHIN_S = 60;
const ANSWERS_WITHIN_S = 10;
const SHOWN_EVERY_MS = 1000;

/**
 * The configuration of the demonstration's agent, whatever is configured on the node: it learns for a shorter time, and it may touch the service of
 * the demonstration alone. The network, quarantine, webhooks and hooks are off.
 */
export function agent_config(warmup_s: number): string {
  return `# The agent of \`hosa demo\`: removed with it.
autonomy: correction
learning: {warmup_s: ${warmup_s}, state_dir: ${RUN_DIRECTORY}/state}
act: {warmup_cgroup_s: 12, exec_grace_s: 8}
motor: {ledger_dir: ${RUN_DIRECTORY}, rungs: [thread_hold, memory_governor]}
quarantine: {enabled: false, conservative_marker: ${RUN_DIRECTORY}/conservative.json}
contain_only: [${SERVICE_PATH}]
audit: {path: ${RUN_DIRECTORY}/audit.jsonl}
opinions: {enabled: false}
`;
}

/** `hosa run` for the demonstration alone, in its slice. */
export class DemoAgent implements AsyncDisposable {
  readonly #process: Child;
  readonly #place: DemoPlace;
  readonly #beats: ControlClient;
  readonly #asked: ControlClient;

  private constructor(process: Child, place: DemoPlace, beats: ControlClient, asked: ControlClient) {
    this.#process = process;
    this.#place = place;
    this.#beats = beats;
    this.#asked = asked;
  }

  /** @param enter the command that starts another one in a cgroup. Throws OperatorError. */
  static async start(enter: readonly string[], place: DemoPlace, warmup_s: number): Promise<DemoAgent> {
    writeFileSync(place.config, agent_config(warmup_s), { mode: 0o600 });
    const script = `exec ${own_command().map(quoted).join(" ")} run -c ${place.config} > ${place.agent_log} 2>&1`;
    const process = new Child("agent", [...enter, place.agent, "/bin/sh", "-c", script]);
    try {
      const beats = await connected(process, place);
      const asked = await connected(process, place);
      await beats.ask({ op: "watch", every_ms: SHOWN_EVERY_MS }, deadline(ANSWERS_WITHIN_S));
      return new DemoAgent(process, place, beats, asked);
    } catch (error) {
      await process[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** The beats it shows, until it ends. */
  async *beats(): AsyncGenerator<BeatView> {
    for await (const beat of this.#beats.beats()) yield beat as BeatView;
  }

  async status(): Promise<AgentStatus> {
    const { status } = await this.#asked.ask({ op: "status" }, deadline(ANSWERS_WITHIN_S));
    return status as AgentStatus;
  }

  /** Ends as an operator would end it: everything is undone, and the audit is whole. */
  async end(): Promise<void> {
    this.#beats[Symbol.dispose]();
    this.#asked[Symbol.dispose]();
    await this.#process.stop("SIGTERM");
  }

  /** The last line it wrote. */
  last_words(): string {
    return last_line(this.#place);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#beats[Symbol.dispose]();
    this.#asked[Symbol.dispose]();
    await this.#process[Symbol.asyncDispose]();
  }
}

async function connected(process: Child, place: DemoPlace): Promise<ControlClient> {
  const late = deadline(STARTS_WITHIN_S);
  let ended = false;
  void process.exited.then(() => {
    ended = true;
  });
  while (!late.aborted && !ended) {
    const client = await ControlClient.connect(`${place.directory}/hosa.sock`, short_pause);
    if (client !== null) return client;
    await pause(100);
  }
  const why = ended ? `ended: ${last_line(place)}` : `did not answer within ${STARTS_WITHIN_S} s`;
  throw new OperatorError(`the agent of the demonstration ${why}`, 1, "See `hosa doctor`.");
}

function last_line({ agent_log }: DemoPlace): string {
  try {
    return readFileSync(agent_log, "utf8").trimEnd().split("\n").at(-1) ?? "";
  } catch {
    return "it wrote nothing";
  }
}

/** How this very program is started: the built binary, or the runtime with its first script. */
function own_command(): readonly string[] {
  return Bun.main.startsWith("/$bunfs/") ? [process.execPath] : [process.execPath, Bun.main];
}

function quoted(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`;
}
