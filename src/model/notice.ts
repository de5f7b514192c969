import type { Organ, OutcomeStatus } from "./containment.ts";
import type { Level } from "./level.ts";
import type { Maybe } from "./sample.ts";

export const SEVERITIES = ["info", "warning", "critical", "emergency"] as const;
export type Severity = (typeof SEVERITIES)[number];

/** Why somebody is told. */
export type NoticeReason = "begun" | "risen" | "acted" | "renewed" | "over" | "quarantine";

/** What an endpoint is told about an episode (SPEC §11). Keys are written in this order. */
export interface Notice {
  /** The same for all notices of one episode of one node. */
  readonly episode: string;
  readonly status: "firing" | "resolved";
  readonly reason: NoticeReason;
  readonly severity: Severity;
  readonly node: string;
  /** ISO 8601, UTC. */
  readonly time: string;
  readonly began: string;
  readonly level: Level;
  readonly level_name: string;
  readonly highest_level: Level;
  readonly d_m: number;
  readonly d_smooth: number;
  /** dD̄/dt, 1/s. */
  readonly derivative: number;
  readonly dominant_dimension: string;
  /** c_j / d² of the dominant dimension. */
  readonly dominant_share: number;
  readonly culprit: Maybe<{
    readonly path: string;
    readonly scope: string;
    readonly pid: Maybe<number>;
    readonly tid: Maybe<number>;
    readonly comm: Maybe<string>;
  }>;
  /** The latest action of the episode, and what became of it; null when nothing was done. */
  readonly action: Maybe<{
    readonly rung: Organ;
    readonly verb: string;
    readonly path: string;
    readonly status: OutcomeStatus;
  }>;
  /** The rule that chose the level. */
  readonly rule: string;
  /** Why nothing was done although something was seen; empty when there is nothing to say. */
  readonly inaction: string;
  /** Nothing is touched: the actions are what would have been done. */
  readonly dry_run: boolean;
  /** All severities told of in this episode, the present one among them. */
  readonly severities: readonly Severity[];
}
