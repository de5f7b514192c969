import type { Asker } from "./asker.ts";
import type { Thresholds } from "./assessment.ts";
import type { Outcome, Rung, Target } from "./containment.ts";
import type { Dial, Engine } from "./dial.ts";
import type { Level } from "./level.ts";
import type { Loss } from "./loss.ts";
import type { Pause } from "./pause.ts";
import type { Regime } from "./regime.ts";
import type { Absence, Maybe } from "./sample.ts";
import type { NamedSubject, Pattern, Story } from "./story.ts";
import type { WarmupProgress } from "./warmup.ts";

/** Version of what is said on the control socket; a request of another one is refused. */
export const CONTROL_VERSION = 1;

/** What an operator wants released: exactly one of them. */
export type Selector =
  | { readonly all: true }
  /** The id of a containment (c1) or of a ledger entry (177-1). */
  | { readonly id: string }
  /** A cgroup: its path, the directory of it, or its id. */
  | { readonly target: string }
  /** Whatever level 5 did. */
  | { readonly quarantine: true };

/** An operator's release as the decision sees it: what ends, and whom it leaves alone from now on. */
export interface OperatorRelease {
  readonly by: Asker;
  /** One line; empty when none was given. */
  readonly reason: string;
  /** Containments to end. */
  readonly ids: readonly string[];
  /** Cgroups to leave alone for a while. */
  readonly targets: readonly { readonly cgroup_id: number; readonly path: string }[];
  /** Level 5 is left. */
  readonly quarantine: boolean;
}

/** One thing that is not as it was found, and what undoing it would restore. */
export interface HeldItem {
  readonly id: string;
  /** Null where a recording motor only wrote down what it would do. */
  readonly ledger_id: Maybe<string>;
  readonly rung: Outcome["rung"];
  readonly target: Target;
  /** What was touched: an absolute path, or words. */
  readonly file: string;
  /** Its value now; null when it cannot be read. */
  readonly now: Maybe<string>;
  readonly restores: string;
  readonly quarantine: boolean;
}

/** An item held by an agent, with what comes next for it. */
export interface HeldNow extends HeldItem {
  readonly held_s: Maybe<number>;
  /** Seconds until it is lifted or probed by itself; null where that hangs on what is seen. */
  readonly left_s: Maybe<number>;
  readonly phase: string;
}

/** The latest stretch of time above level 0, or the one that lasts. */
export interface Episode {
  readonly began: string;
  /** Null while it lasts. */
  readonly ended: Maybe<string>;
  readonly highest: Level;
  /** Rises from level 0: an episode that is calm for less than ten seconds goes on. */
  readonly rises: number;
  /** At its peak: one plain sentence, and what is named in it. */
  readonly headline: string;
  readonly pattern: Maybe<Pattern>;
  readonly named: Maybe<NamedSubject>;
  /** The rule that chose the level at its peak. */
  readonly rule: string;
  /** The cgroup that was acted on first, or is named; empty where there is none. */
  readonly path: string;
  readonly actions: number;
}

interface Quantiles {
  readonly p50: number;
  readonly p99: number;
}

/** What a running agent says of itself. */
export interface AgentStatus {
  readonly pid: number;
  readonly version: string;
  readonly node: string;
  /** "recording" means that nothing is touched. */
  readonly motor: "cgroup" | "recording";
  readonly uptime_s: number;
  /** Absent from an agent that runs from before an upgrade, as are the next three. */
  readonly dial?: Dial;
  readonly engine?: Engine;
  readonly pause?: Maybe<Pause & { readonly left_s: number }>;
  /** Containments that would have been begun since the start, while nothing was done. */
  readonly would_do?: number;
  readonly warm: boolean;
  readonly level: Level;
  readonly level_name: string;
  /** ISO 8601, UTC. */
  readonly level_since: string;
  /** Null before the first beat. */
  readonly regime: Maybe<Regime>;
  readonly d_smooth: Maybe<number>;
  readonly velocity: Maybe<number>;
  readonly theta: Maybe<readonly number[]>;
  /** How each of them came about; null before the first beat. */
  readonly thresholds: Maybe<Thresholds>;
  /** Null when it has ended. */
  readonly warmup: Maybe<WarmupProgress>;
  /** What is told of the latest beat; null before the first. */
  readonly story: Maybe<Story>;
  /** Why nothing is done now; empty where something is. */
  readonly inaction: string;
  readonly held: readonly HeldNow[];
  /** Targets an operator released, left alone for so long yet. */
  readonly cooldowns: readonly { readonly path: string; readonly left_s: number }[];
  readonly missing_rungs: readonly { readonly rung: Rung; readonly why: string }[];
  readonly last_episode: Maybe<Episode>;
  readonly beat: {
    readonly count: number;
    readonly period_ms: number;
    readonly cost_us: Quantiles;
    /** Between the kernel's stamp and the agent's waking up. */
    readonly delay_us: Quantiles;
    /** Between two beats as the agent handles them. */
    readonly interval_us: Quantiles;
  };
  readonly ledger_dir: string;
  readonly audit_path: string;
  readonly connections: number;
  readonly watchers: number;
  /** Senses and self-protection this host does not offer; absent in agents of older versions. */
  readonly absences?: readonly Absence[];
  /** What was lost or left out since the start; absent in agents of older versions. */
  readonly losses?: readonly Loss[];
  /** What the agent cannot do now, one sentence without its period each; empty where it can do all. */
  readonly degraded?: readonly string[];
}

/** What became of a pause that was asked for. */
export interface PauseReply {
  readonly pause: Pause;
  /** Why it would not survive a restart of the agent; null: it would. */
  readonly not_saved: Maybe<string>;
  /** What was held when it began, but for a quarantine. */
  readonly held: readonly HeldItem[];
  readonly outcomes: readonly Outcome[];
  /** The node is in quarantine, which no pause lifts. */
  readonly quarantine: boolean;
}

/** What became of a resume that was asked for. */
export interface ResumeReply {
  /** Null: nothing was paused. */
  readonly ended: Maybe<Pause>;
}

/** What became of a reload that was asked for. */
export interface ReloadReply {
  /** false: the files could not be used, and nothing was changed. */
  readonly accepted: boolean;
  readonly problems: readonly string[];
  readonly applied: readonly string[];
  /** Changed in the files, but only a restart can change them. */
  readonly kept: readonly string[];
  /** In force now. */
  readonly dial: Dial;
  /** What was released because the dial was lowered. */
  readonly released: readonly Outcome[];
  readonly missing_rungs: AgentStatus["missing_rungs"];
  readonly pause: Maybe<Pause>;
  /** The node is in quarantine, which no position of the dial lifts. */
  readonly quarantine: boolean;
}

/** What a release did, or with dry_run would do. */
export interface ReleaseReply {
  readonly selected: readonly HeldItem[];
  readonly outcomes: readonly Outcome[];
  /** Level 5 is, or would be, left. */
  readonly quarantine: boolean;
  /** Ids that exist; said when the selector fits none of them. */
  readonly known: readonly string[];
  readonly cooldown_s: number;
}
