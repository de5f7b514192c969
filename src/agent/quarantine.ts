import { networkInterfaces } from "node:os";
import { dirname } from "node:path";
import { type AuditWriter, type FlightRecorder, tail_of_file, whole_bundle, write_evidence } from "../audit/index.ts";
import type { Config } from "../config/index.ts";
import { freezable, plan_quarantine } from "../decision/quarantine.ts";
import { geteuid, monotonic_ns } from "../ffi/libc.ts";
import type { Assessment } from "../model/assessment.ts";
import type { AuditEntry } from "../model/audit.ts";
import type { Outcome } from "../model/containment.ts";
import type { OperatorRelease } from "../model/control.ts";
import type { Decision } from "../model/decision.ts";
import { reason_of } from "../model/errno.ts";
import type { LossCode } from "../model/loss.ts";
import type { QuarantineFacts, QuarantinePlan, QuarantineSettings } from "../model/quarantine.ts";
import type { Maybe } from "../model/sample.ts";
import { kernel_files } from "../motor/files.ts";
import { kernel_processes } from "../motor/processes.ts";
import type { QuarantineMotor } from "../motor/quarantine/recording.ts";
import { read_group } from "../motor/target_facts.ts";
import { plan_sentences } from "../report/quarantine.ts";
import { read_inhabitants } from "../sensor/inhabitants.ts";
import { interfaces_left_out, read_interfaces } from "../sensor/interfaces.ts";
import { management_in_use } from "../sensor/listeners.ts";
import { operator_sessions, read_socket_tables, type SocketTable } from "../sensor/sockets.ts";
import { wall_time_iso } from "./clock.ts";
import { protected_patterns } from "./protected_patterns.ts";
import { node_taint } from "./quarantine_motor.ts";
import { tainted_node } from "./release_taint.ts";
import type { Standing } from "./standing.ts";
import { TaintWatch } from "./taint_watch.ts";

/** Not counted as losses: the audit itself has all lines, and facts.json all cgroups. */
const AUDIT_TAIL_BYTES = 4 * 1024 * 1024;
const TOP_CGROUPS = 64;
const RETRY_NS = 10e9;

export interface KeeperParts {
  readonly config: Config;
  readonly standing: Standing;
  readonly mount: Maybe<string>;
  readonly own_path: string;
  readonly audit: AuditWriter | null;
  readonly flight: FlightRecorder | null;
  readonly record: (entry: AuditEntry) => void;
  readonly on_message: (level: "warn" | "error", text: string) => void;
  readonly ask_release: (release: OperatorRelease) => void;
  /** Counts what is left out or cannot be written; absent where nothing keeps count of it. */
  readonly lose?: (code: LossCode, count: number, detail: string) => void;
}

/** What was seen when level 5 was entered: facts for the plan, and more of it for the evidence. */
interface Seen {
  readonly facts: QuarantineFacts;
  readonly tables: readonly SocketTable[];
  readonly assessment: Assessment;
  readonly decision: Decision;
}

/** Turns level 5 into what is done about it, beside the beat: look once more, plan, carry out; and back when it is left. */
export class QuarantineKeeper {
  #parts: KeeperParts;
  readonly #motor: QuarantineMotor;
  #seen: Maybe<Seen> = null;
  /** A plan was made and handed over, or is being made. */
  #entered = false;
  /** The level is or was 5, and what stands of it is not undone: also of a predecessor, where no plan could be made. */
  #at_5 = false;
  #retry_ns = Number.NEGATIVE_INFINITY;
  #preparing: Promise<void> | null = null;
  #leaving: Promise<readonly Outcome[]> | null = null;
  readonly #taint: TaintWatch;

  /** @param make_motor gets what writes the evidence of the quarantine being entered */
  constructor(parts: KeeperParts, make_motor: (evidence: () => Promise<string>) => QuarantineMotor) {
    this.#parts = parts;
    this.#motor = make_motor(() => this.#write_evidence());
    this.#taint = new TaintWatch({
      tainted: () => tainted_node(this.#parts.config.motor.ledger_dir),
      stands: (node) => {
        const taint = node_taint(this.#parts.config);
        return "missing" in taint ? Promise.reject(new Error(taint.missing)) : taint.stands(node);
      },
      gone: () => this.#untainted(),
    });
  }

  /** From the next quarantine on. */
  reconfigure(config: Config): void {
    this.#parts = { ...this.#parts, config };
  }

  /** Something is under way beside the beat: the event loop should get many turns. */
  get busy(): boolean {
    return this.#preparing !== null || this.#leaving !== null || this.#motor.busy;
  }

  /** After every beat. Costs nothing below level 5. */
  after_beat(assessment: Assessment, decision: Decision): void {
    if (decision.level === 5) {
      this.#at_5 = true;
      const due = !this.#entered && this.#preparing === null && decision.t_ns >= this.#retry_ns;
      if (due && this.#leaving === null) this.#begin(assessment, decision);
      this.#motor.at_leisure(decision.t_ns);
      this.#taint.at_level_5(decision.t_ns);
    } else if (this.#at_5 && this.#leaving === null) {
      this.#taint.reset();
      this.#leaving = this.#leave().finally(() => {
        this.#leaving = null;
        this.#entered = false;
        this.#at_5 = false;
      });
    }
  }

  /** What became of the steps of the quarantine that is being left; empty when none is. Call in the beat that left it. */
  async left(): Promise<readonly Outcome[]> {
    return (await this.#leaving) ?? [];
  }

  /** The agent ends; a quarantine does not. */
  async close(): Promise<void> {
    await this.#preparing;
    await this.#leaving;
    await this.#motor.close();
  }

  #untainted(): void {
    const reason = "the taint of the quarantine was taken off the node";
    this.#parts.on_message("warn", `${reason}: the quarantine ends`);
    const by = { uid: geteuid(), pid: process.pid };
    this.#parts.ask_release({ by, reason, ids: [], targets: [], quarantine: true });
  }

  #begin(assessment: Assessment, decision: Decision): void {
    this.#entered = true;
    const resumed = this.#parts.standing.level === 5 && decision.previous_level === 5;
    this.#preparing = this.#prepare(assessment, decision, resumed)
      .catch((error) => {
        // What kept it (a full ledger, no more files) may pass; the level stays until a release, so it is tried until then.
        this.#entered = false;
        this.#retry_ns = decision.t_ns + RETRY_NS;
        this.#parts.on_message("error", `the quarantine could not be begun, next try in 10 s: ${reason_of(error)}`);
      })
      .finally(() => {
        this.#preparing = null;
      });
  }

  async #prepare(assessment: Assessment, decision: Decision, resumed: boolean): Promise<void> {
    const { record, on_message } = this.#parts;
    const tables = await read_socket_tables("/proc");
    const facts = await gather_facts(this.#parts, tables);
    const settings = quarantine_settings(this.#parts.config);
    const plan = plan_quarantine(facts, settings);
    this.#note_left_out(facts, settings, plan, tables);
    this.#seen = { facts, tables, assessment, decision };
    record({ t_ns: monotonic_ns(), kind: "quarantine", input: { facts, settings }, plan, resumed });
    on_message("warn", `quarantine (${plan.environment}: ${facts.environment.because}); way back: ${plan.recovery}`);
    for (const sentence of plan_sentences(plan)) on_message("warn", `quarantine: ${sentence}`);
    this.#motor.enter(plan);
  }

  #note_left_out(
    facts: QuarantineFacts,
    settings: QuarantineSettings,
    plan: QuarantinePlan,
    tables: readonly SocketTable[],
  ): void {
    const freezes = plan.steps.find(({ name }) => name === "freeze")?.todo;
    const frozen = freezes?.step === "freeze" ? freezes.cgroups.length : 0;
    const left_out = [
      [facts.cgroups_left_out, "cgroups not looked at"],
      [frozen === 0 ? 0 : freezable(facts, settings).length - frozen, "cgroups not frozen, beyond the bound"],
      [interfaces_left_out("/sys"), "interfaces not looked at"],
      [tables.filter(({ cut }) => cut).length, "socket tables cut"],
    ] as const;
    for (const [count, what] of left_out)
      if (count > 0) this.#parts.lose?.("quarantine_facts", count, `${count} ${what}`);
  }

  async #leave(): Promise<readonly Outcome[]> {
    // A plan that is still being made would be carried out after it was called off.
    await this.#preparing;
    const reason = "the operator ended the quarantine";
    const outcomes = await this.#motor.leave(reason);
    this.#parts.record({ t_ns: monotonic_ns(), kind: "undo", reason, outcomes });
    const failed = outcomes.filter((outcome) => outcome.status === "failed");
    for (const { rung, target, detail } of failed) {
      this.#parts.on_message("error", `quarantine: ${rung} ${target.path} stands: ${detail}`);
    }
    return outcomes;
  }

  async #write_evidence(): Promise<string> {
    const { audit, flight, config } = this.#parts;
    const seen = this.#seen;
    if (audit === null || seen === null) throw new Error("there is nothing to write it beside");
    const json = (value: unknown) => async () => `${JSON.stringify(value, null, 1)}\n`;
    const bundle = await write_evidence({
      directory: dirname(audit.path),
      wall_time: wall_time_iso(),
      max_bytes: config.quarantine.evidence_max_bytes,
      keep: config.quarantine.evidence_keep,
      parts: [
        {
          name: "assessment.json",
          content: json({ assessment: seen.assessment, decision: seen.decision }),
          keep: "first",
        },
        { name: "cgroups.json", content: json(top_cgroups(seen.facts)), keep: "first" },
        { name: "facts.json", content: json(seen.facts), keep: "first" },
        { name: "audit-tail.jsonl", content: () => audit_tail(audit), keep: "last" },
        ...(flight === null ? [] : [{ name: "flight.jsonl.gz", write: (path: string) => flight.dump(path) }]),
        { name: "sockets.txt", content: async () => sockets_text(seen.tables), keep: "first" },
      ],
    });
    const lacks = [...bundle.missing, ...bundle.cut.map((name) => `${name}: cut`)];
    if (lacks.length > 0) this.#parts.lose?.("evidence", lacks.length, lacks.join("; "));
    const missing = bundle.missing.length === 0 ? "" : `; missing: ${bundle.missing.join("; ")}`;
    return `${bundle.directory}: ${bundle.files.join(", ")} (${bundle.bytes} bytes, synced)${missing}`;
  }
}

async function audit_tail(audit: AuditWriter): Promise<Uint8Array> {
  await audit.flush();
  return await tail_of_file(audit.path, AUDIT_TAIL_BYTES);
}

function sockets_text(tables: readonly SocketTable[]): string {
  return tables.map(({ name, text, cut }) => `# /proc/net/${name}${cut ? " (cut)" : ""}\n${text}\n`).join("");
}

/** Who has most memory, and who has used most CPU, so far. */
function top_cgroups({ cgroups }: QuarantineFacts): object {
  const by = (value: (each: QuarantineFacts["cgroups"][number]) => number) =>
    [...cgroups].sort((one, other) => value(other) - value(one)).slice(0, TOP_CGROUPS);
  return { by_memory: by((each) => each.memory_bytes ?? 0), by_cpu: by((each) => each.cpu_us ?? 0) };
}

/** The part of the configuration a plan may know. */
export function quarantine_settings(config: Config): QuarantineSettings {
  const { quarantine } = config;
  const protect = protected_patterns(config);
  const { enabled, ports, control_plane, watchdog, watchdog_min, conservative_marker } = quarantine;
  return { enabled, ports, control_plane, watchdog, watchdog_min, conservative_marker, protect };
}

/** Looks at everything a plan is made from, anew: SPEC §7.11 asks for that before anything above level 3. */
export async function gather_facts(
  parts: Pick<KeeperParts, "config" | "standing" | "mount" | "own_path">,
  tables: readonly SocketTable[],
): Promise<QuarantineFacts> {
  const { config, standing, mount, own_path } = parts;
  const { ports, management_interfaces } = config.quarantine;
  const numbers = ports.filter((each) => each.startsWith("tcp/")).map((each) => Number(each.slice(4)));
  const ports_in_use = management_in_use("/proc", process.env["SSH_CONNECTION"] ?? null);
  const sessions = operator_sessions(tables, [...numbers, ...ports_in_use.map(({ port }) => port)]);
  const addresses = new Map(
    Object.entries(networkInterfaces()).map(([name, all]) => [name, (all ?? []).map((each) => each.address)]),
  );
  const kernel = { files: kernel_files, processes: kernel_processes };
  const inhabitants =
    mount === null
      ? { cgroups: [], left_out: 0 }
      : await read_inhabitants(mount, (path) => read_group({ ...kernel, mount }, path));
  return {
    environment: standing.environment,
    interfaces: read_interfaces({ sys: "/sys", proc: "/proc", addresses }, management_interfaces, sessions),
    cgroups: inhabitants.cgroups,
    cgroups_left_out: inhabitants.left_out,
    manager: kernel_processes.manager,
    own_path,
    operator_peers: [...new Set(sessions.map((session) => session.peer))],
    ports_in_use,
    node_name: process.env["NODE_NAME"] || null,
    webhook: config.webhooks.length + config.hooks.pre.length > 0,
    evidence: standing.since === null ? null : await whole_bundle(dirname(config.audit.path), standing.since),
  };
}
