import type { AgentStatus } from "../../model/control.ts";
import type { Maybe } from "../../model/sample.ts";
import type { BeatView } from "../../model/view.ts";
import { dial_words } from "../dial.ts";
import { num, signed } from "../number.ts";
import { duration } from "../release.ts";
import { by_level } from "../style.ts";
import { curve } from "./curve.ts";
import { beside, halves, stacked } from "./layout.ts";
import { cell, ends, fitted, type Line, painted, readable, width, wrapped_words } from "./line.ts";
import {
  cgroups_section,
  type Draw,
  dimensions_section,
  events_section,
  held_section,
  tasks_section,
} from "./sections.ts";
import type { Point, TopState } from "./state.ts";

/** What the screen is drawn for. */
export interface TopScreen extends Draw {
  readonly rows: number;
  /** Local time of day. */
  readonly clock: string;
  /** Wall time, milliseconds since 1970. */
  readonly now_ms: number;
  /** Since when the display stands still, as a time of day; null: it follows. */
  readonly paused: Maybe<string>;
}

/** Below this only the level, the reason and what is held are shown. */
const LEAST = { columns: 60, rows: 16 } as const;
/** From here on there are two halves. */
const WIDE_COLUMNS = 120;
/** From here on the curve of D̄ is as many lines high. */
const TALL = { rows: 36, curve: 6 } as const;

/** The whole screen: exactly `rows` lines of at most `columns` columns each. Pure: the same state gives the same lines. */
export function top_screen(state: TopState, screen: TopScreen): readonly string[] {
  const small = screen.columns < LEAST.columns || screen.rows < LEAST.rows;
  const head = small ? [] : [header(state, screen), [], ...level_lines(state, screen), []];
  const rows = Math.max(0, screen.rows - head.length - 1);
  const body = state.help ? help_lines(screen) : small ? small_lines(state, rows, screen) : tables(state, rows, screen);
  const filled = [...head, ...body, ...Array<Line>(screen.rows).fill([])].slice(0, Math.max(0, screen.rows - 1));
  return [...filled, footer(state, screen)].map((line) => painted(fitted(line, screen)));
}

function tables(state: TopState, rows: number, screen: TopScreen): readonly Line[] {
  if (screen.columns < WIDE_COLUMNS) {
    const sections = [dimensions_section, cgroups_section, tasks_section, held_section, events_section];
    return stacked(
      sections.map((section) => section(state, screen)),
      rows,
      screen,
    );
  }
  const [left_columns, right_columns] = halves(screen.columns);
  const stack = (sections: readonly (typeof dimensions_section)[], columns: number): readonly Line[] => {
    const half = { ...screen, columns };
    return stacked(
      sections.map((section) => section(state, half)),
      rows,
      half,
    );
  };
  const left = stack([dimensions_section], left_columns);
  const right = stack([cgroups_section, tasks_section, held_section, events_section], right_columns);
  return beside(left, right, rows, screen);
}

function header(state: TopState, screen: TopScreen): Line {
  const { paint } = screen;
  const { status } = state;
  const node = status === null ? "" : `  ${status.node}`;
  const about = status === null ? "" : ` · hosa ${status.version}, up ${duration(status.uptime_s)}`;
  return ends(
    [
      { text: "hosa top", paint: paint.bold },
      { text: node, paint: paint.bold },
      { text: `  ${source_words(state)}${about}`, paint: paint.dim },
    ],
    [[{ text: screen.clock, paint: paint.dim }]],
    screen,
  );
}

function source_words({ source }: TopState): string {
  if (source.kind === "agent") return `agent ${source.pid}`;
  return source.kind === "own" ? "no agent runs; this process senses and touches nothing" : source.why;
}

/** The level, one plain sentence, why nothing is done, and D̄. */
function level_lines(state: TopState, screen: TopScreen): readonly Line[] {
  const { view } = state;
  const { paint } = screen;
  if (view === null) return [[{ text: "waiting for the first beat" }]];
  const tone = (text: string): string => paint.bold(by_level(paint, view.level, text));
  const badge = `● LEVEL ${view.level} ${view.level_name}`;
  const reasons = wrapped_words(view.story.headline, screen, 2);
  const idle = view.inaction === "" ? [] : wrapped_words(`Not done: ${view.inaction}`, screen, 2);
  return [
    ends([{ text: badge, paint: tone }, { text: since_words(state, screen) }], standing(state, screen), screen),
    ...reasons.map((text): Line => [{ text, ...(view.level > 0 ? { paint: paint.bold } : {}) }]),
    ...idle.map((text): Line => [{ text, paint: paint.dim }]),
    ...distance_lines(state, view, screen),
  ];
}

function since_words({ status, view }: TopState, { now_ms }: TopScreen): string {
  if (status === null || status.level !== view?.level) return "";
  const seconds = (now_ms - Date.parse(status.level_since)) / 1000;
  return seconds >= 0 ? `  for ${duration(Math.floor(seconds))}` : "";
}

/** What the agent may do, and what it lacks: as much of it as there is room for. */
function standing({ source, status, view }: TopState, { paint }: TopScreen): readonly Line[] {
  if (source.kind === "lost") return [[{ text: "the agent does not answer", paint: paint.red }]];
  const warm = status?.warm ?? view?.warm ?? true;
  const learning: Line = warm ? [] : [{ text: "still learning this node", paint: paint.yellow }];
  const acts: Line = status === null ? [] : [{ text: may_do(status), paint: paint.dim }];
  if (learning.length === 0 || acts.length === 0) return [learning, acts];
  return [[...learning, { text: " · ", paint: paint.dim }, ...acts], learning];
}

/** An agent from before an upgrade tells only its motor. */
function may_do({ motor, dial }: AgentStatus): string {
  if (dial !== undefined) return dial_words(dial);
  return motor === "recording" ? "nothing is contained" : "contains what it finds";
}

const AXIS_COLUMNS = 10;

/** D̄ in figures, beside its curve: one line, or several where the screen is tall. */
function distance_lines(state: TopState, view: BeatView, screen: TopScreen): readonly Line[] {
  const { paint } = screen;
  const figures: Line = [
    { text: `D̄ ${num(view.d_smooth)}`, paint: paint.bold },
    { text: `  ${signed(view.velocity)}/s  ` },
  ];
  const bounds = view.thresholds.theta.map((value, i) => `θ${i + 1} ${num(value, 1)}`).join("  ");
  const shown = figures.map((span) => ({ ...span, text: readable(span.text, screen) }));
  const tail = readable(`  ${bounds}`, screen);
  if (screen.rows >= TALL.rows)
    return [ends(figures, [[{ text: bounds, paint: paint.dim }]], screen), ...tall_curve(state, view, screen)];
  const room = Math.min(60, screen.columns - width(shown) - tail.length);
  if (room < 8) return [[...shown, { text: tail, paint: paint.dim }]];
  const points = state.history.slice(-room);
  const [drawn = ""] = curve(points.map(distance), top_of(points, view), room, 1);
  return [[...shown, ...colored(drawn, points, screen), { text: tail, paint: paint.dim }]];
}

function distance(point: Point): Maybe<number> {
  return point?.d_smooth ?? null;
}

function top_of(points: readonly Point[], view: BeatView): number {
  return Math.max(view.thresholds.theta[1], ...points.map((point) => point?.d_smooth ?? 0));
}

/** With an axis: the largest value, θ1 to θ4 where they lie, and zero. */
function tall_curve({ history }: TopState, view: BeatView, screen: TopScreen): readonly Line[] {
  const columns = screen.columns - AXIS_COLUMNS;
  const points = history.slice(-columns);
  const top = top_of(points, view) * 1.05;
  const rows = curve(points.map(distance), top, columns, TALL.curve);
  return rows.map((row, i) => {
    const label = axis_label(i, top, view);
    const drawn = label === "" ? row : row.replaceAll(" ", "┈");
    return [
      { text: `${cell(label, AXIS_COLUMNS - 2, screen, "right")} ┤`.slice(0, AXIS_COLUMNS), paint: screen.paint.dim },
      ...colored(drawn, points, screen),
    ];
  });
}

/** The threshold that lies in this line; the largest of several. */
function axis_label(row: number, top: number, { thresholds }: BeatView): string {
  const line_of = (value: number): number => TALL.curve - 1 - Math.floor((value / top) * TALL.curve);
  const index = thresholds.theta.findLastIndex((value) => value <= top && line_of(value) === row);
  return index < 0 ? "" : `θ${index + 1} ${num(thresholds.theta[index], 1)}`;
}

/** Each column in the color of its level. */
function colored(drawn: string, points: readonly Point[], { paint }: TopScreen): Line {
  const spans: { text: string; level: number }[] = [];
  const offset = drawn.length - points.length;
  for (let i = 0; i < drawn.length; i++) {
    const level = points[i - offset]?.level ?? -1;
    const last = spans.at(-1);
    const known = drawn.charAt(i) === "┈" ? -1 : level;
    if (last !== undefined && last.level === known) last.text += drawn.charAt(i);
    else spans.push({ text: drawn.charAt(i), level: known });
  }
  return spans.map(({ text, level }) => ({
    text,
    paint: level < 0 ? paint.dim : (each) => by_level(paint, level as BeatView["level"], each),
  }));
}

/** Where the tables have no room: what matters most, in so many lines. */
function small_lines(state: TopState, rows: number, screen: TopScreen): readonly Line[] {
  const { view, status, source } = state;
  const { paint } = screen;
  if (view === null) return [[{ text: source.kind === "lost" ? source.why : "waiting for the first beat" }]];
  const held = status?.held ?? [];
  const tail: readonly Line[] = [
    [{ text: `D̄ ${num(view.d_smooth)}  ${signed(view.velocity)}/s` }],
    [{ text: held.length === 0 ? "held: nothing" : `held: ${held.length} (hosa release lists it)` }],
    [
      {
        text: `too small: tables need ${LEAST.columns}x${LEAST.rows}`,
        paint: paint.dim,
      },
    ],
  ];
  const words = view.inaction === "" ? view.story.headline : `${view.story.headline} Not done: ${view.inaction}`;
  const room = Math.max(1, rows - 1 - tail.length);
  return [
    [
      {
        text: `LEVEL ${view.level} ${view.level_name}`,
        paint: (text) => paint.bold(by_level(paint, view.level, text)),
      },
    ],
    ...wrapped_words(words, screen, room).map((text): Line => [{ text }]),
    ...tail,
  ];
}

function footer(state: TopState, screen: TopScreen): Line {
  const { paint } = screen;
  const key = (name: string, text: string): Line => [
    { text: name, paint: paint.bold },
    { text: ` ${text}   `, paint: paint.dim },
  ];
  const keys = [
    ...key("q", "quit"),
    ...key("?", state.help ? "back" : "help"),
    ...key("p", screen.paused === null ? "pause" : "go on"),
    ...key("s", state.sort === "share" ? "by name" : "by share"),
  ];
  if (screen.paused !== null) {
    return ends(keys, [[{ text: `display paused at ${screen.paused}`, paint: paint.yellow }]], screen);
  }
  return ends(keys, [[{ text: `a beat every ${duration(state.every_s)}`, paint: paint.dim }]], screen);
}

const HELP: readonly (readonly [string, string])[] = [
  ["q, Ctrl-C", "leave; the agent goes on"],
  ["?, h", "this help, and back"],
  ["p, space", "hold the display still, and go on"],
  ["s", "dimensions by their share of the deviation, or by name"],
  ["", ""],
  ["LEVEL", "0 normal, 1 watched, 2 to 4 contained, 5 quarantine"],
  ["D̄", "distance of the node from its learned normal, smoothed"],
  ["θ1 to θ4", "distances at which levels 1 to 4 begin; they were learned on this node"],
  ["share", "part of the present distance that a dimension carries"],
  ["curve", "how far a dimension was from its normal; flat is normal"],
  ["change", "a cgroup against its own past, in its own standard deviations (σ)"],
  ["HELD", "what is contained now; hosa release lifts it"],
];

function help_lines({ paint }: TopScreen): readonly Line[] {
  return HELP.map(([term, text]) => [{ text: term.padEnd(12), paint: paint.bold }, { text }]);
}
