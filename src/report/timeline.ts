import type { Assessment } from "../model/assessment.ts";
import type { AuditRecord, EpisodeEntry } from "../model/audit.ts";
import { hook_sentence } from "../model/hook.ts";
import type { Level } from "../model/level.ts";
import { outcome, setting } from "./explain.ts";
import { step_sentence } from "./quarantine.ts";
import { story } from "./story.ts";

export interface TimelinePoint {
  /** Seconds since the first record of the run. */
  readonly t_s: number;
  readonly level: Level;
  readonly d_smooth: number;
}

export interface TimelineMark {
  readonly t_s: number;
  readonly id: string;
  readonly kind: "level" | "action" | "release" | "verdict" | "note";
  readonly text: string;
}

/** One recorded run. */
export interface Timeline {
  readonly title: string;
  /** Wall time of its first record, ISO 8601; empty where there is none. */
  readonly began: string;
  readonly points: readonly TimelinePoint[];
  readonly theta: readonly number[];
  /** The cgroup most acted on, or that led the growth; empty path when none. */
  readonly memory: {
    readonly path: string;
    readonly points: readonly { readonly t_s: number; readonly bytes: number }[];
  };
  readonly marks: readonly TimelineMark[];
}

const MAX_ITEMS = 4096;

/** Keeps every second item when full: the shape stays, the memory is bounded. */
function push<T>(items: T[], item: T): T[] {
  const kept = items.length < MAX_ITEMS ? items : items.filter((_, i) => i % 2 === 0);
  kept.push(item);
  return kept;
}

/** Collects the last run of an audit, record by record. */
export class TimelineBuilder {
  #title = "";
  #began = "";
  #start_ns: number | null = null;
  #points: TimelinePoint[] = [];
  #marks: TimelineMark[] = [];
  #theta: readonly number[] = [];
  #memory = new Map<string, { t_s: number; bytes: number }[]>();
  #acted = new Map<string, number>();

  add(record: AuditRecord): void {
    if (record.kind === "start") this.#begin(record, `${record.node} ${record.wall_time} (${record.motor} motor)`);
    // A note of the writer itself bears no time of the beat.
    if (record.t_ns === 0) return;
    if (this.#start_ns === null) {
      this.#start_ns = record.t_ns;
      this.#began = record.wall_time;
    }
    const t_s = (record.t_ns - this.#start_ns) / 1e9;
    const mark = (kind: TimelineMark["kind"], text: string): void => {
      this.#marks = push(this.#marks, { t_s, id: record.id, kind, text });
    };
    switch (record.kind) {
      case "heartbeat":
        this.#theta = record.thresholds.theta;
        this.#points = push(this.#points, { t_s, level: record.level, d_smooth: record.d_smooth });
        return;
      case "trace":
        this.#points = push(this.#points, { t_s, level: record.level, d_smooth: record.d_smooth });
        for (const { path, bytes } of record.memory) this.#remember(t_s, path, bytes);
        return;
      case "transition":
      case "action": {
        const { decision } = record;
        this.#see(t_s, decision.level, record.input.assessment);
        if (decision.level !== decision.previous_level) {
          mark("level", `level ${decision.previous_level} → ${decision.level}: ${decision.rule}`);
        }
        decision.actions.forEach((action, i) => {
          const result = record.kind === "action" ? record.outcomes[i] : undefined;
          const became = result === undefined ? "" : `: ${outcome(result)}`;
          const path = action.target.path;
          this.#acted.set(path, (this.#acted.get(path) ?? 0) + 1);
          mark(
            action.verb === "release" ? "release" : "action",
            `${action.verb} ${setting(action.setting)} on ${path}${became}`,
          );
        });
        return;
      }
      case "verification":
        for (const verdict of record.verdicts) mark("verdict", `${verdict.id} ${verdict.verdict}: ${verdict.detail}`);
        return;
      case "undo":
        for (const result of record.outcomes)
          mark("release", `undo ${result.rung} on ${result.target.path}: ${outcome(result)}`);
        return;
      case "quarantine":
        mark("action", `quarantine planned: ${record.plan.environment}`);
        return;
      case "quarantine_step":
        mark("action", `quarantine: ${step_sentence(record.outcome)}`);
        return;
      case "start":
        mark("note", `started: ${record.mode}, ${record.motor} motor`);
        return;
      case "baseline":
        this.#theta = record.thresholds.theta;
        mark("note", `baseline learned from ${record.samples} samples`);
        return;
      case "stop":
        mark("note", `stopped after ${record.beats} beats: ${record.reason}`);
        return;
      case "hook":
        mark("note", `hook ${record.hook} for ${record.action_id} ${record.event}: ${hook_sentence(record.result)}`);
        return;
      case "episode":
        this.#moment(record);
        return;
      case "note":
        mark("note", record.text);
    }
  }

  get(): Timeline {
    const led = [...this.#memory].sort((a, b) => b[1].length - a[1].length)[0]?.[0];
    const acted = [...this.#acted].filter(([path]) => this.#memory.has(path)).sort((a, b) => b[1] - a[1])[0]?.[0];
    const path = acted ?? led ?? "";
    const memory = { path, points: this.#memory.get(path) ?? [] };
    const marks = this.#marks.toSorted((one, other) => one.t_s - other.t_s);
    return { title: this.#title, began: this.#began, points: this.#points, theta: this.#theta, memory, marks };
  }

  /** A peak stands where it was, which is known later. */
  #moment(record: AuditRecord & EpisodeEntry): void {
    const { id, event, input, decision, rises, number } = record;
    const at_ns = input?.assessment.t_ns ?? record.t_ns;
    const told =
      input === undefined || decision === undefined ? null : story({ assessment: input.assessment, decision });
    const times = rises === 1 ? "one rise" : `${rises} rises`;
    const text =
      event === "peak"
        ? `peak: ${told?.headline ?? ""}`
        : event === "reason"
          ? `not done: ${decision?.inaction ?? ""}`
          : `episode ${number} is over: ${times}, highest level ${record.max_level}`;
    this.#marks = push(this.#marks, { t_s: (at_ns - (this.#start_ns ?? at_ns)) / 1e9, id, kind: "note", text });
  }

  #begin({ t_ns, wall_time }: Pick<AuditRecord, "t_ns" | "wall_time">, title: string): void {
    this.#title = title;
    this.#start_ns = t_ns;
    this.#began = wall_time;
    this.#points = [];
    this.#marks = [];
    this.#theta = [];
    this.#memory = new Map();
    this.#acted = new Map();
  }

  #see(t_s: number, level: Level, assessment: Assessment): void {
    this.#theta = assessment.thresholds.theta;
    this.#points = push(this.#points, { t_s, level, d_smooth: assessment.d_smooth });
    for (const growth of assessment.growth) this.#remember(t_s, growth.path, growth.memory_bytes);
  }

  #remember(t_s: number, path: string, bytes: number): void {
    const series = this.#memory.get(path) ?? [];
    if (series.length === 0 && this.#memory.size >= 64) return;
    this.#memory.set(path, push(series, { t_s, bytes }));
  }
}
