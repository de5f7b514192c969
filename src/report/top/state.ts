import type { AgentStatus } from "../../model/control.ts";
import { type Level, level_name } from "../../model/level.ts";
import type { Maybe } from "../../model/sample.ts";
import type { BeatView } from "../../model/view.ts";
import { has_new_reason } from "../level_lines.ts";

/** Points kept for the curves: as many as the widest terminal draws. */
const HISTORY_MAX = 512;
const EVENTS_MAX = 100;
/** A curve with a hole of more beats than this is drawn with a gap. */
const GAP_BEATS = 3;

/** Where the beats come from. */
export type Source =
  /** A running agent. */
  | { readonly kind: "agent"; readonly pid: number }
  /** This process senses by itself and touches nothing: no agent runs. */
  | { readonly kind: "own" }
  /** The agent ended; it is looked for again. */
  | { readonly kind: "lost"; readonly why: string };

/** One point of the curves; null where nothing was sampled. */
export type Point = Maybe<{
  readonly d_smooth: number;
  readonly level: Level;
  readonly contribution: Readonly<Record<string, number>>;
}>;

export interface TopEvent {
  /** Local time of day. */
  readonly clock: string;
  readonly level: Level;
  readonly text: string;
}

export interface TopState {
  readonly source: Source;
  /** Seconds between two beats that are shown. */
  readonly every_s: number;
  readonly view: Maybe<BeatView>;
  readonly status: Maybe<AgentStatus>;
  /** Oldest first. */
  readonly history: readonly Point[];
  /** Oldest first. */
  readonly events: readonly TopEvent[];
  /** Order of the dimensions. */
  readonly sort: "share" | "name";
  readonly help: boolean;
}

export function initial_top(source: Source, every_s: number): TopState {
  return { source, every_s, view: null, status: null, history: [], events: [], sort: "share", help: false };
}

/** Another beat was shown. @param clock local time of day */
export function with_beat(state: TopState, view: BeatView, clock: string): TopState {
  const { view: before, every_s } = state;
  const since_s = before === null ? 0 : (view.t_ns - before.t_ns) / 1e9;
  const { d_smooth, level, contribution } = view;
  const point = { d_smooth, level, contribution };
  // An eventful beat comes between two points of the curve: it takes the place of the one before.
  const is_between = before !== null && since_s < every_s / 2;
  const missed = since_s > GAP_BEATS * every_s ? Math.min(HISTORY_MAX, Math.round(since_s / every_s) - 1) : 0;
  const kept = is_between ? state.history.slice(0, -1) : state.history;
  const history = [...kept, ...Array<null>(missed).fill(null), point].slice(-HISTORY_MAX);
  const news = events_of(view, before).map((text) => ({ clock, level, text }));
  return { ...state, view, history, events: [...state.events, ...news].slice(-EVENTS_MAX) };
}

/** Something that no beat tells: that the agent ended, or is back. */
export function with_event(state: TopState, text: string, clock: string): TopState {
  const level = state.view?.level ?? 0;
  return { ...state, events: [...state.events, { clock, level, text }].slice(-EVENTS_MAX) };
}

/** The keys that change what is shown; null for any other. */
export function with_key(state: TopState, key: string): TopState | null {
  switch (key) {
    case "?":
    case "h":
      return { ...state, help: !state.help };
    case "s":
      return { ...state, sort: state.sort === "share" ? "name" : "share" };
    case "\x1b":
      return state.help ? { ...state, help: false } : null;
    default:
      return null;
  }
}

function events_of(view: BeatView, before: Maybe<BeatView>): readonly string[] {
  const events: string[] = [];
  const was = before?.level ?? 0;
  if (view.level !== was) events.push(`level ${was} → ${view.level} ${level_name(view.level)}`);
  for (const { verb, setting, target, reason } of view.actions) {
    const task = target.tid ?? target.pid;
    const comm = target.comm === null ? "" : ` "${target.comm}"`;
    const whole =
      task === null ? target.path : `${target.path} ${target.tid === null ? "process" : "thread"} ${task}${comm}`;
    events.push(`${verb} ${setting.rung} ${whole}: ${reason}`);
  }
  const first = before === null && view.inaction !== "";
  if (first || has_new_reason(view, before?.inaction ?? "")) events.push(`not done: ${view.inaction}`);
  return events;
}
