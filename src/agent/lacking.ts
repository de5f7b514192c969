import type { Config } from "../config/index.ts";
import type { Absence } from "../model/sample.ts";
import type { MissingRung } from "../motor/rehearsal.ts";
import type { Parts } from "./compose.ts";
import { worth_telling } from "./reserve.ts";

/** What this agent does without on this host. One answer for the start record, the messages, the status and the metrics. */
export interface Lacking {
  readonly rungs: readonly MissingRung[];
  /** Senses, and what protects the agent itself. */
  readonly absences: readonly Absence[];
}

export function lacking(
  { motor, sensor, shield }: Pick<Parts, "motor" | "sensor" | "shield">,
  config: Config,
): Lacking {
  return {
    rungs: worth_telling(motor.missing(), config),
    absences: [...sensor.absences, ...(shield?.absent ?? [])],
  };
}
