import { GAP_STEPS } from "../model/cadence.ts";
import { WOULD_DO } from "../model/dial.ts";
import type { BeatView, CulpritView } from "../model/view.ts";
import { natural, num, percent, signed } from "./number.ts";
import { by_level, type Style } from "./style.ts";

const BARS = "▁▂▃▄▅▆▇█";
const NAME_WIDTH = 20;
export const HISTORY = 20;

/** What was shown of D̄, oldest first; null where nothing was sampled. */
export type History = readonly (number | null)[];

/** The last values as bars from 0 to the largest of them and θ2, so that quiet looks quiet; a space where there is none. */
export function sparkline(values: History, reference: number): string {
  const known = values.filter((value) => value !== null);
  const top = Math.max(reference, ...known, Number.MIN_VALUE);
  const bar = (value: number): string => BARS[Math.min(7, Math.max(0, Math.floor((value / top) * 8)))]!;
  return values.map((value) => (value === null ? " " : bar(value))).join("");
}

/**
 * The history with one value more, and a space for each that should have come before it.
 *
 * @param since_s since the value before; null: it is the first
 * @param every_s the step of the values
 */
export function continued(history: History, value: number, since_s: number | null, every_s: number): History {
  const is_gap = since_s !== null && since_s > GAP_STEPS * every_s;
  const missed = is_gap ? Math.min(HISTORY, Math.round(since_s / every_s) - 1) : 0;
  return [...history, ...Array<null>(missed).fill(null), value].slice(-HISTORY);
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
 * @param history D̄ of the beats shown before and this one; the last 20 are drawn
 * @param start_ns first beat, time zero of the line
 */
export function observe_line(view: BeatView, history: History, start_ns: number, paint: Style): string {
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
  const task = culprit.tid ?? culprit.pid;
  const inside = task === null ? "" : ` ${culprit.scope} ${task}${culprit.comm === null ? "" : ` "${culprit.comm}"`}`;
  return `${culprit.path || "unknown"}${inside}${culprit.protected === null ? "" : " (protected)"}`;
}

/** What a beat did, or why it did nothing; empty when there is nothing to say. */
export function event_lines(view: BeatView, previous_inaction: string, paint: Style): readonly string[] {
  const would = view.acts === false ? `${WOULD_DO}: ` : "";
  const lines = view.actions.map(
    (action) =>
      `${" ".repeat(10)}${paint.cyan(`${would}${action.verb} ${action.setting.rung}`)} ${action.target.path}: ${action.reason}`,
  );
  if (view.inaction !== "" && view.inaction !== previous_inaction)
    lines.push(`${" ".repeat(10)}${paint.dim(view.inaction)}`);
  return lines;
}
