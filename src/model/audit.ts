import type { Asker } from "./asker.ts";
import type { Assessment, Thresholds } from "./assessment.ts";
import type { Outcome, Rung } from "./containment.ts";
import type { Decision, Verdict } from "./decision.ts";
import type { Dial } from "./dial.ts";
import type { HookEvent, HookResult } from "./hook.ts";
import type { Level } from "./level.ts";
import type { Pause } from "./pause.ts";
import type {
  EnvironmentFinding,
  QuarantineFacts,
  QuarantinePlan,
  QuarantineSettings,
  StepOutcome,
} from "./quarantine.ts";
import type { Absence, Maybe } from "./sample.ts";
import type { Story } from "./story.ts";

/** Exactly what decide() was given, as JSON, so that the record can be re-run. */
export interface DecisionInput {
  readonly assessment: Assessment;
  /** DecisionState and DecisionConfig of src/decision; opaque here, because model imports nothing. */
  readonly state: unknown;
  readonly config: unknown;
}

export interface StartEntry {
  readonly kind: "start";
  readonly version: string;
  readonly node: string;
  readonly kernel: string;
  readonly mode: "run" | "observe";
  readonly motor: string;
  /** Absent in older records. */
  readonly dial?: Dial;
  /** The agent started within it. */
  readonly pause?: Pause;
  readonly dimensions: readonly string[];
  readonly missing_rungs: readonly { readonly rung: Rung; readonly why: string }[];
  readonly absences: readonly Absence[];
  readonly environment?: EnvironmentFinding;
  /** What an earlier quarantine means for this run, one sentence; absent when there was none. */
  readonly quarantine?: string;
}

export interface StopEntry {
  readonly kind: "stop";
  readonly reason: string;
  readonly beats: number;
  /** What one beat (sense → decide → act) cost, microseconds. */
  readonly beat_cost_us?: { readonly p50: number; readonly p99: number };
}

/** What the self looked like when its thresholds were set, or had moved since they were last told. Mean and sigma in scaled units. */
export interface BaselineEntry {
  readonly kind: "baseline";
  readonly dimensions: readonly string[];
  readonly mean: readonly number[];
  readonly sigma: readonly number[];
  readonly thresholds: Thresholds;
  readonly samples: number;
  /** Generalized Pareto fit of the episodes of D̄ above `threshold`; null when too few or when θ is fixed. */
  readonly tail: Maybe<{
    readonly threshold: number;
    readonly shape: number;
    readonly scale: number;
    readonly episodes: number;
    readonly episodes_per_s: number;
    readonly samples: number;
    /** The samples are maxima of blocks this long; absent: single values of the warm-up. */
    readonly block_s?: number;
  }>;
}

/** What was told of a decision, for readers of the record that cannot make it from `input` again. Absent in records of versions before. */
interface Narrated {
  readonly story?: Story;
}

export interface TransitionEntry extends Narrated {
  readonly kind: "transition";
  readonly input: DecisionInput;
  readonly decision: Decision;
}

export interface ActionEntry extends Narrated {
  readonly kind: "action";
  readonly input: DecisionInput;
  readonly decision: Decision;
  readonly outcomes: readonly Outcome[];
}

export interface VerificationEntry {
  readonly kind: "verification";
  readonly verdicts: readonly Verdict[];
  /** Changes the motor saw by itself: freezer confirmations, drift, vanished targets. */
  readonly outcomes: readonly Outcome[];
}

export interface UndoEntry {
  readonly kind: "undo";
  readonly reason: string;
  /** The operator who asked for it; absent where nobody did. */
  readonly by?: Asker;
  readonly outcomes: readonly Outcome[];
}

/** The plan of a quarantine, with exactly what it was made from, so that the record can be planned again. */
export interface QuarantineEntry {
  readonly kind: "quarantine";
  readonly input: { readonly facts: QuarantineFacts; readonly settings: QuarantineSettings };
  readonly plan: QuarantinePlan;
  /** A predecessor's quarantine is taken up again. */
  readonly resumed: boolean;
}

/** What became of one part of it. */
export interface QuarantineStepEntry {
  readonly kind: "quarantine_step";
  readonly outcome: StepOutcome;
}

/** One line per heartbeat in homeostasis: what a timeline needs of a quiet stretch. */
export interface HeartbeatEntry {
  readonly kind: "heartbeat";
  readonly level: Level;
  readonly d_smooth: number;
  readonly thresholds: Thresholds;
  readonly beats: number;
  /** The step of the heartbeats in force; absent in records of versions before. */
  readonly period_s?: number;
}

/** The local log of levels 1 and above: what a timeline needs between two decisions. */
export interface TraceEntry {
  readonly kind: "trace";
  readonly level: Level;
  readonly d_smooth: number;
  readonly velocity: number;
  readonly acceleration: number;
  /** Memory of the cgroups that grow or are contained. */
  readonly memory: readonly { readonly path: string; readonly bytes: number }[];
}

/** Why a record of an episode was written. `peak`: more was seen than at the record before. `reason`: why nothing is done has changed. */
export type EpisodeEvent = "peak" | "reason" | "ended";

/**
 * One moment of an episode that no change of level marks, or its end. An episode goes from level 1 or above until level 0 has
 * lasted `EPISODE_REST_S`; its onset is the record of the change of level at `began_ns`. Bounded: so many of each, the rest is counted.
 */
export interface EpisodeEntry extends Narrated {
  readonly kind: "episode";
  readonly version: 1;
  readonly event: EpisodeEvent;
  /** Counts up within a run. */
  readonly number: number;
  /** CLOCK_MONOTONIC of the change of level that began it. */
  readonly began_ns: number;
  /** Rises from level 0 so far. */
  readonly rises: number;
  readonly max_level: Level;
  readonly peak_d_smooth: number;
  /** What was decided at that moment (`assessment.t_ns`, which may lie before `t_ns`), and of what; not at the end. */
  readonly input?: DecisionInput;
  readonly decision?: Decision;
  /** At the end: when the node came back to level 0; null where the agent ended before. */
  readonly calm_ns?: Maybe<number>;
  /** At the end: moments beyond the bound, which have no record. */
  readonly omitted?: { readonly peaks: number; readonly reasons: number };
}

/** A hook was run, or could not be. */
export interface HookEntry {
  readonly kind: "hook";
  /** `pre 1`: its list in the configuration and its place there, from 1. */
  readonly hook: string;
  readonly command: readonly string[];
  readonly event: HookEvent;
  readonly action_id: string;
  readonly result: HookResult;
}

export interface NoteEntry {
  readonly kind: "note";
  readonly text: string;
}

/** An operator's pause began, or was taken up again by an agent that started within it. */
export interface PauseEntry {
  readonly kind: "pause";
  readonly pause: Pause;
  readonly resumed: boolean;
}

/** A pause is over. */
export interface ResumeEntry {
  readonly kind: "resume";
  readonly pause: Pause;
  /** The operator who ended it; absent where its time was up. */
  readonly by?: Asker;
}

/** Something was lost, or left out by a bound. `code` is one of src/model/loss.ts, or of another version of it. */
export interface LossEntry {
  readonly kind: "loss";
  readonly code: string;
  /** goes_on: at most once a minute. */
  readonly phase: "began" | "goes_on" | "ended";
  /** Lost since the entry of this code before, and since the start. */
  readonly count: number;
  readonly total: number;
  /** Left out at present; 0 where the kind is one of events. */
  readonly now: number;
  readonly detail: string;
}

/** The configuration was read again while the agent ran. */
export interface ReloadEntry {
  readonly kind: "reload";
  /** false: the files could not be used, and nothing was changed. */
  readonly accepted: boolean;
  readonly problems: readonly string[];
  readonly applied: readonly { readonly key: string; readonly from: unknown; readonly to: unknown }[];
  /** Changed in the files, but only a restart can change them. */
  readonly kept: readonly { readonly key: string; readonly from: unknown; readonly to: unknown }[];
  /** The dial was moved. */
  readonly dial?: { readonly from: Dial; readonly to: Dial };
  /** The operator who asked for it through the control socket; absent for a signal. */
  readonly by?: Asker;
}

export type AuditEntry = { readonly t_ns: number } & (
  | StartEntry
  | StopEntry
  | BaselineEntry
  | TransitionEntry
  | ActionEntry
  | VerificationEntry
  | UndoEntry
  | QuarantineEntry
  | QuarantineStepEntry
  | HeartbeatEntry
  | TraceEntry
  | NoteEntry
  | ReloadEntry
  | PauseEntry
  | ResumeEntry
  | HookEntry
  | LossEntry
  | EpisodeEntry
);

export type AuditKind = AuditEntry["kind"];

/** Where a chain comes from that goes on in another file: the line before, its hash, and what became of the file it stands in. */
export interface Continuation {
  readonly seq: number;
  readonly hash: string;
  readonly why: string;
}

/** One line of the audit. `hash` is SHA-256 over the bytes of the line before `,"hash":`. */
export type AuditRecord = {
  readonly seq: number;
  /** ISO 8601, UTC. */
  readonly wall_time: string;
  readonly id: string;
  /** Hash of the line before; 64 zeros on the first line of a chain. */
  readonly prev: string;
  readonly hash: string;
  /** Entries lost just before this line: the disk refused them until the queue was full, or the agent ended before it took them. */
  readonly lost?: number;
  /** What kept them from being written; absent in older records. */
  readonly lost_why?: string;
  /** First line of a file that another program made necessary: which line it follows, and what became of the file that holds that one. */
  readonly continues?: Continuation;
} & AuditEntry;
