import type { Level } from "./level.ts";

/** What HOSA may do on its own, from the least to the most (SPEC §14). */
export const AUTONOMIES = ["monitoring", "detection", "correction", "autonomous"] as const;
export type Autonomy = (typeof AUTONOMIES)[number];

/** What bounds the highest level below 5. */
export type CeilingReason = "autonomy" | "max_level" | "conservative";

/** The dial as it is in force for one agent. */
export interface Dial {
  readonly autonomy: Autonomy;
  /** Highest level that may be entered. Where nothing is done: the highest that would be. */
  readonly max_level: Level;
  /** False: every action is only recorded, as what HOSA would do. */
  readonly acts: boolean;
  /** Webhooks and hooks are told. */
  readonly tells: boolean;
  readonly dry_run: boolean;
}

/** Before every action that is only recorded: one phrase in all views, so that it can be searched for. */
export const WOULD_DO = "would do";

/** What an agent does now (SPEC §14). */
export const ENGINE_STATES = ["initializing", "running", "paused", "degraded", "shutting_down"] as const;
export type EngineState = (typeof ENGINE_STATES)[number];

/** The state of the agent, and what it lacks; an agent that warms up or is paused may lack something, too. */
export interface Engine {
  readonly state: EngineState;
  readonly lost: readonly string[];
}
