import type { Autonomy, EngineState } from "../../model/dial.ts";
import type { Level } from "../../model/level.ts";
import type { Maybe } from "../../model/sample.ts";

/** What `/healthz` is made of. */
export interface HealthFigures {
  readonly level: Level;
  readonly level_name: string;
  readonly warm: boolean;
  readonly d_smooth: Maybe<number>;
  readonly period_ms: number;
  readonly last_beat_age_ms: number;
  /** Standard deviations from the learned mean, per dimension; empty before anything is learned. */
  readonly normalized: Readonly<Record<string, number>>;
  readonly state: EngineState;
  /** What of the agent does not work. */
  readonly lost: readonly string[];
  readonly autonomy: Autonomy;
  readonly max_level: Level;
  /** False: what HOSA would do is only recorded. */
  readonly acts: boolean;
  /** ISO 8601, UTC; null while there is no pause. */
  readonly paused_until: Maybe<string>;
  /** Empty where the operator gave none. */
  readonly pause_reason: Maybe<string>;
  /** Containments that would have been begun. */
  readonly would_do: number;
}

/** A beat is stale after so many periods, and never before the second below. */
const STALE_PERIODS = 5;
const STALE_MS = 2000;

/** A blind agent must not look healthy: 503 when the latest beat is too long ago. */
export function render_health(figures: HealthFigures): { readonly status: 200 | 503; readonly body: string } {
  const stale_after_ms = Math.max(STALE_MS, STALE_PERIODS * figures.period_ms);
  const healthy = figures.last_beat_age_ms <= stale_after_ms;
  const status = healthy ? "ok" : "stale";
  return { status: healthy ? 200 : 503, body: `${JSON.stringify({ status, ...figures, stale_after_ms })}\n` };
}
