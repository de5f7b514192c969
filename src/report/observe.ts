import { GAP_STEPS } from "../model/cadence.ts";
import { WOULD_DO } from "../model/dial.ts";
import type { BeatView } from "../model/view.ts";
import { to_ascii } from "./ascii.ts";
import { episode_lines, has_new_reason } from "./level_lines.ts";
import { natural, num, percent, signed } from "./number.ts";
import { PLAIN, type Screen, shortened_middle, width_of } from "./screen.ts";
import { by_level, type Style } from "./style.ts";
import { shortened_subject, subject_forms, subject_of } from "./subject.ts";

const BARS = "▁▂▃▄▅▆▇█";
export const HISTORY = 20;
/** Columns below which the words at the end of a line say too little: then figures make room for them. */
const MIN_WORDS = 28;
/** Columns below which the name of a dimension is not worth shortening. */
const MIN_DIMENSION = 20;

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

/** Columns of one line of beats, each 0 where the screen is too narrow for it. */
export interface ObserveLayout {
  readonly time: number;
  readonly level: number;
  readonly d: number;
  readonly velocity: number;
  readonly acceleration: number;
  readonly phi: number;
  readonly history: number;
  /** For what carries the distance and the culprit; null: as many as they take. */
  readonly words: number | null;
  readonly ascii: boolean;
}

type Figures = Omit<ObserveLayout, "words" | "ascii">;

const FULL: Figures = { time: 9, level: 20, d: 7, velocity: 7, acceleration: 7, phi: 6, history: HISTORY };
/** What makes room, the least important first: at last the level is its number alone. */
const NARROWER: readonly Partial<Figures>[] = [
  { acceleration: 0 },
  { phi: 0 },
  { history: 10 },
  { level: 14 },
  { history: 0 },
  { velocity: 0 },
  { level: 5, time: 7 },
];

/** What fits on the screen; without a terminal every column at its full width, whatever the text behind them. */
export function observe_layout({ columns, ascii }: Screen): ObserveLayout {
  if (columns === null) return { ...FULL, words: null, ascii };
  let figures = FULL;
  let words = columns - taken_by(figures);
  for (const narrower of NARROWER) {
    if (words >= MIN_WORDS) break;
    figures = { ...figures, ...narrower };
    words = columns - taken_by(figures);
  }
  return { ...figures, words: Math.max(0, words), ascii };
}

/** Columns of the figures, a space behind each. */
function taken_by(figures: Figures): number {
  return Object.values(figures).reduce((sum, columns) => sum + (columns === 0 ? 0 : columns + 1), 0);
}

export function observe_header(paint: Style, layout: ObserveLayout = observe_layout(PLAIN)): string {
  const { ascii, words } = layout;
  const title = "carried by · name";
  const cells: readonly Cell[] = [
    right("time", layout.time),
    left("level", layout.level),
    right("D̄", layout.d),
    right("1/s", layout.velocity),
    right("1/s²", layout.acceleration),
    right("φ", layout.phi),
    left(layout.history < 12 ? "D̄" : "D̄ over time", layout.history),
    {
      text: words === null ? title : shortened_middle(title, words, { ascii }),
      columns: width_of(title),
      end: "right",
    },
  ];
  return paint.dim(row(cells, ascii));
}

/**
 * One aligned line of a beat. Its fields are separated by spaces, and none of those before the words holds one, so that
 * awk(1) counts them alike on every line.
 * @param history D̄ of the beats shown before and this one; the last 20 are drawn
 * @param start_ns first beat, time zero of the line
 */
export function observe_line(
  view: BeatView,
  history: History,
  start_ns: number,
  paint: Style,
  layout: ObserveLayout = observe_layout(PLAIN),
): string {
  const bars = sparkline(history.slice(-layout.history), view.thresholds.theta[1]);
  const level = (text: string): string => by_level(paint, view.level, text);
  const cells: readonly Cell[] = [
    right(`${((view.t_ns - start_ns) / 1e9).toFixed(1)} s`, layout.time),
    left(level_cell(view, layout.level), layout.level, level),
    right(num(view.d_smooth), layout.d, paint.bold),
    right(signed(view.velocity), layout.velocity),
    right(signed(view.acceleration, 1), layout.acceleration),
    right(signed(view.phi), layout.phi),
    left(bars, layout.history, level),
    { text: words_of(view, layout), columns: 1, end: "right" },
  ];
  return row(cells, layout.ascii);
}

interface Cell {
  readonly text: string;
  /** 0: not shown. */
  readonly columns: number;
  /** Where the padding is. */
  readonly end: "left" | "right";
  readonly paint?: (text: string) => string;
}

function left(text: string, columns: number, paint?: Cell["paint"]): Cell {
  return { text, columns, end: "right", ...(paint === undefined ? {} : { paint }) };
}

function right(text: string, columns: number, paint?: Cell["paint"]): Cell {
  return { text, columns, end: "left", ...(paint === undefined ? {} : { paint }) };
}

/** Replaced characters may be longer: they are counted as they are shown. */
function row(cells: readonly Cell[], ascii: boolean): string {
  return cells
    .filter(({ columns }) => columns > 0)
    .map(({ text: meant, columns, end, paint }) => {
      const text = ascii ? to_ascii(meant) : meant;
      const padding = " ".repeat(Math.max(0, columns - width_of(text)));
      const shown = paint === undefined || text === "" ? text : paint(text);
      return end === "left" ? padding + shown : shown + padding;
    })
    .join(" ")
    .trimEnd();
}

/** `2 soft-containment`, `0 homeostasis~` while the node is learned, or as much of it as fits. */
function level_cell({ level, level_name, warm }: BeatView, columns: number): string {
  const mark = warm ? "" : "~";
  const full = `${level} ${level_name.replace(" ", "-")}${mark}`;
  if (full.length <= columns) return full;
  const short = `${level} ${level_name.split(" ")[0]}${mark}`;
  return short.length <= columns ? short : `${level}${mark}`;
}

/** What carries the distance and what acts, in the room there is: first the second dimension goes, then its value, then what is said of the subject. */
function words_of(view: BeatView, { words, ascii }: ObserveLayout): string {
  const shown = (text: string): string => (ascii ? to_ascii(text) : text);
  const subject = subject_of(view);
  const forms = subject_forms(subject).map(shown);
  const [longest = ""] = forms;
  const first = carried(view)[0];
  const joined = (...parts: readonly string[]): string => parts.filter((part) => part !== "").join(" · ");
  const all = joined(shown(carriers(view)), longest);
  if (words === null) return all;
  const shorter = [all, joined(first?.full ?? "", longest), joined(first?.brief ?? "", longest)];
  const fits = shorter.find((text) => width_of(text) <= words);
  if (fits !== undefined) return fits;
  if (subject === null || first === undefined) return shortened_middle(shorter[2]!, words, { ascii });
  // The subject's name is worth more than the dimension's.
  for (const form of forms) {
    const left_over = words - 3 - width_of(form);
    if (left_over >= MIN_DIMENSION) return joined(shortened_middle(first.brief, left_over, { ascii }), form);
    if (width_of(form) <= words) return form;
  }
  return shortened_subject(subject, words, { ascii });
}

/** The two dimensions that carry most of D². */
export function carriers(view: BeatView): string {
  return carried(view)
    .map(({ full }) => full)
    .join(", ");
}

function carried(view: BeatView): readonly { readonly full: string; readonly brief: string }[] {
  return Object.entries(view.share)
    .filter(([, share]) => share > 0)
    .sort((a, b) => b[1] - a[1])
    .slice(0, 2)
    .map(([name, share]) => {
      const brief = `${name} ${percent(share)}`;
      return { brief, full: `${brief} (${natural(name, view.x[name] ?? 0)})` };
    });
}

/** What a beat did, why it did nothing, and what is new of its episode; empty when there is nothing to say. */
export function event_lines(view: BeatView, previous_inaction: string, paint: Style): readonly string[] {
  const indent = " ".repeat(10);
  const would = view.acts === false ? `${WOULD_DO}: ` : "";
  const lines = view.actions.map(
    (action) =>
      `${indent}${paint.cyan(`${would}${action.verb} ${action.setting.rung}`)} ${action.target.path}: ${action.reason}`,
  );
  // Whoever begins to look is told the reason that stands.
  const first = previous_inaction === "" && view.inaction !== "";
  if (first || has_new_reason(view, previous_inaction)) lines.push(`${indent}${paint.dim(view.inaction)}`);
  return [...lines, ...episode_lines(view).map((line) => `${indent}${paint.bold(line)}`)];
}
