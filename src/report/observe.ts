import type { BeatView, CulpritView } from "../model/view.ts";
import { natural, num, percent, signed } from "./number.ts";
import { by_level, type Style } from "./style.ts";

const BARS = "▁▂▃▄▅▆▇█";
const NAME_WIDTH = 20;
export const HISTORY = 20;

/** The last values as bars from 0 to the largest of them and θ2, so that quiet looks quiet. */
export function sparkline(values: readonly number[], reference: number): string {
  const top = Math.max(reference, ...values, Number.MIN_VALUE);
  return values.map((value) => BARS[Math.min(7, Math.max(0, Math.floor((value / top) * 8)))]).join("");
}

/** Column names; "D̄" is two characters in one column, hence the wider padding. */
export function observe_header(paint: Style): string {
  const columns = [
    "time".padStart(9),
    "level".padEnd(NAME_WIDTH),
    "D̄".padStart(7),
    "1/s".padStart(7),
    "1/s²".padStart(7),
  ];
  return paint.dim([...columns, "φ".padStart(6), "D̄ over time".padEnd(HISTORY + 1), "carried by · who"].join(" "));
}

/**
 * One aligned line of a beat.
 * @param history D̄ of the beats shown before and this one, oldest first; the last 20 are drawn
 * @param start_ns first beat, time zero of the line
 */
export function observe_line(view: BeatView, history: readonly number[], start_ns: number, paint: Style): string {
  const seconds = `${((view.t_ns - start_ns) / 1e9).toFixed(1)} s`;
  const name = `${view.level} ${view.level_name}${view.warm ? "" : " ~"}`;
  const spark = sparkline(history.slice(-HISTORY), view.thresholds.theta[1]).padEnd(HISTORY);
  return [
    seconds.padStart(9),
    by_level(paint, view.level, name.padEnd(NAME_WIDTH)),
    paint.bold(num(view.d_smooth).padStart(6)),
    signed(view.velocity).padStart(7),
    signed(view.acceleration, 1).padStart(7),
    signed(view.phi).padStart(6),
    by_level(paint, view.level, spark),
    [carriers(view), who(view.culprit)].filter((part) => part !== "").join(" · "),
  ]
    .join(" ")
    .trimEnd();
}

/** The two dimensions that carry most of D². */
export function carriers(view: BeatView): string {
  return Object.entries(view.share)
    .filter(([, share]) => share > 0)
    .sort((a, b) => b[1] - a[1])
    .slice(0, 2)
    .map(([name, share]) => `${name} ${percent(share)} (${natural(name, view.x[name] ?? 0)})`)
    .join(", ");
}

export function who(culprit: CulpritView | null): string {
  if (culprit === null) return "";
  if (culprit.scope === "kernel") return `the kernel: ${culprit.comm ?? "memory"}`;
  const task = culprit.tid ?? culprit.pid;
  const inside = task === null ? "" : ` ${culprit.scope} ${task}${culprit.comm === null ? "" : ` "${culprit.comm}"`}`;
  return `${culprit.path || "unknown"}${inside}${culprit.protected === null ? "" : " (protected)"}`;
}

/** What a beat did, or why it did nothing; empty when there is nothing to say. */
export function event_lines(view: BeatView, previous_inaction: string, paint: Style): readonly string[] {
  const lines = view.actions.map(
    (action) =>
      `${" ".repeat(10)}${paint.cyan(`${action.verb} ${action.setting.rung}`)} ${action.target.path}: ${action.reason}`,
  );
  if (view.inaction !== "" && view.inaction !== previous_inaction)
    lines.push(`${" ".repeat(10)}${paint.dim(view.inaction)}`);
  return lines;
}
