import { level_name } from "../model/level.ts";
import { type Axis, axis, steps } from "./axis.ts";
import { num } from "./number.ts";
import type { Timeline, TimelineMark } from "./timeline.ts";

const WIDTH = 960;
const LEFT = 72;
const RIGHT = 132;
const PLOT = WIDTH - LEFT - RIGHT;
const D_TOP = 48;
const D_HEIGHT = 230;
const MEMORY_TOP = D_TOP + D_HEIGHT + 40;
const MEMORY_HEIGHT = 130;
const MARK_TOP = MEMORY_TOP + MEMORY_HEIGHT + 34;
const HEIGHT = MARK_TOP + 96;
const MIB = 1048576;
/** Quiet seconds shown before the first event. */
const LEAD_S = 5;
/** Threshold names closer than this would overlap. */
const LABEL_HEIGHT = 12;

/** One hue per level and kind, legible on white and on black. */
const LEVEL_COLOR = ["#4c9f70", "#d9a520", "#e07b39", "#d1495b", "#a4243b", "#6a0f49"] as const;
const MARK_COLOR: Readonly<Record<TimelineMark["kind"], string>> = {
  level: "#d9a520",
  action: "#d1495b",
  release: "#3d8eb9",
  verdict: "#8a6fd1",
  note: "#888888",
};
const LANES = ["level", "action", "release", "verdict"] as const;

function escape_xml(text: string): string {
  return text.replace(/[&<>"]/g, (c) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[c] ?? c);
}

function label(x: number, y: number, text: string, anchor = "start", extra = ""): string {
  return `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" text-anchor="${anchor}"${extra}>${escape_xml(text)}</text>`;
}

function rule(x1: number, y1: number, x2: number, y2: number, extra: string): string {
  return `<line x1="${x1.toFixed(1)}" y1="${y1.toFixed(1)}" x2="${x2.toFixed(1)}" y2="${y2.toFixed(1)}" ${extra}/>`;
}

function polyline(points: readonly (readonly [number, number])[], color: string): string {
  const path = points.map(([x, y]) => `${x.toFixed(1)},${y.toFixed(1)}`).join(" ");
  return `<polyline points="${path}" fill="none" stroke="${color}" stroke-width="1.8" stroke-linejoin="round"/>`;
}

/** Stands at the beginning of every picture. */
export const PICTURE_MARK = 'aria-label="HOSA timeline"';

/**
 * A run as a picture: level bands behind D̄ with its thresholds, memory of the culprit, and a lane of marks each for levels,
 * actions, releases and verdicts. Transparent, with mid-tone ink, so that it reads on light and on dark pages.
 */
export function timeline_svg(run: Timeline): string {
  const { timeline, from_s } = from_first_event(run);
  const ends = [...timeline.points, ...timeline.marks].reduce((last, { t_s }) => Math.max(last, t_s), 0);
  const time = axis(ends, LEFT, PLOT, 8, false);
  return `${[
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="system-ui, sans-serif" font-size="12" fill="#808080" role="img" ${PICTURE_MARK}>`,
    label(LEFT, 20, timeline.title || "run without a recorded start", "start", ' font-size="14" font-weight="600"'),
    ...distance(timeline, time, ends),
    ...memory(timeline, time),
    ...marks(timeline, time),
    ...time.ticks.map((t) => label(time.to(t), HEIGHT - 22, num(t, ends < 10 ? 1 : 0), "middle")),
    label(
      LEFT + PLOT / 2,
      HEIGHT - 4,
      from_s > 0 ? `seconds, from ${num(from_s, 0)} s after the start` : "seconds since start",
      "middle",
    ),
    "</svg>",
  ].join("\n")}\n`;
}

/** A long quiet beginning is left out of the picture, but for some seconds. */
function from_first_event(run: Timeline): { readonly timeline: Timeline; readonly from_s: number } {
  const first = run.marks.find((mark) => mark.kind === "level" || mark.kind === "action");
  const from_s = Math.max(0, Math.floor((first?.t_s ?? 0) - LEAD_S));
  if (from_s === 0) return { timeline: run, from_s };
  const shift = <T extends { readonly t_s: number }>(items: readonly T[]): T[] =>
    items.filter((item) => item.t_s >= from_s).map((item) => ({ ...item, t_s: item.t_s - from_s }));
  const before = run.points.findLast((point) => point.t_s < from_s);
  const points = [...(before === undefined ? [] : [{ ...before, t_s: 0 }]), ...shift(run.points)];
  const memory = { path: run.memory.path, points: shift(run.memory.points) };
  return { timeline: { ...run, points, memory, marks: shift(run.marks) }, from_s };
}

function distance({ points, theta }: Timeline, time: Axis, ends: number): readonly string[] {
  const bottom = D_TOP + D_HEIGHT;
  const peak = points.reduce((top, point) => Math.max(top, point.d_smooth), theta[0] ?? 0);
  const value = axis(peak * 1.1, bottom, D_HEIGHT, 5, true);
  const bands = points.map((point, i) => {
    const from = time.to(point.t_s);
    const width = time.to(points[i + 1]?.t_s ?? ends) - from;
    const title = `<title>level ${point.level} ${level_name(point.level)}</title>`;
    const color = LEVEL_COLOR[point.level];
    return `<rect x="${from.toFixed(1)}" y="${D_TOP}" width="${width.toFixed(1)}" height="${D_HEIGHT}" fill="${color}" fill-opacity="0.22">${title}</rect>`;
  });
  const present = [...new Set(points.map((point) => point.level))].sort();
  return [
    label(LEFT, D_TOP - 8, "D̄ (standard deviations)"),
    ...bands,
    ...value.ticks.map((tick) => label(LEFT - 8, value.to(tick) + 4, num(tick, peak < 5 ? 1 : 0), "end")),
    ...theta
      .map((one, i) => ({ one, name: `θ${i + 1} ${num(one, 1)}` }))
      .filter(({ one }) => one <= peak * 1.1)
      .flatMap(({ one, name }, i) => [
        rule(LEFT, value.to(one), LEFT + PLOT, value.to(one), 'stroke="#808080" stroke-dasharray="4 4"'),
        label(LEFT + PLOT + 6, Math.min(value.to(one), value.to(theta[0] ?? 0) - i * LABEL_HEIGHT) + 4, name),
      ]),
    rule(LEFT, D_TOP, LEFT, bottom, 'stroke="#808080"'),
    rule(LEFT, bottom, LEFT + PLOT, bottom, 'stroke="#808080"'),
    polyline(
      points.map((point) => [time.to(point.t_s), value.to(point.d_smooth)]),
      "#3d8eb9",
    ),
    ...present.flatMap((level, i) => [
      `<rect x="${LEFT + 190 + i * 105}" y="${D_TOP - 18}" width="10" height="10" fill="${LEVEL_COLOR[level]}" fill-opacity="0.6"/>`,
      label(LEFT + 204 + i * 105, D_TOP - 9, level_name(level).replace(" containment", ""), "start", ' font-size="11"'),
    ]),
  ];
}

function memory({ memory: { path, points } }: Timeline, time: Axis): readonly string[] {
  const bottom = MEMORY_TOP + MEMORY_HEIGHT;
  const frame = rule(LEFT, bottom, LEFT + PLOT, bottom, 'stroke="#808080"');
  if (points.length === 0) return [label(LEFT, MEMORY_TOP - 8, "memory: no culprit in this run"), frame];
  const peak = points.reduce((top, point) => Math.max(top, point.bytes), MIB) * 1.1;
  const value = axis(peak, bottom, MEMORY_HEIGHT, 3, true);
  return [
    label(LEFT, MEMORY_TOP - 8, `memory of ${path}`),
    ...steps(peak / MIB, 3).map((tick) => label(LEFT - 8, value.to(tick * MIB) + 4, `${num(tick, 0)} MiB`, "end")),
    rule(LEFT, MEMORY_TOP, LEFT, bottom, 'stroke="#808080"'),
    frame,
    polyline(
      points.map((point) => [time.to(point.t_s), value.to(point.bytes)]),
      "#c26ca0",
    ),
  ];
}

function marks(timeline: Timeline, time: Axis): readonly string[] {
  return LANES.flatMap((kind, lane) => {
    const y = MARK_TOP + lane * 16;
    return [
      label(LEFT - 8, y + 4, kind, "end"),
      rule(LEFT, y, LEFT + PLOT, y, 'stroke="#808080" stroke-opacity="0.3"'),
      ...timeline.marks
        .filter((mark) => mark.kind === kind)
        .map((mark) => {
          const title = `<title>${escape_xml(`${mark.t_s.toFixed(3)} s ${mark.id}: ${mark.text}`)}</title>`;
          return `<circle cx="${time.to(mark.t_s).toFixed(1)}" cy="${y}" r="4" fill="${MARK_COLOR[kind]}">${title}</circle>`;
        }),
    ];
  });
}
