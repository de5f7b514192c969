import type { HeldNow } from "../../model/control.ts";
import type { BeatView, TaskView } from "../../model/view.ts";
import { bytes, natural, num, percent } from "../number.ts";
import { duration } from "../release.ts";
import { width_of } from "../screen.ts";
import { by_level, type Style } from "../style.ts";
import { curve } from "./curve.ts";
import { cell, type Line, type Paint, type Room, type Span, wrapped_words } from "./line.ts";
import type { Point, TopState } from "./state.ts";

/** A table of the screen: a title line, and as many of its rows as there is room for. */
export interface Section {
  readonly title: string;
  /** Behind the title. */
  readonly note: string;
  /** Names of the columns, at the right end of the title line. */
  readonly labels: string;
  readonly rows: readonly Line[];
  /** Instead of rows, on the title line. */
  readonly empty: string;
  /** Rows it should have before others get more. */
  readonly least: number;
}

/** What every section is drawn with. */
export interface Draw extends Room {
  readonly paint: Style;
}

/** The title line of a section, and its first rows. */
export function section_lines(section: Section, rows: number, { paint, columns }: Draw): readonly Line[] {
  const { title, note, empty } = section;
  const hidden = section.rows.length - rows;
  const notes = [note, section.rows.length === 0 ? empty : "", hidden > 0 ? `${hidden} more` : ""];
  const words = notes.filter((part) => part !== "").join(" · ");
  const head = `${title} ${words === "" ? "" : `${words} `}`;
  const tail = section.rows.length === 0 || section.labels === "" ? "" : ` ${section.labels.trimStart()}`;
  const room = columns - width_of(head) - width_of(tail);
  const end = room < 1 ? "─".repeat(Math.max(0, columns - width_of(head))) : "─".repeat(room) + tail;
  const top: Line = [
    { text: title, paint: paint.bold },
    { text: head.slice(title.length) + end, paint: paint.dim },
  ];
  return [top, ...section.rows.slice(0, rows)];
}

const BAR_CELLS = 6;
const SHARE_COLUMNS = 5;
const FIGURE_COLUMNS = 12;
/** Points the order of the dimensions is taken from, so that rows do not change places every second. */
const SETTLED_POINTS = 8;
const CURVE_COLUMNS_MAX = 60;
/** A share that is told by its color. */
const STANDS_OUT = 0.1;

export function dimensions_section(state: TopState, draw: Draw): Section {
  const { view, sort, every_s } = state;
  const name_columns = Math.max(14, Math.min(24, Math.floor(draw.columns * 0.3)));
  const taken = name_columns + FIGURE_COLUMNS + BAR_CELLS + SHARE_COLUMNS + 4;
  const curve_columns = Math.max(0, Math.min(CURVE_COLUMNS_MAX, draw.columns - taken));
  const label = cell(`last ${duration(curve_columns * every_s)}`, curve_columns, draw);
  const figures = `${"now".padStart(FIGURE_COLUMNS)} ${"share".padStart(BAR_CELLS + 1 + SHARE_COLUMNS)}`;
  const rows =
    view === null
      ? []
      : ordered(view, state).map((name) => dimension_row(name, view, state, { name_columns, curve_columns }, draw));
  return {
    title: "DIMENSIONS",
    note: sort === "share" ? "by share" : "by name",
    labels: `${figures} ${label}`.padEnd(draw.columns - name_columns - 1),
    rows,
    empty: "no beat yet",
    least: 5,
  };
}

function ordered(view: BeatView, { history, sort }: TopState): readonly string[] {
  const names = Object.keys(view.x);
  if (sort === "name") return names.toSorted();
  const latest = history.filter((point) => point !== null).slice(-SETTLED_POINTS);
  const weights = new Map(
    names.map((name) => [name, latest.reduce((sum, point) => sum + (point.contribution[name] ?? 0), 0)] as const),
  );
  return names.toSorted((one, other) => (weights.get(other) ?? 0) - (weights.get(one) ?? 0));
}

function dimension_row(
  name: string,
  view: BeatView,
  { history }: TopState,
  { name_columns, curve_columns }: { readonly name_columns: number; readonly curve_columns: number },
  draw: Draw,
): Line {
  const { paint } = draw;
  const share = Math.max(0, view.share[name] ?? 0);
  // The shares of a node in its normal state are those of its noise.
  const tone: Paint = view.level > 0 && share >= STANDS_OUT ? (text) => by_level(paint, view.level, text) : paint.dim;
  const filled = Math.min(BAR_CELLS, Math.round(share * BAR_CELLS));
  return [
    { text: cell(words_of(name), name_columns, draw) },
    { text: ` ${cell(natural(name, view.x[name] ?? 0), FIGURE_COLUMNS, draw, "right")} ` },
    { text: "█".repeat(filled), paint: tone },
    { text: (draw.ascii ? "." : "·").repeat(BAR_CELLS - filled), paint: paint.dim },
    { text: ` ${cell(percent(share), SHARE_COLUMNS, draw, "right")} `, paint: tone },
    { text: deviation_curve(name, view, history, curve_columns), paint: tone },
  ];
}

/** How far the dimension was from its normal, in the unit of D̄: a quiet one is flat. */
function deviation_curve(name: string, view: BeatView, history: readonly Point[], columns: number): string {
  if (columns < 4) return "";
  const values = history
    .slice(-columns)
    .map((point) => (point === null ? null : Math.sqrt(Math.max(0, point.contribution[name] ?? 0))));
  const top = Math.max(view.thresholds.theta[1], ...values.map((value) => value ?? 0));
  return curve(values, top, columns, 1)[0] ?? "";
}

/** `memory_growth_bytes_per_s` → `memory growth`: the unit stands behind the value. */
export function words_of(dimension: string): string {
  return dimension
    .replace(/_(bytes_per_s|mib_per_s|pages_per_s|packets_per_s|per_core|per_s|fraction|ms|bits)$/, "")
    .replaceAll("_", " ");
}

const RATE_COLUMNS = 12;
const CHANGE_COLUMNS = 10;
const RESOURCES = { cpu: "CPU time", memory: "memory", io: "I/O" } as const;

export function cgroups_section({ view }: TopState, draw: Draw): Section {
  // An agent that still runs from before an upgrade does not tell them.
  const changes = view?.changes;
  const path_columns = Math.max(10, draw.columns - 2 * (RATE_COLUMNS + 1) - (CHANGE_COLUMNS + 1));
  const rate = (value: number): string => (changes?.resource === "cpu" ? `${num(value)} cores` : `${bytes(value)}/s`);
  const rows = (changes?.cgroups ?? []).map(({ path, rate: now, baseline_rate, change }, i): Line => {
    const { plain, tone } = first_stands_out(view, i, draw);
    return [
      { text: cell(path, path_columns, draw), ...plain },
      { text: ` ${cell(rate(now), RATE_COLUMNS, draw, "right")}`, ...tone },
      { text: ` ${cell(rate(baseline_rate), RATE_COLUMNS, draw, "right")}`, paint: draw.paint.dim },
      { text: ` ${cell(`${num(change, 1)} σ`, CHANGE_COLUMNS, draw, "right")}`, ...tone },
    ];
  });
  return {
    title: "CGROUPS",
    note: changes === undefined ? "" : `by their own change in ${RESOURCES[changes.resource]}`,
    labels: `${"now".padStart(RATE_COLUMNS)} ${"usual".padStart(RATE_COLUMNS)} ${"change".padStart(CHANGE_COLUMNS)}`,
    rows,
    empty: "none changed",
    least: 2,
  };
}

/** The first row of a node that has left its normal state. */
function first_stands_out(
  view: BeatView | null,
  place: number,
  { paint }: Draw,
): { readonly plain: Partial<Span>; readonly tone: Partial<Span> } {
  if (view === null || view.level === 0 || place > 0) return { plain: {}, tone: {} };
  return { plain: { paint: paint.bold }, tone: { paint: (text) => by_level(paint, view.level, text) } };
}

const PART_COLUMNS = 15;
const COMM_COLUMNS = 15;
const TASK_COLUMNS = 15;
/** Below this a path says too little. */
const PATH_COLUMNS_MIN = 12;

export function tasks_section({ view }: TopState, draw: Draw): Section {
  const path_columns = draw.columns - COMM_COLUMNS - TASK_COLUMNS - RATE_COLUMNS - PART_COLUMNS - 4;
  const rows = (view?.changes?.tasks ?? []).map((task, i): Line => {
    const { plain, tone } = first_stands_out(view, i, draw);
    const path = path_columns < PATH_COLUMNS_MIN ? "" : ` ${cell(task.path, path_columns, draw)}`;
    return [
      { text: `${cell(task.comm, COMM_COLUMNS, draw)} ${cell(task_words(task), TASK_COLUMNS, draw)}`, ...plain },
      { text: path.padEnd(Math.max(0, path_columns + 1)), paint: draw.paint.dim },
      { text: ` ${cell(task_rate(task), RATE_COLUMNS, draw, "right")}`, ...tone },
      { text: ` ${cell(`${percent(task.share)} of ${task.of}`, PART_COLUMNS, draw, "right")}` },
    ];
  });
  return {
    title: "PROCESSES, THREADS",
    note: "",
    labels: `${"now".padStart(RATE_COLUMNS)} ${"share".padStart(PART_COLUMNS)}`,
    rows,
    empty: view === null || view.level === 0 ? "read from level 1 up" : "none was read for this beat",
    least: 1,
  };
}

function task_words({ pid, tid }: TaskView): string {
  return tid === null || tid === pid ? `process ${pid}` : `thread ${tid}`;
}

function task_rate({ rate, unit }: TaskView): string {
  if (unit === "bytes/s") return `${bytes(rate)}/s`;
  return unit === "cores" ? `${num(rate)} cores` : `${num(rate, 0)} /s`;
}

export function held_section({ status, source }: TopState, draw: Draw): Section {
  const held = status?.held ?? [];
  const unknown = source.kind === "own" ? "nothing: this process only senses" : "the agent is asked";
  return {
    title: status?.motor === "recording" ? "WOULD HOLD" : "HELD",
    note: held.length > 0 ? "hosa release lists it" : "",
    labels: "for  checked again",
    rows: held.map((item) => held_row(item, draw)),
    empty: status === null ? unknown : "nothing",
    least: Math.min(2, held.length),
  };
}

function held_row(item: HeldNow, draw: Draw): Line {
  const { id, rung, held_s, left_s, phase, quarantine, target } = item;
  const time = held_s === null ? "" : duration(Math.round(held_s));
  const left = left_s === null ? "-" : `in ${duration(Math.round(left_s))}`;
  const head = ` ${rung.replaceAll("_", " ")}  `;
  const tail = `  ${phase.padEnd(9)} ${time.padStart(6)} ${left.padStart(14)}`;
  const room = Math.max(8, draw.columns - width_of(id + head + tail));
  return [
    { text: id, paint: draw.paint.bold },
    { text: head, paint: quarantine ? draw.paint.red : draw.paint.cyan },
    { text: held_name(target, room, draw) },
    { text: tail },
  ];
}

/** The thread or process is told whole, and of the path what there is room for. */
function held_name({ path, pid, tid, comm }: HeldNow["target"], columns: number, draw: Draw): string {
  const task = tid ?? pid;
  if (task === null) return cell(path, columns, draw);
  const name = `${tid === null ? "process" : "thread"} ${task}${comm === null ? "" : ` "${comm}"`}`;
  const left = columns - width_of(name) - 2;
  return left < PATH_COLUMNS_MIN ? cell(name, columns, draw) : `${name}  ${cell(path, left, draw)}`;
}

const CLOCK_COLUMNS = 10;
/** Lines of one event where there is room for them. */
const EVENT_LINES_MAX = 3;

/** Newest first. */
export function events_section({ events }: TopState, draw: Draw): Section {
  const room = { ...draw, columns: Math.max(1, draw.columns - CLOCK_COLUMNS) };
  const rows = events.toReversed().flatMap(({ clock, level, text }) =>
    wrapped_words(text, room, EVENT_LINES_MAX).map(
      (part, i): Line => [
        { text: (i === 0 ? clock : "").padEnd(CLOCK_COLUMNS), paint: draw.paint.dim },
        { text: part, paint: (each) => by_level(draw.paint, level, each) },
      ],
    ),
  );
  return { title: "EVENTS", note: "", labels: "", rows, empty: "none since this screen began", least: 2 };
}
