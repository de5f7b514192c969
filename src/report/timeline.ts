import type { Assessment } from "../model/assessment.ts";
import type { ActionEntry, AuditRecord, EpisodeEntry, TransitionEntry } from "../model/audit.ts";
import { counted } from "../model/counted.ts";
import type { Verdict } from "../model/decision.ts";
import { hook_sentence } from "../model/hook.ts";
import type { Level } from "../model/level.ts";
import type { Maybe } from "../model/sample.ts";
import { ContainmentTracks, type EpisodeContainment, target_text } from "./containment_track.ts";
import { dial_sentence, never_acts } from "./dial.ts";
import { outcome, setting } from "./explain.ts";
import { loss_entry_sentence } from "./loss.ts";
import type { Projection } from "./projection.ts";
import { step_sentence } from "./quarantine.ts";
import { type Gap, RecordCadence, RecordedSeries } from "./recorded_series.ts";
import type { Sample } from "./series.ts";
import { story } from "./story.ts";

export interface TimelinePoint extends Sample {
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
  /** Nothing was done: the motor only recorded. */
  readonly only_recorded: boolean;
  readonly points: readonly TimelinePoint[];
  /** As last in force, and how often they changed before. */
  readonly theta: readonly number[];
  readonly theta_changes: number;
  /** The cgroup most acted on, or that led the growth; empty path when none. */
  readonly memory: {
    readonly path: string;
    readonly points: readonly MemoryPoint[];
  };
  readonly marks: readonly TimelineMark[];
  /** Marks left out to bound the memory: the notes go first. */
  readonly omitted_marks: number;
  /** Stretches of which the record has no sample. */
  readonly gaps: readonly Gap[];
  readonly containments: readonly EpisodeContainment[];
  readonly omitted_containments: number;
  /** Where the memory of that cgroup was heading when it was first acted on. */
  readonly projection: Maybe<Projection>;
}

export interface MemoryPoint extends Sample {
  readonly bytes: number;
}

/** Verdicts after which nothing is in force; what had no effect, or does harm, is so until it is released. */
const OVER: ReadonlySet<Verdict["verdict"]> = new Set(["gone", "refused", "expired"]);
const MOST_MARKS = 4096;
const MOST_PATHS = 64;

/** Collects the last run of an audit, record by record. */
export class TimelineBuilder {
  #title = "";
  #began = "";
  #only_recorded = false;
  #start_ns: number | null = null;
  #points = new RecordedSeries<TimelinePoint>(({ d_smooth }) => d_smooth);
  #marks: TimelineMark[] = [];
  #omitted_marks = 0;
  #theta: readonly number[] = [];
  #theta_changes = 0;
  #memory = new Map<string, RecordedSeries<MemoryPoint>>();
  #acted = new Map<string, number>();
  #tracks = new ContainmentTracks();
  #projections = new Map<string, Projection>();
  #cadence = new RecordCadence();
  /** When each cgroup's memory was last in the record, and the step in force then. */
  #in_record = new Map<string, { readonly t_s: number; readonly step_s: number }>();

  add(record: AuditRecord): void {
    if (record.kind === "start") {
      this.#begin(record, `${record.node} ${record.wall_time} (${record.motor} motor)`);
      this.#only_recorded = never_acts(record);
    }
    // A note of the writer itself bears no time of the beat.
    if (record.t_ns === 0) return;
    if (this.#start_ns === null) {
      this.#start_ns = record.t_ns;
      this.#began = record.wall_time;
    }
    const t_s = (record.t_ns - this.#start_ns) / 1e9;
    const mark = (kind: TimelineMark["kind"], text: string): void => this.#mark({ t_s, id: record.id, kind, text });
    switch (record.kind) {
      case "heartbeat":
        this.#threshold(record.thresholds.theta);
        this.#sampled(record, t_s, record.level, record.d_smooth, []);
        return;
      case "trace":
        this.#sampled(record, t_s, record.level, record.d_smooth, record.memory);
        return;
      case "transition":
      case "action":
        this.#decided(record, t_s);
        return;
      case "verification":
        this.#cadence.happened(t_s);
        for (const one of record.outcomes)
          if (one.verb === "release" || one.status === "gone") this.#tracks.end(one.id, t_s);
        for (const { id, verdict } of record.verdicts) if (OVER.has(verdict)) this.#tracks.end(id, t_s);
        for (const verdict of record.verdicts) mark("verdict", `${verdict.id} ${verdict.verdict}: ${verdict.detail}`);
        return;
      case "undo":
        for (const { id } of record.outcomes) this.#tracks.end(id, t_s);
        for (const result of record.outcomes)
          mark("release", `undo ${result.rung} on ${target_text(result.target)}: ${outcome(result)}`);
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
      case "reload":
        if (record.dial !== undefined) mark("note", `autonomy: ${dial_sentence(record.dial.to)}`);
        return;
      case "pause":
        mark("note", `paused until ${record.pause.until} by uid ${record.pause.by.uid}`);
        return;
      case "resume":
        mark("note", record.by === undefined ? "the pause is over" : `the pause was ended by uid ${record.by.uid}`);
        return;
      case "baseline":
        this.#threshold(record.thresholds.theta);
        mark("note", `baseline learned from ${counted(record.samples, "sample")}`);
        return;
      case "stop":
        mark("note", `stopped after ${counted(record.beats, "beat")}: ${record.reason}`);
        return;
      case "hook":
        mark("note", `hook ${record.hook} for ${record.action_id} ${record.event}: ${hook_sentence(record.result)}`);
        return;
      case "episode":
        this.#moment(record);
        return;
      case "note":
        mark("note", record.text);
        return;
      case "loss":
        mark("note", loss_entry_sentence(record));
    }
  }

  get(): Timeline {
    const lengths = [...this.#memory].map(([path, { samples }]) => ({ path, length: samples.length }));
    const led = lengths.sort((a, b) => b.length - a.length)[0]?.path;
    const acted = [...this.#acted].filter(([path]) => this.#memory.has(path)).sort((a, b) => b[1] - a[1])[0]?.[0];
    const path = acted ?? led ?? "";
    return {
      title: this.#title,
      began: this.#began,
      only_recorded: this.#only_recorded,
      points: this.#points.samples,
      theta: this.#theta,
      theta_changes: this.#theta_changes,
      memory: { path, points: this.#memory.get(path)?.samples ?? [] },
      marks: this.#marks.toSorted((one, other) => one.t_s - other.t_s),
      omitted_marks: this.#omitted_marks,
      gaps: this.#cadence.gaps,
      containments: this.#tracks.all,
      omitted_containments: this.#tracks.omitted.size,
      projection: this.#projections.get(path) ?? null,
    };
  }

  /** No sample of its own: a peak stands where it was, which is known later. */
  #moment(record: AuditRecord & EpisodeEntry): void {
    const { id, event, input, decision, rises, number } = record;
    const at_ns = input?.assessment.t_ns ?? record.t_ns;
    const told =
      input === undefined || decision === undefined ? null : story({ assessment: input.assessment, decision });
    const text =
      event === "peak"
        ? `peak: ${told?.headline ?? ""}`
        : event === "reason"
          ? `not done: ${decision?.inaction ?? ""}`
          : `episode ${number} is over: ${counted(rises, "rise")}, highest level ${record.max_level}`;
    this.#mark({ t_s: (at_ns - (this.#start_ns ?? at_ns)) / 1e9, id, kind: "note", text });
  }

  #begin({ t_ns, wall_time }: Pick<AuditRecord, "t_ns" | "wall_time">, title: string): void {
    this.#title = title;
    this.#start_ns = t_ns;
    this.#began = wall_time;
    this.#points = new RecordedSeries(({ d_smooth }) => d_smooth);
    this.#marks = [];
    this.#omitted_marks = 0;
    this.#theta = [];
    this.#theta_changes = 0;
    this.#memory = new Map();
    this.#acted = new Map();
    this.#tracks = new ContainmentTracks();
    this.#projections = new Map();
    this.#cadence = new RecordCadence();
    this.#in_record = new Map();
  }

  #threshold(theta: readonly number[]): void {
    if (this.#theta.length > 0 && theta.some((one, i) => one !== this.#theta[i])) this.#theta_changes += 1;
    this.#theta = theta;
  }

  /** When full, every second of the less telling kinds goes, or of all where there are too few of them. */
  #mark(mark: TimelineMark): void {
    this.#marks.push(mark);
    if (this.#marks.length <= MOST_MARKS) return;
    const is_spare = ({ kind }: TimelineMark): boolean => kind === "note" || kind === "verdict";
    const spare = this.#marks.filter(is_spare).length > MOST_MARKS / 8 ? is_spare : () => true;
    let place = 0;
    const kept = this.#marks.filter((one) => !spare(one) || place++ % 2 === 0);
    this.#omitted_marks += this.#marks.length - kept.length;
    this.#marks = kept;
  }

  #decided(record: AuditRecord & (TransitionEntry | ActionEntry), t_s: number): void {
    const { id, decision } = record;
    this.#see(record, t_s, decision.level, record.input.assessment);
    if (decision.level !== decision.previous_level) {
      const text = `level ${decision.previous_level} → ${decision.level}: ${decision.rule}`;
      this.#mark({ t_s, id, kind: "level", text });
    }
    decision.actions.forEach((action, i) => {
      const result = record.kind === "action" ? record.outcomes[i] : undefined;
      const became = result === undefined ? "" : `: ${outcome(result)}`;
      const path = action.target.path;
      this.#acted.set(path, (this.#acted.get(path) ?? 0) + 1);
      this.#tracks.acted(action, result ?? null, t_s);
      if (action.verb === "apply") this.#project(t_s, path, record.input.assessment);
      const text = `${action.verb} ${setting(action.setting)} on ${target_text(action.target)}${became}`;
      this.#mark({ t_s, id, kind: action.verb === "release" ? "release" : "action", text });
    });
  }

  #see(record: AuditRecord, t_s: number, level: Level, assessment: Assessment): void {
    this.#threshold(assessment.thresholds.theta);
    const memory = assessment.growth.map(({ path, memory_bytes }) => ({ path, bytes: memory_bytes }));
    this.#sampled(record, t_s, level, assessment.d_smooth, memory);
  }

  #sampled(
    record: AuditRecord,
    t_s: number,
    level: Level,
    d_smooth: number,
    memory: readonly { readonly path: string; readonly bytes: number }[],
  ): void {
    const joined = this.#cadence.joins(record, t_s, level);
    this.#points.push({ t_s, joined, level, d_smooth });
    for (const { path, bytes } of memory) {
      const known = this.#memory.get(path);
      if (known === undefined && this.#memory.size >= MOST_PATHS) continue;
      const series = known ?? new RecordedSeries<MemoryPoint>((sample) => sample.bytes);
      this.#memory.set(path, series);
      // Records of decisions name the growing cgroups only, so that one without it is no gap of it.
      series.push({ t_s, joined: this.#cadence.reaches(this.#in_record.get(path), t_s), bytes });
      this.#in_record.set(path, { t_s, step_s: this.#cadence.step_s });
    }
  }

  /** Where it was heading when it was first acted on. */
  #project(t_s: number, path: string, { growth }: Assessment): void {
    const one = growth.find((each) => each.path === path);
    if (one === undefined || one.ttf.ttf_s === null || this.#projections.has(path)) return;
    const { headroom_bytes, ttf_s, resource } = one.ttf;
    const { memory_bytes, slope_bytes_per_s } = one;
    const of_node = resource === "node_memory";
    const reached_s = t_s + ttf_s;
    this.#projections.set(path, {
      t_s,
      path,
      memory_bytes,
      slope_bytes_per_s,
      headroom_bytes,
      ttf_s,
      reached_s,
      of_node,
    });
  }
}
