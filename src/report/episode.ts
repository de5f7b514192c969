import type { DecisionInput, EpisodeEvent, StartEntry } from "../model/audit.ts";
import type { Action, Outcome } from "../model/containment.ts";
import type { Culprit, Verdict } from "../model/decision.ts";
import type { Level } from "../model/level.ts";
import type { Replay } from "../model/replay.ts";
import type { Maybe } from "../model/sample.ts";
import type { NamedSubject } from "../model/story.ts";
import type { EpisodeContainment } from "./containment_track.ts";
import type { DecisionRecord } from "./explain.ts";
import type { Projection } from "./projection.ts";
import type { Timeline } from "./timeline.ts";

/** Where and when something of an episode was recorded; `t_s` counts from the first record of its timeline. */
export interface Place {
  readonly id: string;
  readonly t_s: number;
  readonly wall_time: string;
}

export interface EpisodeDecision extends Place {
  /** Why there is a record of it. */
  readonly kind: "transition" | "action" | EpisodeEvent;
  readonly previous_level: Level;
  readonly level: Level;
  readonly rule: string;
  /** Why nothing was done although something was seen; empty when there is nothing to say. */
  readonly inaction: string;
  readonly replay: Replay;
}

/** An action, or (action null) what the motor noticed or undid by itself. */
export interface EpisodeAction extends Place {
  readonly action: Maybe<Action>;
  readonly outcome: Maybe<Outcome>;
}

export interface EpisodeVerdict extends Place {
  readonly verdict: Verdict;
}

/** One culprit as it was first named, and how often it was. */
export interface EpisodeCulprit extends Place {
  readonly culprit: Culprit;
  readonly times: number;
}

/** What was named, with the largest figure of it. */
export interface EpisodeNamed extends Place {
  readonly named: NamedSubject;
  readonly times: number;
}

/** What the present growth would have led to, as known when it was acted on (or was at its most urgent). */
export type Forecast = Place & Projection;

/** From leaving level 0 until the node has been back there for `EPISODE_REST_S` and nothing is contained any more. */
export interface Episode {
  readonly first: Place;
  readonly last: Place;
  readonly end: "calm" | "stopped" | "cut_off" | "under_way";
  readonly run: Maybe<StartEntry>;
  readonly max_level: Level;
  readonly peak_d_smooth: number;
  readonly oom_kills: number;
  readonly timeline: Timeline;
  /** The decision that is explained in full: the one that isolated the node, else the first that acted, else the peak. */
  readonly key: DecisionRecord;
  readonly config: DecisionInput["config"];
  readonly forecast: Maybe<Forecast>;
  readonly decisions: readonly EpisodeDecision[];
  readonly differing_decisions: number;
  readonly actions: readonly EpisodeAction[];
  readonly verdicts: readonly EpisodeVerdict[];
  readonly culprits: readonly EpisodeCulprit[];
  readonly named: readonly EpisodeNamed[];
  /** Rises from level 0. */
  readonly rises: number;
  /** Something was done, or would have been. */
  readonly acted: boolean;
  readonly containments: readonly EpisodeContainment[];
  /** Moments beyond the bound of what is recorded of one episode. */
  readonly unrecorded: { readonly peaks: number; readonly reasons: number };
  /** What was left out to keep the page small. */
  readonly omitted: {
    readonly decisions: number;
    readonly actions: number;
    readonly verdicts: number;
    /** Decisions that named a culprit beyond the first twelve. */
    readonly culprits: number;
  };
}
