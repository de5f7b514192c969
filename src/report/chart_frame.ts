import type { ChartView } from "./episode_chart.ts";
import { type Html, html } from "./html.ts";
import type { Span } from "./series.ts";

export const LEFT = 76;
export const RIGHT = 112;
/** Pixels of the time axis. */
export const PLOT = 812;

/** What a legend may name. */
export type ChartPart =
  | "distance"
  | "memory"
  | "heading"
  | "gap"
  | "on"
  | "off"
  | "released"
  | "level"
  | "action"
  | "release"
  | "verdict"
  | "note";

/** What a legend says of each part of a picture; only what is drawn is named. */
export const LEGEND: readonly (readonly [part: ChartPart, text: string])[] = [
  ["distance", "D̄ (a dot: a single sample)"],
  ["memory", "memory"],
  ["heading", "projection, without action"],
  ["gap", "not sampled"],
  ["on", "frozen or limited"],
  ["off", "let run, still watched"],
  ["released", "released"],
  ["level", "change of level"],
  ["action", "action"],
  ["release", "release"],
  ["verdict", "verdict"],
  ["note", "start, end, notes"],
];
export const DOTS: ReadonlySet<ChartPart> = new Set(["level", "action", "release", "verdict", "note"]);

/** What the parts of one picture share. */
export interface Frame {
  readonly view: ChartView;
  readonly window: Span;
  /** Pixels of a time; a time outside of the window stands at its edge. */
  readonly x: (t_s: number) => number;
  /** What was drawn so far. */
  readonly parts: Set<ChartPart>;
}

export const px = (value: number): string => value.toFixed(1);

export function line(points: readonly (readonly [number, number])[], kind: string): Html {
  const path = points.map(([x, y]) => `${px(x)},${px(y)}`).join(" ");
  return html`<polyline class="${kind}" points="${path}"/>`;
}

export function rule(x1: number, y1: number, x2: number, y2: number, kind: string): Html {
  return html`<line class="${kind}" x1="${px(x1)}" y1="${px(y1)}" x2="${px(x2)}" y2="${px(y2)}"/>`;
}

export function label(x: number, y: number, text: string, anchor: "start" | "middle" | "end", kind = ""): Html {
  return html`<text x="${px(x)}" y="${px(y)}" text-anchor="${anchor}" class="${kind}">${text}</text>`;
}
