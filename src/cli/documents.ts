import type { EpisodesOf, JudgedRow } from "../backtest/csv_backtest.ts";
import type { FlightRow } from "../backtest/flight.ts";
import type { AuditRecord } from "../model/audit.ts";
import type {
  AlarmEpisode,
  BacktestSummary,
  DetectorSummary,
  EpisodesSummary,
  FlightSummary,
} from "../model/backtest.ts";
import type { AgentStatus, HeldItem, PauseReply, ReleaseReply } from "../model/control.ts";
import type { DemoResult } from "../model/demo.ts";
import type { Autonomy, Dial } from "../model/dial.ts";
import type { DoctorReport } from "../model/doctor.ts";
import type { HookCall } from "../model/hook.ts";
import type { Level } from "../model/level.ts";
import type { Notice } from "../model/notice.ts";
import type { Pause } from "../model/pause.ts";
import type { Regime } from "../model/regime.ts";
import type { Replay } from "../model/replay.ts";
import type { Maybe } from "../model/sample.ts";
import type { SCHEMA_VERSION } from "../model/schema_version.ts";
import type { Story } from "../model/story.ts";
import type { BeatView } from "../model/view.ts";
import type { WhatIfSummary } from "../model/what_if.ts";
import type { AgentAnswer, AllowedLevel } from "../report/arm.ts";
import type { Episode } from "../report/episode.ts";
import type { EpisodeSummary } from "../report/episode_list.ts";
import type { Circumstances } from "../report/explain.ts";
import type { Timeline } from "../report/timeline.ts";
import type { Failure } from "./failure.ts";

/** The one answer of a command. */
interface Versioned {
  readonly schema_version: typeof SCHEMA_VERSION;
}

interface OfAudit {
  /** Places where the audit's chain of hashes is broken; standard error names the first of them. Null: it was not checked, for want of a runtime. */
  readonly audit_problems: Maybe<number>;
}

/** Instead of the answer, or as the last line after beats and rows. */
export interface ErrorDocument extends Versioned {
  readonly ok: false;
  readonly error: Failure;
}

type StatusDocument = Versioned & (({ readonly running: true } & AgentStatus) | NoAgent);

/** Exit code 1: no agent runs; what an earlier one left behind. */
interface NoAgent {
  readonly running: false;
  readonly ledger_dir: string;
  readonly held: readonly HeldItem[];
  /** Of a service that starts with this configuration, and the pause it finds. Absent: not looked at, for want of a runtime. */
  readonly dial?: Dial;
  readonly pause?: AgentStatus["pause"];
}

export interface ReleaseDocument
  extends Versioned,
    Pick<ReleaseReply, "selected" | "outcomes" | "quarantine" | "cooldown_s"> {
  /** listed: no selector was given · previewed: a dry run · declined: the answer was no. */
  readonly did: "listed" | "previewed" | "released" | "declined";
  /** What holds it: the running agent or the ledger. */
  readonly holder: string;
  /** Outcomes that are not done; they stay in the ledger. */
  readonly unfinished: number;
}

/** What `hosa arm` and `hosa disarm` answer. */
export interface DialDocument extends Versioned {
  /** unchanged: the file says so already · previewed: a dry run · declined: the answer was no. */
  readonly did: "written" | "unchanged" | "previewed" | "declined";
  /** HOSA may act, once `autonomy` is in force. */
  readonly armed: boolean;
  readonly autonomy: Autonomy;
  /** Null: what the other files of the configuration say. */
  readonly max_level: Maybe<Level>;
  /** The drop-in that says so. */
  readonly file: string;
  /** What earlier files set otherwise, each with its place. */
  readonly overrules: readonly string[];
  /** What may be done at which level. */
  readonly allows: readonly AllowedLevel[];
  /** What became of it in the running agent; null: it was not told. */
  readonly agent: Maybe<AgentAnswer>;
}

export interface PauseDocument extends Versioned, Omit<PauseReply, "pause"> {
  /** previewed: a dry run · shown: --status. */
  readonly did: "paused" | "previewed" | "shown";
  /** Null: only shown. */
  readonly asked: Maybe<{ readonly for_s: number; readonly reason: string; readonly keeps: boolean }>;
  /** In force now; null: nothing is paused. */
  readonly pause: Maybe<Pause>;
  readonly left_s: Maybe<number>;
  /** Null: no agent was asked; the one that starts next takes it up. */
  readonly agent: Maybe<{ readonly pid: number }>;
}

interface ResumeDocument extends Versioned {
  /** nothing: nothing was paused · previewed: a dry run. */
  readonly did: "resumed" | "nothing" | "previewed";
  readonly ended: Maybe<Pause>;
}

type ExplainDocument = Versioned & OfAudit & (ExplainedDecision | ExplainedPlan | ExplainedRecord);

/** A record that decided. */
interface ExplainedDecision {
  /** Of kind transition, action or episode. */
  readonly record: AuditRecord;
  readonly replay: Replay;
  readonly regime: Regime;
  readonly verdicts: Circumstances["verdicts"];
  /** Name of the motor of that run; "recording" means that nothing was touched. */
  readonly motor: string;
  /** Records of a quarantine that this one entered, and of the hooks that were run for it. */
  readonly quarantine: readonly AuditRecord[];
  readonly hooks: readonly AuditRecord[];
  /** CLOCK_MONOTONIC of the start of that run; absent where its record is gone. */
  readonly run_began_ns?: number;
  /** The episode whose peak this is, and how many came after it that are by the way; absent where one record was asked for. */
  readonly episode?: EpisodeSummary;
  readonly later_episodes?: number;
  /** What is told of it in words. */
  readonly story: Story;
}

/** The plan of a quarantine. */
interface ExplainedPlan {
  readonly record: AuditRecord;
  readonly replay: Replay;
}

/** Any other record, such as the baseline. */
interface ExplainedRecord {
  readonly record: AuditRecord;
}

/** `hosa explain --list` and `--since`. */
interface EpisodesDocument extends Versioned, OfAudit {
  /** Oldest first. */
  readonly episodes: readonly EpisodeSummary[];
  /** Earlier ones that are not listed. */
  readonly dropped: number;
}

type TimelineDocument = Versioned & OfAudit & Timeline;

interface ReportDocument extends Versioned, OfAudit {
  /** The page that was written. */
  readonly file: string;
  /** Ids of the first and the last record of the episode. */
  readonly first: string;
  readonly last: string;
  /** ISO 8601, UTC. */
  readonly began: string;
  readonly max_level: Level;
  readonly end: Episode["end"];
  /** Recorded decisions, and how many of them come out differently when made again. */
  readonly decisions: number;
  readonly differing_decisions: number;
  /** What is told of it in words. */
  readonly story: Story;
  /** Why this episode, where none was asked for and there are several. */
  readonly choice: Maybe<string>;
}

/** One line: a judged row of a CSV, a beat of a flight; at the end the episodes of a file without labels, and what came of all of them. */
type ReplayLine = JudgedRow | FlightRow | AlarmEpisode | CsvEnd | { readonly summary: FlightSummary };

interface CsvEnd {
  /** With labels in the file, and without. */
  readonly summary: BacktestSummary | EpisodesSummary;
  /** The baseline and its parts, where --detector asks for them. */
  readonly seed?: DetectorSummary | EpisodesOf;
  readonly seed_parts?: readonly (DetectorSummary | EpisodesOf)[];
}

type WhatIfDocument = Versioned & OfAudit & WhatIfSummary;

type DoctorDocument = Versioned & DoctorReport;

type DemoDocument = Versioned & DemoResult;

/** What `hosa demo --clean` found and removed. */
interface DemoCleanDocument extends Versioned {
  readonly removed: readonly string[];
}

interface ConfigCheckDocument extends Versioned {
  readonly ok: true;
  /** In the order in which they were merged; empty: the defaults hold. */
  readonly files: readonly string[];
}

interface HelpDocument extends Versioned {
  readonly help: string;
}

interface VersionDocument extends Versioned {
  readonly version: string;
}

/** The standard input of a hook. */
type HookInput = { readonly v: 1 } & HookCall;

/** What commands print with -o json as their one answer. */
export interface Answers {
  readonly error: ErrorDocument;
  readonly status: StatusDocument;
  readonly release: ReleaseDocument;
  readonly arm: DialDocument;
  readonly disarm: DialDocument;
  readonly pause: PauseDocument;
  readonly resume: ResumeDocument;
  readonly explain: ExplainDocument;
  readonly episodes: EpisodesDocument;
  readonly timeline: TimelineDocument;
  readonly report: ReportDocument;
  readonly what_if: WhatIfDocument;
  readonly doctor: DoctorDocument;
  readonly config_check: ConfigCheckDocument;
  readonly help: HelpDocument;
  readonly version: VersionDocument;
  readonly demo: DemoDocument;
  readonly demo_clean: DemoCleanDocument;
}

/** Every document in JSON that leaves HOSA, by the name of its file in docs/schema/, which `scripts/schemas` makes of these types. */
export interface Documents extends Answers {
  /** A line of `hosa observe -o json` and `hosa run -o json`. */
  readonly beat: BeatView;
  /** A line of `hosa replay -o json`. */
  readonly replay: ReplayLine;
  /** A line of audit.jsonl. */
  readonly audit: AuditRecord;
  /** The body of a webhook with the template `generic`. */
  readonly webhook: Notice;
  readonly hook: HookInput;
}
