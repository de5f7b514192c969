import type { AuditWriter } from "../audit/index.ts";
import type { Config } from "../config/index.ts";
import { KernelError } from "../ffi/errors.ts";
import { monotonic_ns } from "../ffi/libc.ts";
import type { AuditEntry, HookEntry } from "../model/audit.ts";
import type { Outcome, Rung } from "../model/containment.ts";
import type { Dial, Engine } from "../model/dial.ts";
import { type Dimension, scaled } from "../model/dimension.ts";
import { level_name } from "../model/level.ts";
import type { Pause } from "../model/pause.ts";
import type { Maybe } from "../model/sample.ts";
import type { Hooks } from "../telemetry/hooks/index.ts";
import type { HttpServer } from "../telemetry/metrics/http_server.ts";
import type { Metrics } from "../telemetry/metrics/index.ts";
import type { Webhooks, WebhooksOptions } from "../telemetry/webhook/index.ts";
import type { BeatResult } from "./beat.ts";
import { deadline, pause, wall_s, wall_time_iso } from "./clock.ts";
import type { BeatTimes } from "./cost.ts";
import type { Lacking } from "./lacking.ts";
import type { Losses, LossSource } from "./losses.ts";

/** What others are told is made of. */
export interface TellingParts {
  readonly config: Config;
  readonly version: string;
  readonly node: string;
  /** In force now. */
  readonly dial: () => Dial;
  readonly engine: () => Engine;
  readonly pause: () => Pause | undefined;
  /** Containments that would have been begun. */
  readonly would_do: () => number;
  readonly dimensions: readonly Dimension[];
  /** Learned mean and standard deviation, in scaled units. */
  readonly baseline: () => { readonly mean: readonly number[]; readonly sigma: readonly number[] };
  readonly live: () => readonly Rung[];
  readonly beats: () => {
    readonly count: number;
    readonly lost: number;
    readonly missed: number;
    readonly last_ns: number;
    readonly period_ms: number;
  };
  readonly times: BeatTimes;
  readonly audit: Maybe<Pick<AuditWriter, "written" | "dropped">>;
  readonly record: (entry: AuditEntry) => void;
  readonly on_message: (level: "error" | "warn" | "info" | "debug", text: string) => void;
  /** What is lost and left out; absent where nothing keeps count of it. */
  readonly losses?: Pick<Losses, "list">;
  /** What this agent does without; absent: not told. */
  readonly lacking?: Lacking;
}

const COST_EDGES_US = [100, 250, 500, 750, 1000, 1500, 2000, 3000, 4000];
const LATENESS_EDGES_US = [50, 100, 250, 500, 1000, 2500, 5000, 10_000, 25_000, 40_000];
/** However many ask, what they are told is put into words this often. */
const FRESH_NS = 200e6;
/** A quarantine waits no longer for its last word. */
const LAST_WORD_S = 2.5;
/** From the beat of level 5 to the plan whose last word it is, besides the time the evidence may take. */
const PLANNED_WITHIN_S = 10;
/** An agent that ends waits no longer for those it still has to tell. */
const DRAIN_MS = 2000;

/** Where nobody is to be told anything, none of that code is loaded. What cannot be opened is said and left out. */
export async function open_telling(parts: TellingParts): Promise<Telling> {
  const { metrics, webhooks } = parts.config;
  const served = metrics.enabled ? new (await import("../telemetry/metrics/index.ts")).Metrics() : null;
  const told =
    webhooks.length > 0 ? new (await import("../telemetry/webhook/index.ts")).Webhooks(told_by(parts)) : null;
  const telling = new Telling(parts, served, told);
  await telling.reconfigure(parts.config);
  return telling;
}

function told_by({ config, node, version, dial, on_message }: TellingParts): WebhooksOptions {
  return {
    endpoints: config.webhooks,
    node,
    version,
    now: () => {
      const { acts } = dial();
      const last_word = config.quarantine.enabled && acts;
      return {
        dry_run: !acts,
        last_word_within_s: last_word ? config.quarantine.evidence_deadline_s + PLANNED_WITHIN_S : 0,
      };
    },
    clock: monotonic_ns,
    wall_s,
    deadline,
    on_message,
  };
}

/** Tells others what the beats were. Nothing here is needed for the loop, and nothing of it waits. */
export class Telling {
  readonly #parts: TellingParts;
  readonly #metrics: Maybe<Metrics>;
  readonly #webhooks: Maybe<Webhooks>;
  #hooks: Maybe<Hooks> = null;
  #server: Maybe<HttpServer> = null;
  #latest: Maybe<BeatResult> = null;
  #not_served = "";
  #said = new Map<string, { readonly at_ns: number; readonly answer: ReturnType<Metrics["page"]> }>();

  constructor(parts: TellingParts, metrics: Maybe<Metrics>, webhooks: Maybe<Webhooks>) {
    this.#parts = parts;
    this.#metrics = metrics;
    this.#webhooks = webhooks;
    if (metrics !== null) this.#server = this.#serve(metrics);
  }

  #serve(metrics: Metrics): Maybe<HttpServer> {
    const { config, on_message } = this.#parts;
    const [host = "", port] = config.metrics.listen.split(":");
    try {
      const served = metrics.serve(host, Number(port), monotonic_ns, (path) => this.#answer(metrics, path));
      on_message("info", `metrics are at http://${host}:${served.port}/metrics`);
      return served.server;
    } catch (error) {
      if (!(error instanceof KernelError)) throw error;
      this.#not_served = error.message;
      on_message("warn", `metrics are not served: ${error.message}; see metrics.listen`);
      return null;
    }
  }

  /** Somebody is being told: the event loop should get its turns. */
  get busy(): boolean {
    return this.#hooks?.busy ?? false;
  }

  /** What a reload may change: the hooks. */
  async reconfigure({ hooks }: Pick<Config, "hooks">): Promise<void> {
    if (this.#hooks !== null) {
      this.#hooks.reconfigure(hooks);
      return;
    }
    if (hooks.pre.length + hooks.post.length === 0) return;
    const { node, dial, record, on_message } = this.#parts;
    const { Hooks } = await import("../telemetry/hooks/index.ts");
    const into_audit = (entry: HookEntry) => record({ t_ns: monotonic_ns(), ...entry });
    this.#hooks = new Hooks({
      hooks,
      node,
      dry_run: dial().dry_run,
      clock: monotonic_ns,
      pause,
      record: into_audit,
      on_message,
    });
  }

  /** What those who are told do not get. */
  get loss_sources(): readonly LossSource[] {
    const { config } = this.#parts;
    return [
      {
        code: "notices",
        total: () => this.#webhooks?.lost.notices ?? 0,
        detail: () => this.#webhooks?.trouble ?? "",
      },
      { code: "notice_targets", total: () => this.#webhooks?.lost.targets ?? 0 },
      { code: "hook_runs", total: () => this.#hooks?.lost.runs ?? 0 },
      { code: "hook_output", total: () => this.#hooks?.lost.outputs ?? 0 },
      { code: "metrics_connections", total: () => this.#server?.dropped ?? 0 },
      {
        code: "metrics_server",
        lasting: () => config.metrics.enabled && this.#server === null,
        detail: () => this.#not_served,
      },
    ];
  }

  /** Takes note of a beat. */
  noticed(result: BeatResult): void {
    this.#latest = result;
    this.#metrics?.tally.note(result.decision, result.outcomes);
    if (!this.#parts.dial().tells) return;
    this.#webhooks?.noticed({ ...result, wall_time: wall_time_iso });
    this.#hooks?.noticed({ ...result, wall_time: wall_time_iso });
  }

  /** Takes note of what was undone without a decision. */
  undone(outcomes: readonly Outcome[], reason: string): void {
    this.#hooks?.undone(outcomes, this.#latest?.decision.level ?? 0, reason, wall_time_iso());
  }

  /** Serves whoever asks, when it is time to. */
  turn(now_ns: number): void {
    if (this.#server?.due(now_ns)) this.#server.turn(now_ns);
    this.#webhooks?.turn(now_ns);
    this.#hooks?.turn(now_ns);
  }

  /** A last word to every webhook and hook before the network is closed; rejects when nobody could be told. */
  async last_word(within_s = LAST_WORD_S): Promise<string> {
    if (this.#latest === null) throw new Error("there is nothing to tell");
    const beat = { ...this.#latest, wall_time: wall_time_iso };
    const told = await Promise.all([
      this.#webhooks?.last_word(beat, within_s) ?? NOBODY,
      this.#hooks?.last_word(beat, within_s * 1000) ?? NOBODY,
    ]);
    const detail = told.flatMap((one) => (one.detail === "" ? [] : [one.detail])).join("; ");
    if (!told.some(({ any }) => any)) throw new Error(detail || "there is nobody to tell");
    return detail;
  }

  /** The agent ends: what still waits is handed over, but nobody is waited for long. */
  async close(within_ms = DRAIN_MS): Promise<void> {
    this.#server?.close();
    if (this.#webhooks === null && this.#hooks === null) return;
    const drained = Promise.all([this.#webhooks?.drain(), this.#hooks?.drain()]);
    await Promise.race([drained, pause(within_ms)]);
    this.#webhooks?.close();
    await this.#hooks?.close();
  }

  #answer(metrics: Metrics, path: string): ReturnType<Metrics["page"]> {
    const now_ns = monotonic_ns();
    const said = this.#said.get(path);
    if (said !== undefined && now_ns - said.at_ns < FRESH_NS) return said.answer;
    const answer = metrics.page(path, {
      metrics: () => this.#metric_figures(metrics, now_ns),
      health: () => this.#health_figures(now_ns),
    });
    if (answer !== null) this.#said.set(path, { at_ns: now_ns, answer });
    return answer;
  }

  #metric_figures({ tally }: Metrics, now_ns: number) {
    const { version, dial, engine, pause, would_do, live, beats, times, audit, losses, lacking } = this.#parts;
    const paused = pause();
    const { count, lost, missed, last_ns, period_ms } = beats();
    const { user, system } = process.cpuUsage();
    return {
      version,
      dial: dial(),
      engine: engine(),
      pause:
        paused === undefined ? null : { left_s: Math.max(0, (paused.until_ns - now_ns) / 1e9), reason: paused.reason },
      would_do: would_do(),
      assessment: this.#latest?.assessment ?? null,
      level: this.#latest?.decision.level ?? 0,
      live: live(),
      tally,
      beats: {
        count,
        lost,
        missed,
        age_s: (now_ns - last_ns) / 1e9,
        period_s: period_ms / 1e3,
        cost: times.cost.histogram(COST_EDGES_US),
        lateness: times.lateness.histogram(LATENESS_EDGES_US),
      },
      audit,
      webhooks: this.#webhooks?.figures ?? [],
      hooks: this.#hooks?.figures ?? null,
      ...(losses === undefined ? {} : { losses: losses.list }),
      ...(lacking === undefined ? {} : { missing: missing_figures(lacking) }),
      process: { resident_bytes: process.memoryUsage.rss(), cpu_s: (user + system) / 1e6 },
    } as const;
  }

  #health_figures(now_ns: number) {
    const { beats, baseline, dimensions, dial, engine, pause, would_do } = this.#parts;
    const { autonomy, max_level, acts } = dial();
    const { state, lost } = engine();
    const paused = pause();
    const { last_ns, period_ms } = beats();
    const assessment = this.#latest?.assessment ?? null;
    const level = this.#latest?.decision.level ?? 0;
    const { mean, sigma } = baseline();
    const normalized: Record<string, number> = {};
    for (const [j, dimension] of dimensions.entries()) {
      const away = scaled(dimension, assessment?.x[j] ?? 0) - (mean[j] ?? 0);
      if (assessment !== null && (sigma[j] ?? 0) > 0) normalized[dimension.name] = round(away / sigma[j]!);
    }
    return {
      level,
      level_name: level_name(level),
      warm: assessment?.warm ?? false,
      d_smooth: assessment?.d_smooth ?? null,
      period_ms,
      last_beat_age_ms: Math.round((now_ns - last_ns) / 1e6),
      normalized,
      state,
      lost,
      autonomy,
      max_level,
      acts,
      paused_until: paused?.until ?? null,
      pause_reason: paused?.reason ?? null,
      would_do: would_do(),
    };
  }
}

function missing_figures({
  rungs,
  absences,
}: Lacking): readonly { readonly kind: "rung" | "sense"; readonly what: string }[] {
  const names = [...new Set(absences.map(({ what }) => what))];
  return [
    ...rungs.map(({ rung }) => ({ kind: "rung" as const, what: rung })),
    ...names.map((what) => ({ kind: "sense" as const, what })),
  ];
}

const NOBODY = { any: false, detail: "" };

function round(value: number): number {
  return Math.round(value * 1000) / 1000;
}
