import type { StartEntry } from "../model/audit.ts";
import { type Dial, type Engine, WOULD_DO } from "../model/dial.ts";
import { level_name } from "../model/level.ts";
import type { Pause } from "../model/pause.ts";
import { duration } from "./release.ts";

/** `detection, up to level 4: nothing is contained, …` */
export function dial_sentence(dial: Dial): string {
  const { autonomy, max_level, acts, dry_run } = dial;
  const position = `${autonomy}, up to level ${max_level} (${level_name(max_level)})`;
  if (acts) return `${position}: HOSA contains`;
  const why = dry_run ? "dry run, " : "";
  const tells = autonomy === "monitoring" ? "records" : "records and tells";
  return `${position}: ${why}nothing is contained, HOSA ${tells} what it ${WOULD_DO}`;
}

/** A few words for the service manager's line. */
export function dial_words({ autonomy, max_level, acts, dry_run }: Dial): string {
  if (acts) return `${autonomy} up to level ${max_level}`;
  return `${autonomy}${dry_run ? ", dry run" : ""}: nothing is contained`;
}

/** `until 2026-01-01T00:30:00.000Z (29 min left), by uid 0: kernel upgrade` */
export function pause_sentence({ until, by, reason, keeps }: Pause, left_s: number): string {
  const why = reason === "" ? "" : `: ${reason}`;
  const held = keeps ? "kept" : "released";
  return `until ${until} (${duration(left_s)} left), by uid ${by.uid}${why}; what was held then was ${held}`;
}

export function engine_sentence({ state, lost }: Engine): string {
  const words = state.replace("_", " ");
  return lost.length === 0 ? words : `${words}; lost: ${lost.join("; ")}`;
}

/** A run whose dial cannot move, and that only records. Of the others each outcome says it: they may be armed while they run. */
export function never_acts({ motor, dial }: Pick<StartEntry, "motor" | "dial">): boolean {
  return motor === "recording" && dial?.dry_run !== false;
}
