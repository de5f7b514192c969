import type { Asker } from "./asker.ts";

/** The longest pause: a pause that was forgotten ends a day later. */
export const PAUSE_S_MAX = 86_400;

/** A pause as the decision sees it: until when nothing new is contained, and why. */
export interface PauseInput {
  /** CLOCK_MONOTONIC. */
  readonly until_ns: number;
  /** One line; empty when none was given. */
  readonly reason: string;
}

/** A pause as it was asked for, and as it is kept across restarts. */
export interface Pause extends PauseInput {
  /** ISO 8601, UTC. */
  readonly until: string;
  readonly began: string;
  /** Length it was asked for. */
  readonly for_s: number;
  readonly by: Asker;
  /** What was held when it began was kept instead of released. */
  readonly keeps: boolean;
}
