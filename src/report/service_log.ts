import { WOULD_DO } from "../model/dial.ts";
import { type Level, level_name } from "../model/level.ts";
import type { BeatView } from "../model/view.ts";
import { episode_lines, has_new_reason, has_own_line } from "./level_lines.ts";
import { num, signed, without_numbers } from "./number.ts";
import { carriers } from "./observe.ts";
import { who } from "./subject.ts";

export interface LogLine {
  readonly severity: "error" | "warn" | "info";
  readonly text: string;
}

/** Before the self is learned a level is a guess that nothing follows from: the start has said that, and how long it lasts. */
export function is_unlearned({ warm, actions }: BeatView): boolean {
  return !warm && actions.length === 0;
}

/** What a service's log says of one beat, without colour and columns: the journal has its own time beside every line. */
export function service_lines(view: BeatView, previous: Level, previous_inaction: string): readonly LogLine[] {
  const severity = severity_of(view.level);
  const lines: LogLine[] = [];
  const told = has_own_line(view, previous);
  if (told) {
    const same = without_numbers(view.inaction) === without_numbers(previous_inaction);
    const why = view.inaction === "" || same ? "" : `; ${view.inaction}`;
    lines.push({ severity, text: `${moved(view, previous)}${why}` });
  }
  const would = view.acts === false ? `${WOULD_DO}: ` : "";
  for (const { verb, setting, target, reason } of view.actions) {
    const thread = target.tid === null ? "" : ` thread ${target.tid}${target.comm === null ? "" : ` "${target.comm}"`}`;
    lines.push({ severity: "warn", text: `${would}${verb} ${setting.rung} ${target.path}${thread}: ${reason}` });
  }
  if (!told && has_new_reason(view, previous_inaction)) lines.push({ severity: "info", text: view.inaction });
  for (const text of episode_lines(view)) lines.push({ severity: severity_of(view.level), text });
  return lines;
}

function severity_of(level: Level): LogLine["severity"] {
  if (level >= 4) return "error";
  return level >= 2 ? "warn" : "info";
}

function moved(view: BeatView, previous: Level): string {
  const seen = `D̄ ${num(view.d_smooth)} (θ1 ${num(view.thresholds.theta[0])}), slope ${signed(view.velocity)}/s`;
  const parts = [seen, carriers(view), who(view)].filter((part) => part !== "");
  return `level ${previous} → ${view.level} ${level_name(view.level)}: ${parts.join("; ")}`;
}
