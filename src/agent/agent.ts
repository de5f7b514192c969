import { readFileSync } from "node:fs";
import { hostname, release } from "node:os";
import manifest from "../../package.json" with { type: "json" };
import { AuditWriter } from "../audit/index.ts";
import type { Config } from "../config/index.ts";
import { Cortex } from "../cortex/cortex.ts";
import type { CortexOptions } from "../cortex/self.ts";
import { protection } from "../decision/protect.ts";
import { KernelError } from "../ffi/errors.ts";
import { geteuid, monotonic_ns } from "../ffi/libc.ts";
import { senses_object } from "../ffi/object.ts";
import { Senses } from "../ffi/senses.ts";
import type { AuditEntry } from "../model/audit.ts";
import type { Motor } from "../model/containment.ts";
import { OperatorError } from "../model/error.ts";
import type { Sample } from "../model/sample.ts";
import type { BeatView } from "../model/view.ts";
import { LedgerBusy } from "../motor/lock.ts";
import { CgroupMotor } from "../motor/motor.ts";
import { RecordingMotor } from "../motor/recording.ts";
import { find_cgroup2_mount } from "../sensor/mount.ts";
import { Sensor } from "../sensor/sensor.ts";
import { ThreadWatch } from "../sensor/threads.ts";
import { Beat, type BeatResult } from "./beat.ts";
import { next_turn, stopwatch_us, wall_time_iso } from "./clock.ts";
import { ContainmentWatch } from "./containment_watch.ts";
import { BeatCost } from "./cost.ts";
import { decision_config } from "./decision_config.ts";
import { sensor_ports, suspended_ns, watch_port } from "./ports.ts";
import { load_self, save_self } from "./self_file.ts";
import { view_of } from "./view.ts";

export interface AgentOptions {
  readonly config: Config;
  /** observe: read-only, with the recording motor, no audit and nothing saved. */
  readonly mode: "run" | "observe";
  readonly dry_run: boolean;
  readonly duration_s: number | null;
  readonly count: number | null;
  /** Every beat in observe, eventful beats in run. Returning false ends the loop. */
  readonly on_beat: (view: BeatView) => false | undefined;
  readonly on_message: (level: "error" | "warn" | "info" | "debug", text: string) => void;
  readonly signal: AbortSignal;
}

export interface AgentResult {
  readonly beats: number;
  readonly reason: string;
}

/** The first beats run before the code is compiled; their cost says nothing about the rest. */
const WARM_BEATS = 50;
const SAVE_EVERY_S = 60;
/** An abort is noticed within this time even if the kernel never beats again. */
const POLL_MS = 250;
/** No beat for so long means that the senses are dead, and a blind agent must not stay silent. */
const SILENCE_S = 10;

/** The loop in the foreground: composes the rooms, beats until told to end, and undoes everything on the way out. */
export async function run_agent(options: AgentOptions): Promise<AgentResult> {
  require_root();
  const agent = compose(options);
  try {
    return await agent.run();
  } finally {
    await agent.end();
  }
}

function require_root(): void {
  if (geteuid() !== 0) {
    throw new OperatorError(
      "cannot load BPF programs: not root",
      3,
      "run as root, or with CAP_BPF, CAP_PERFMON, CAP_SYS_RESOURCE and CAP_SYS_ADMIN from a service unit",
    );
  }
}

function open_senses(config: Config): Senses {
  try {
    return Senses.open({ object: senses_object(), disabled: config.senses.disabled });
  } catch (error) {
    if (!(error instanceof KernelError)) throw error;
    throw new OperatorError(error.message, 3, error.hint || "see `hosa doctor`", error);
  }
}

function own_cgroup_path(): string {
  const line = readFileSync("/proc/self/cgroup", "latin1")
    .split("\n")
    .find((each) => each.startsWith("0::"));
  return line?.slice(3) ?? "/";
}

function cortex_options(config: Config): CortexOptions {
  const { learning, thresholds } = config;
  return {
    warmup_s: learning.warmup_s,
    half_life_s: learning.half_life_s,
    lambda: learning.lambda,
    thresholds: thresholds.mode === "learned" ? "learned" : thresholds.fixed,
    budgets: {
      vigilance_per_s: thresholds.vigilance_per_hour / 3600,
      intervention_per_s: thresholds.interventions_per_30_days / (30 * 86400),
    },
  };
}

function open_motor(options: AgentOptions, mount: string | null, own_path: string): CgroupMotor | RecordingMotor {
  const { motor, protect } = options.config;
  const limits = {
    enabled_rungs: motor.rungs,
    max_targets_per_minute: motor.max_targets_per_minute,
    cooldown_s: motor.cooldown_s,
    expiry_s: motor.expiry_s,
    protected_ids: (_id: number, path: string) => protection(path, own_path, protect),
  };
  if (options.mode === "observe" || options.dry_run || !motor.enabled || mount === null) {
    return new RecordingMotor(limits);
  }
  try {
    return new CgroupMotor({ ...limits, mount, ledger_dir: motor.ledger_dir });
  } catch (error) {
    if (!(error instanceof LedgerBusy)) throw error;
    throw new OperatorError(error.message, 1, "end the other hosa first, or use `hosa observe` beside it", error);
  }
}

function compose(options: AgentOptions): Agent {
  using undo = new DisposableStack();
  const { config } = options;
  const senses = undo.use(open_senses(config));
  const own_path = own_cgroup_path();
  const mount = find_cgroup2_mount()?.mount ?? null;
  const sensor = new Sensor(sensor_ports(senses), own_path === "/" ? {} : { excluded_path: own_path });
  const cortex = recall(options, sensor);
  const motor = open_motor(options, mount, own_path);
  const audit = options.mode === "run" ? open_audit(config) : null;
  const agent = new Agent(options, { senses, sensor, cortex, motor, audit, mount, own_path });
  undo.move();
  return agent;
}

function open_audit(config: Config): AuditWriter {
  const { path, max_bytes, keep } = config.audit;
  return new AuditWriter({ path, max_bytes, keep, wall_time: wall_time_iso });
}

/** The self learned before, when it fits; otherwise a new one, with the reason said. */
function recall(options: AgentOptions, sensor: Sensor): Cortex {
  const settings = cortex_options(options.config);
  const saved = load_self(options.config.learning.state_dir);
  let refused: string;
  if ("self" in saved) {
    const restored = Cortex.restore(sensor.dimensions, settings, saved.self);
    if ("cortex" in restored) {
      options.on_message("info", "the learned self of an earlier run is taken up again");
      return restored.cortex;
    }
    refused = restored.refused;
  } else {
    refused = saved.refused;
  }
  const { warmup_s } = options.config.learning;
  options.on_message("info", `learning this node for ${warmup_s} s (${refused}); nothing above level 1 before that`);
  return new Cortex(sensor.dimensions, settings);
}

interface Parts {
  readonly senses: Senses;
  readonly sensor: Sensor;
  readonly cortex: Cortex;
  readonly motor: CgroupMotor | RecordingMotor;
  readonly audit: AuditWriter | null;
  readonly mount: string | null;
  readonly own_path: string;
}

class Agent {
  readonly #options: AgentOptions;
  readonly #parts: Parts;
  readonly #beat: Beat;
  readonly #threads: ThreadWatch;
  readonly #cost = new BeatCost();
  #beats = 0;
  #period_ms: number;
  #warm = false;
  #last_beat_ns = monotonic_ns();
  #saved_ns = monotonic_ns();
  #told_ns = monotonic_ns();
  #calm = true;

  constructor(options: AgentOptions, parts: Parts) {
    this.#options = options;
    this.#parts = parts;
    this.#period_ms = options.config.beat.period_ms;
    const { senses, motor, cortex } = parts;
    const suspended = suspended_ns();
    this.#threads = new ThreadWatch({
      threads: senses,
      monotonic_ns,
      boottime_ns: () => monotonic_ns() + suspended,
    });
    this.#beat = new Beat({
      sense: () => this.#sense(),
      search_threads: (wanted) => this.#threads.search(wanted.cgroup_id, wanted.resource),
      cortex,
      config: decision_config(options.config, parts.own_path),
      motor: motor as Motor,
      watch: new ContainmentWatch(watch_port(senses, parts.mount), motor.name === "cgroup"),
      record: (entry) => this.#record(entry),
    });
  }

  async run(): Promise<AgentResult> {
    const { senses } = this.#parts;
    const { signal, duration_s, count } = this.#options;
    this.#announce();
    senses.start(this.#period_ms * 1e6);
    const end_ns = duration_s === null ? Number.POSITIVE_INFINITY : monotonic_ns() + duration_s * 1e9;
    for (;;) {
      if (senses.poll(POLL_MS) > 0) {
        senses.drain();
        this.#last_beat_ns = monotonic_ns();
        if (this.#one_beat() === false) return { beats: this.#beats, reason: "the reader went away" };
      } else {
        this.#check_silence();
      }
      await next_turn();
      if (signal.aborted) return { beats: this.#beats, reason: String(signal.reason ?? "asked to end") };
      if (count !== null && this.#beats >= count) return { beats: this.#beats, reason: `${count} beats` };
      if (monotonic_ns() >= end_ns) return { beats: this.#beats, reason: `${duration_s} s` };
    }
  }

  /** Undo in reverse order of creation; the first failure does not hide the others. */
  async end(): Promise<void> {
    const { senses, motor, audit, cortex } = this.#parts;
    const now_ns = monotonic_ns();
    const undone = motor.release_all(now_ns, "hosa ends");
    if (undone.length > 0) this.#record({ t_ns: now_ns, kind: "undo", reason: "hosa ends", outcomes: undone });
    if (motor instanceof CgroupMotor) motor.close();
    if (audit !== null) {
      this.#record({
        t_ns: now_ns,
        kind: "stop",
        reason: "asked to end",
        beats: this.#beats,
        beat_cost_us: this.#costs(),
      });
      if (this.#warm) await this.#save(cortex);
      await audit.close();
    }
    senses[Symbol.dispose]();
  }

  #sense(): Sample | null {
    const sample = this.#parts.sensor.sense(this.#parts.senses.beat);
    this.#threads.sweep(this.#calm);
    return sample;
  }

  #one_beat(): false | undefined {
    const started_us = stopwatch_us();
    const result = this.#beat.step();
    if (this.#beats > WARM_BEATS) this.#cost.add(stopwatch_us() - started_us);
    if (result === null) return undefined;
    this.#beats += 1;
    const { decision, assessment } = result;
    this.#calm = decision.level === 0;
    if (decision.beat_period_ms !== this.#period_ms) {
      this.#period_ms = decision.beat_period_ms;
      this.#parts.senses.set_period(this.#period_ms * 1e6);
    }
    for (const live of this.#beat.state?.containments ?? []) this.#parts.motor.renew(live.id, decision.t_ns);
    if (assessment.warm && !this.#warm) this.#say_baseline(decision.t_ns);
    this.#tell(result);
    if (result.eventful || this.#options.mode === "observe") {
      return this.#options.on_beat(view_of(assessment, decision));
    }
    return undefined;
  }

  /** Heartbeat in homeostasis, the learned self once a minute, audit lines to disk: all off the beat. */
  #tell(result: BeatResult): void {
    const { audit, cortex } = this.#parts;
    const { decision, assessment } = result;
    if (audit === null) return;
    const due = decision.t_ns - this.#told_ns >= this.#options.config.telemetry.heartbeat_s * 1e9;
    if (due && decision.level === 0) {
      this.#told_ns = decision.t_ns;
      const { d_smooth, thresholds } = assessment;
      this.#record({ t_ns: decision.t_ns, kind: "heartbeat", level: 0, d_smooth, thresholds, beats: this.#beats });
    }
    if (this.#warm && decision.t_ns - this.#saved_ns >= SAVE_EVERY_S * 1e9) {
      this.#saved_ns = decision.t_ns;
      void this.#save(cortex);
    }
    void audit.flush();
  }

  async #save(cortex: Cortex): Promise<void> {
    try {
      await save_self(this.#options.config.learning.state_dir, cortex.save());
    } catch (error) {
      this.#options.on_message("warn", `cannot save the learned self: ${String(error)}; a restart will learn anew`);
    }
  }

  #costs(): { readonly p50: number; readonly p99: number } {
    return { p50: this.#cost.quantile_us(0.5), p99: this.#cost.quantile_us(0.99) };
  }

  #record(entry: AuditEntry): void {
    this.#parts.audit?.append(entry);
  }

  #check_silence(): void {
    const silent_s = (monotonic_ns() - this.#last_beat_ns) / 1e9;
    if (silent_s < SILENCE_S) return;
    throw new OperatorError(
      `no beat from the kernel for ${silent_s.toFixed(0)} s`,
      1,
      "restart hosa; see `hosa doctor`",
    );
  }

  #say_baseline(t_ns: number): void {
    this.#warm = true;
    const { cortex, sensor } = this.#parts;
    const { theta, fit, learned_samples, mean, sigma } = cortex.baseline();
    const thresholds = { theta, source: this.#options.config.thresholds.mode } as const;
    const dimensions = sensor.dimensions.map((dimension) => dimension.name);
    this.#record({ t_ns, kind: "baseline", dimensions, mean, sigma, thresholds, samples: learned_samples, tail: fit });
    const values = theta.map((value) => value.toFixed(1)).join(", ");
    this.#options.on_message("info", `this node is known: ${learned_samples} samples, θ ${values}`);
  }

  #announce(): void {
    const { motor, sensor, mount } = this.#parts;
    const { mode, on_message, config } = this.#options;
    const missing_rungs = motor.missing();
    on_message("info", `${sensor.dimensions.length} dimensions, beat ${this.#period_ms} ms, motor: ${motor.name}`);
    if (motor.name === "recording") {
      const why = mount === null ? "no cgroup v2 is mounted" : mode === "observe" ? "observe is read-only" : "dry run";
      on_message("info", `the recording motor only writes down what it would do (${why})`);
    }
    for (const { rung, why } of missing_rungs) on_message("warn", `rung ${rung} is missing: ${why}`);
    for (const { what, why, costs } of sensor.absences) on_message("warn", `${what} is missing (${why}): ${costs}`);
    const t_ns = monotonic_ns();
    this.#record({
      t_ns,
      kind: "start",
      version: manifest.version,
      node: config.node.name || hostname(),
      kernel: release(),
      mode,
      motor: motor.name,
      dimensions: sensor.dimensions.map((dimension) => dimension.name),
      missing_rungs,
      absences: sensor.absences,
    });
    if (motor instanceof CgroupMotor && motor.recovered.length > 0) {
      const reason = "left by a predecessor";
      this.#record({ t_ns, kind: "undo", reason, outcomes: motor.recovered });
      on_message("warn", `${motor.recovered.length} change(s) left by a predecessor were undone`);
    }
  }
}
