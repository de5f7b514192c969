import type { Assessment } from "./assessment.ts";
import type { Decision } from "./decision.ts";

/** Version of the meaning of a flight's lines; a flight of another version is refused. */
export const FLIGHT_VERSION = 1;

/** First line of a flight: everything `decide` was given besides the assessments that follow. */
export interface FlightHeader {
  readonly flight: typeof FLIGHT_VERSION;
  readonly node: string;
  readonly kernel: string;
  readonly hosa_version: string;
  readonly wall_time: string;
  /** Lines that follow, one per beat. */
  readonly beats: number;
  readonly dimensions: readonly string[];
  /** DecisionConfig, and the DecisionState before the first beat; opaque here, because model imports nothing. */
  readonly config: unknown;
  readonly state: unknown;
}

/** One beat; `dimension_names` stands in the header, an attribution only in the first of the beats it is told with. */
export interface FlightLine {
  readonly assessment: Omit<Assessment, "dimension_names">;
  readonly decision: Decision;
}
