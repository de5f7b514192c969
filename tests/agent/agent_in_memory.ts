import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { Beat, type BeatResult } from "../../src/agent/beat.ts";
import { ContainmentWatch } from "../../src/agent/containment_watch.ts";
import { AgentControl } from "../../src/agent/control.ts";
import { control_socket } from "../../src/agent/control_socket.ts";
import { DialKeeper } from "../../src/agent/dial.ts";
import { EpisodeLog } from "../../src/agent/episode_log.ts";
import { OwnStall } from "../../src/agent/own_stall.ts";
import { PauseKeeper } from "../../src/agent/pause.ts";
import { type ReloadRequest, reload } from "../../src/agent/reload.ts";
import { type Config, dial_of, load_config } from "../../src/config/index.ts";
import { Cortex } from "../../src/cortex/cortex.ts";
import { monotonic_ns } from "../../src/ffi/libc.ts";
import type { AuditEntry } from "../../src/model/audit.ts";
import { type Outcome, RUNGS } from "../../src/model/containment.ts";
import type { ReleaseReply, Selector } from "../../src/model/control.ts";
import type { Level } from "../../src/model/level.ts";
import type { CgroupMotor } from "../../src/motor/motor.ts";
import { RecordingMotor } from "../../src/motor/recording.ts";
import { SwitchableMotor } from "../../src/motor/switchable.ts";
import { ControlClient } from "../../src/telemetry/control/client.ts";
import { CONFIG, search } from "../decision/fixtures.ts";
import { Setup } from "../motor/setup.ts";
import { DIMENSIONS, NO_WATCH, node, WARMUP_S } from "./node.ts";

const RECORDS = {
  enabled_rungs: RUNGS,
  max_targets_per_minute: 100,
  cooldown_s: 0,
  expiry_s: 3600,
  protect: [],
};
const STARTED = { service: true, dry_run: false };
export const patient = new AbortController().signal;
const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

/** An agent on an invented node and a kernel in memory, with a real ledger and a real socket; the test beats it. */
export class Agent implements Disposable {
  readonly setup = new Setup();
  readonly before: string;
  /** Of its configuration. */
  readonly file: string;
  config: Config;
  readonly motor: SwitchableMotor;
  readonly real: CgroupMotor;
  readonly pauses: PauseKeeper;
  readonly dial: DialKeeper;
  /** Answers of the agent to a reload, which the test gives. */
  readonly reloads: ReloadRequest[] = [];
  readonly beat: Beat;
  readonly control: AgentControl;
  readonly entries: AuditEntry[] = [];
  #now_ns = 0;
  readonly episodes = new EpisodeLog();
  flushed = 0;
  /** What the keeper of a quarantine says became of it. */
  left: readonly Outcome[] = [];

  /**
   * @param level the node's level as a predecessor left it
   * @param autonomy line of the configuration; empty: what a service does without one
   */
  constructor(level: Level = 0, autonomy = "autonomy: correction") {
    const { kernel, ledger_dir } = this.setup;
    const id = kernel.add_cgroup("/payment.slice");
    for (const tid of [100, 101, 102]) kernel.add_thread(tid, 100, "/payment.slice");
    this.before = kernel.snapshot();
    this.file = join(ledger_dir, "hosa.yaml");
    writeFileSync(
      this.file,
      `motor: {ledger_dir: ${ledger_dir}}\nlearning: {state_dir: ${ledger_dir}/state}\n${autonomy}`,
    );
    this.config = load_config(this.file);
    const dial = dial_of(this.config, STARTED);
    this.real = this.setup.motor();
    this.motor = new SwitchableMotor(this.real, new RecordingMotor(RECORDS), dial.acts);
    this.pauses = new PauseKeeper({
      state_dir: this.config.learning.state_dir,
      clocks: () => ({ boot_id: "this", now_ns: this.now_ns, wall_s: 1e9 }),
      wall_time_of: (ago_ns) => new Date(1e12 - ago_ns / 1e6).toISOString(),
      record: (entry) => this.entries.push(entry),
      on_message: () => {},
    });
    const watch = new ContainmentWatch(NO_WATCH, false);
    const level_now = (): Level => this.beat.state?.level ?? 0;
    this.dial = new DialKeeper({ motor: this.motor, watch, started: STARTED, level: level_now }, dial);
    const samples = node(1, 60, id);
    this.beat = new Beat({
      sense: () => samples.next().value ?? null,
      search_threads: () => search(0.95, { cgroup_id: id }),
      cortex: new Cortex(DIMENSIONS, {
        warmup_s: WARMUP_S,
        half_life_s: 3600,
        lambda: 1e-3,
        thresholds: "learned",
        budgets: { vigilance_per_s: 1 / 3600, intervention_per_s: 1 / 2.6e6 },
        opinions: null,
      }),
      config: CONFIG,
      motor: this.motor,
      watch,
      pause: (now_ns) => this.pauses.input(now_ns),
      own_stall: new OwnStall({ stall_some_us: () => 0, leave: () => {} }),
      record: (entry) => this.entries.push(JSON.parse(JSON.stringify(entry))),
      level_found: level,
      episodes: this.episodes,
    });
    this.control = new AgentControl({
      config: this.config,
      motor: this.motor,
      beat: this.beat,
      pauses: this.pauses,
      episodes: this.episodes,
      warmup: () => null,
      dial: () => this.dial.dial,
      engine: () => ({ state: "running", lost: [] }),
      reload: (by) => new Promise((answer) => this.reloads.push({ by, answer })),
      record: (entry) => this.entries.push(entry),
      flush_audit: async () => {
        this.flushed++;
      },
      figures: () => {
        const none = { p50: 0, p99: 0 };
        return { count: 0, period_ms: 100, cost_us: none, delay_us: none, interval_us: none };
      },
      quarantine_left: async () => this.left,
      node: "test",
      version: "0",
    });
  }

  /** CLOCK_MONOTONIC of the invented node. */
  get now_ns(): number {
    return this.#now_ns;
  }

  step(): BeatResult {
    const result = this.beat.step();
    if (result === null) throw new Error("the node has ended");
    this.#now_ns = result.decision.t_ns;
    this.control.noticed(result);
    return result;
  }

  /** Beats until the leaking thread is held. */
  until_held(): void {
    for (let count = 0; count < 700 && this.motor.held().length === 0; count++) this.step();
  }

  /** Serves the socket until the work is done, and beats or answers reloads meanwhile. */
  async while_served<T>(work: Promise<T>, also: "beats" | "reloads" | "nothing" = "beats"): Promise<T> {
    let settled = false;
    const ended = work.finally(() => {
      settled = true;
    });
    // A refusal is awaited below, turns after it came.
    ended.catch(() => undefined);
    for (let count = 0; !settled; count++) {
      // A command beside it lives by the real clock; alone, no turn has to be waited for.
      const ahead_ns = also === "reloads" ? 0 : count * 1e9;
      this.control.turn(monotonic_ns() + ahead_ns, true, 100);
      if (also === "beats" && count % 50 === 49) this.step();
      if (also === "reloads") this.serve_reloads();
      await turn();
    }
    return await ended;
  }

  /** Reads the configuration again for whoever asked, as the agent does between two beats. */
  serve_reloads(): void {
    for (const { answer } of this.reloads.splice(0)) {
      const { plan, entry } = reload(this.config, () => load_config(this.file));
      const move = plan === null ? null : this.dial.move(plan.config, this.now_ns);
      if (plan !== null) {
        this.config = plan.config;
        this.beat.reconfigure({ ...CONFIG, ceiling: this.dial.dial.max_level });
      }
      const { accepted, problems } = entry;
      const keys = { applied: entry.applied.map(({ key }) => key), kept: entry.kept.map(({ key }) => key) };
      const now = { dial: this.dial.dial, pause: this.pauses.current, missing_rungs: [], quarantine: false };
      answer({ accepted, problems, ...keys, released: move?.released ?? [], ...now });
    }
  }

  async connect(): Promise<ControlClient> {
    return (await ControlClient.connect(control_socket(this.config), turn))!;
  }

  async release(client: ControlClient, select: Selector, more: object = {}): Promise<ReleaseReply> {
    const answer: unknown = await this.while_served(client.ask({ op: "release", select, ...more }, patient));
    return answer as ReleaseReply;
  }

  [Symbol.dispose](): void {
    this.control.close("test ends");
    this.motor.close();
    this.setup[Symbol.dispose]();
  }
}
