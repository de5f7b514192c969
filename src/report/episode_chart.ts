import { counted } from "../model/counted.ts";
import { level_name } from "../model/level.ts";
import type { Maybe } from "../model/sample.ts";
import { axis, spread, steps, time_unit } from "./axis.ts";
import { type ChartPart, DOTS, type Frame, LEFT, LEGEND, label, line, PLOT, px, RIGHT, rule } from "./chart_frame.ts";
import { lanes_of } from "./chart_lanes.ts";
import type { Episode } from "./episode.ts";
import { type Html, html, shortened } from "./html.ts";
import { bytes, num } from "./number.ts";
import { memory_scale, type Projection, projected } from "./projection.ts";
import { runs_of, type Sample, type Span, thinned, within } from "./series.ts";
import type { Timeline, TimelinePoint } from "./timeline.ts";

const WIDTH = LEFT + PLOT + RIGHT;
const BAND_TOP = 8;
const BAND_HEIGHT = 20;
const D_TOP = BAND_TOP + BAND_HEIGHT + 30;
const D_HEIGHT = 190;
const MEMORY_TOP = D_TOP + D_HEIGHT + 40;
const MEMORY_HEIGHT = 150;
const MIB = 1_048_576;
const GIB = 1_073_741_824;
/** More points than pixels are not seen. */
const MOST_POINTS = 900;
/** A narrower band has no room for its name. */
const NAME_WIDTH = 84;
const GAP_NAME_WIDTH = 170;
const LEAST_GAP_WIDTH = 2;
const DISTANCE_TICKS = [0, 1, 3, 10, 30, 100, 300, 1000, 3000, 10_000, 100_000, 1_000_000];
const LABEL_HEIGHT = 14;
/** From a threshold's line to its label. */
const LEADER = 14;
const HEADING_HEIGHT = 30;
const LEGEND_COLUMNS = 4;
const LEGEND_WIDTH = 225;
const LEGEND_HEIGHT = 19;
/** Beyond this part of the plot a label stands on the left of its point. */
const LEFT_BEYOND = 0.6;

/** The part of a record that is drawn; seconds of its timeline. */
export type Window = Span;

/** What is drawn of a record. */
export interface ChartView {
  readonly timeline: Timeline;
  /** Zero of the time axis, seconds of the timeline, and what it is. */
  readonly zero_s: number;
  readonly zero_name: string;
  readonly projection: Maybe<Projection>;
  /** Nothing was done: the motor only recorded. */
  readonly only_recorded: boolean;
  /** A line above the picture, and whether its legend stands below it: where no page says both. */
  readonly heading: Maybe<string>;
  /** Said to readers who do not see it. */
  readonly description: string;
}

/** A picture, and what of the legend is in it. */
export interface Chart {
  readonly svg: Html;
  readonly parts: ReadonlySet<ChartPart>;
}

/** A stretch of an episode, with zero where level 0 was left. */
export function episode_chart(episode: Episode, window: Window, name: string, title: string): Chart {
  const view: ChartView = {
    timeline: episode.timeline,
    zero_s: episode.first.t_s,
    zero_name: "since level 0 was left",
    projection: episode.forecast,
    only_recorded: episode.run?.motor === "recording",
    heading: null,
    description: description(episode, window),
  };
  return chart(view, window, name, title);
}

/**
 * A stretch of a record: a band of levels, D̄ (logarithmic, because an incident is far from any threshold) with θ1..θ4, the memory of the culprit
 * with its limit and where it was heading, a lane per containment, and the events. What there is nothing of is not drawn. A line never
 * leads over a gap. Styled by classes.
 *
 * @param name begins the ids of the title and the description
 */
export function chart(view: ChartView, window: Window, name: string, title: string): Chart {
  const time = axis(window.from_s, window.to_s, LEFT, PLOT, 8);
  const x = (t_s: number): number => time.to(Math.min(Math.max(t_s, window.from_s), window.to_s));
  const frame: Frame = { view, window, x, parts: new Set() };
  const has_memory = within(view.timeline.memory.points, window).length > 0;
  const lanes_top = has_memory ? MEMORY_TOP + MEMORY_HEIGHT + 20 : D_TOP + D_HEIGHT + 20;
  const lanes = lanes_of(frame, lanes_top);
  const grid = time_axis(frame, lanes.bottom);
  const drawn = [...bands(frame), ...gap_bands(frame, has_memory ? MEMORY_TOP + MEMORY_HEIGHT : D_TOP + D_HEIGHT)];
  const panels = [...distance(frame), ...(has_memory ? memory(frame) : [])];
  const axis_bottom = lanes.bottom + 44;
  const key = view.heading === null ? { drawn: [], bottom: axis_bottom } : legend(frame, axis_bottom);
  const top = view.heading === null ? 0 : -HEADING_HEIGHT;
  const box = `0 ${top} ${WIDTH} ${key.bottom - top}`;
  const svg = html`<svg viewBox="${box}" role="img" aria-labelledby="${name}-title ${name}-desc">
<title id="${name}-title">${title}</title>
<desc id="${name}-desc">${view.description}</desc>
<rect class="ground" y="${top}" width="${WIDTH}" height="${key.bottom - top}"/>
${view.heading === null ? "" : label(LEFT, top + 20, view.heading, "start", "heading-text")}
${grid}
${drawn}
${panels}
${lanes.drawn}
${key.drawn}
</svg>`;
  return { svg, parts: frame.parts };
}

/** The legend of a picture without a page: what is drawn of it, in rows. */
function legend({ parts }: Frame, top: number): { readonly drawn: readonly Html[]; readonly bottom: number } {
  const keys = LEGEND.filter(([part]) => parts.has(part));
  const drawn = keys.flatMap(([part, text], i) => {
    const x = LEFT + (i % LEGEND_COLUMNS) * LEGEND_WIDTH;
    const y = top + 16 + Math.floor(i / LEGEND_COLUMNS) * LEGEND_HEIGHT;
    return [swatch(part, x, y), label(x + 24, y, text, "start", "tick")];
  });
  return { drawn, bottom: top + 8 + Math.ceil(keys.length / LEGEND_COLUMNS) * LEGEND_HEIGHT };
}

function swatch(part: ChartPart, x: number, y: number): Html {
  if (DOTS.has(part)) return html`<circle class="mark ${part}" cx="${px(x + 9)}" cy="${px(y - 4)}" r="4.5"/>`;
  if (part === "distance" || part === "memory" || part === "heading") return rule(x, y - 4, x + 18, y - 4, part);
  if (part === "released") return rule(x + 9, y - 11, x + 9, y + 2, part);
  const kind = { gap: "gap", on: "lane-on", off: "lane" }[part as "gap" | "on" | "off"];
  return html`<rect class="${kind}" x="${px(x)}" y="${px(y - 9)}" width="18" height="9"/>`;
}

function description(episode: Episode, window: Window): string {
  const { max_level, peak_d_smooth, timeline, containments } = episode;
  const memory = timeline.memory.points.reduce((top, point) => Math.max(top, point.bytes), 0);
  const about =
    timeline.memory.path === ""
      ? "No culprit's memory was recorded"
      : `Memory of ${shortened(timeline.memory.path)} reached ${bytes(memory)}`;
  const from = window.from_s - episode.first.t_s;
  return (
    `From ${num(from, 1)} s to ${num(window.to_s - episode.first.t_s, 1)} s after level 0 was left: the highest level was ${max_level} ` +
    `${level_name(max_level)}, the highest D̄ ${num(peak_d_smooth)}. ${about}. ${counted(containments.length, "containment")}. The tables below hold the same figures.`
  );
}

function time_axis({ view, window, x }: Frame, bottom: number): readonly Html[] {
  const span_s = window.to_s - window.from_s;
  const unit = time_unit(span_s);
  const zero_s = view.zero_s;
  const { ticks } = axis((window.from_s - zero_s) / unit.s, (window.to_s - zero_s) / unit.s, LEFT, PLOT, 8);
  const step = (ticks[1] ?? 1) - (ticks[0] ?? 0);
  const decimals = ticks.length < 2 || step >= 1 ? 0 : Math.min(3, Math.ceil(-Math.log10(step) - 1e-9));
  return [
    ...ticks.flatMap((tick) => {
      const at = x(zero_s + tick * unit.s);
      return [
        rule(at, D_TOP, at, bottom, "grid"),
        label(at, bottom + 16, num(tick, ticks.length < 2 ? 1 : decimals), "middle", "tick"),
      ];
    }),
    label(LEFT + PLOT / 2, bottom + 36, `${unit.name} ${view.zero_name}`, "middle", "tick"),
  ];
}

/** Stretches of one level, between samples that no gap parts. */
function level_stretches({ view, window }: Frame): readonly (Span & Pick<TimelinePoint, "level">)[] {
  const { points, gaps } = view.timeline;
  const out: { from_s: number; to_s: number; readonly level: TimelinePoint["level"] }[] = [];
  for (const [i, { t_s, level }] of points.entries()) {
    const next_s = points[i + 1]?.t_s ?? Math.max(t_s, last_of(view.timeline));
    const to_s = gaps.some((gap) => gap.from_s >= t_s && gap.from_s < next_s) ? t_s : next_s;
    const before = out.at(-1);
    if (before !== undefined && before.level === level && before.to_s === t_s) before.to_s = to_s;
    else out.push({ from_s: t_s, to_s, level });
  }
  return out.filter((one) => one.to_s >= window.from_s && one.from_s <= window.to_s);
}

/** The time of the last thing recorded. */
export function last_of({ points, marks }: Timeline): number {
  return Math.max(0, points.at(-1)?.t_s ?? 0, ...marks.slice(-1).map(({ t_s }) => t_s));
}

function bands(frame: Frame): readonly Html[] {
  const { x } = frame;
  const out = level_stretches(frame).flatMap(({ from_s, to_s, level }) => {
    const from = x(from_s);
    const width = x(to_s) - from;
    if (width <= 0) return [];
    const text = `${level} ${level_name(level).replace(" containment", "")}`;
    return [
      html`<rect class="level-${level} wash" x="${px(from)}" y="${D_TOP}" width="${px(width)}" height="${D_HEIGHT}"/>`,
      html`<rect class="level-${level}" x="${px(from)}" y="${BAND_TOP}" width="${px(width)}" height="${BAND_HEIGHT}"><title>level ${level} ${level_name(level)}</title></rect>`,
      ...(width > NAME_WIDTH ? [label(from + 8, BAND_TOP + 14, text, "start", "on-level")] : []),
    ];
  });
  return out.length === 0 ? [] : [label(LEFT - 10, BAND_TOP + 14, "level", "end", "tick"), ...out];
}

/** Where the record should have samples and has none: a grey band, named where there is room. */
function gap_bands({ view, window, x, parts }: Frame, bottom: number): readonly Html[] {
  return view.timeline.gaps
    .filter(({ from_s, to_s }) => to_s > window.from_s && from_s < window.to_s)
    .flatMap(({ from_s, to_s, lasted_s }) => {
      const width = x(to_s) - x(from_s);
      if (width < LEAST_GAP_WIDTH) return [];
      parts.add("gap");
      const text = `not sampled ${num(lasted_s, lasted_s < 10 ? 1 : 0)} s`;
      return [
        html`<rect class="gap" x="${px(x(from_s))}" y="${D_TOP}" width="${px(width)}" height="${bottom - D_TOP}"><title>${text}</title></rect>`,
        ...(width > GAP_NAME_WIDTH ? [label(x(from_s) + width / 2, D_TOP + 16, text, "middle", "tick")] : []),
      ];
    });
}

/** Lines through what was recorded, a dot for a sample that stands alone. */
function recorded<T extends Sample>(
  frame: Frame,
  samples: readonly T[],
  value: (sample: T) => number,
  y: (value: number) => number,
  kind: string,
): readonly Html[] {
  const shown = thinned(within(samples, frame.window), value, MOST_POINTS);
  return runs_of(shown).map((run) => {
    const points = run.map((sample) => [frame.x(sample.t_s), y(value(sample))] as const);
    return points.length > 1
      ? line(points, kind)
      : html`<circle class="${kind} sample" cx="${px(points[0]![0])}" cy="${px(points[0]![1])}" r="2.5"/>`;
  });
}

function distance(frame: Frame): readonly Html[] {
  const { theta, theta_changes, points } = frame.view.timeline;
  const times = theta_changes === 1 ? "once" : `${theta_changes} times`;
  const changed = theta_changes === 0 ? "" : `; θ1 to θ4 as last in force, they changed ${times} in this record`;
  const peak = points.reduce((highest, point) => Math.max(highest, point.d_smooth), 0);
  const top = 1.25 * Math.max(peak, theta[3] ?? 0, 1);
  const bottom = D_TOP + D_HEIGHT;
  const y = (d: number): number => bottom - D_HEIGHT * (Math.log1p(Math.max(0, d)) / Math.log1p(top));
  const beside = spread(theta.map(y), LABEL_HEIGHT);
  const lines = recorded(frame, points, ({ d_smooth }) => d_smooth, y, "distance");
  if (lines.length > 0) frame.parts.add("distance");
  return [
    label(LEFT, D_TOP - 8, `distance from normal D̄ (standard deviations, logarithmic)${changed}`, "start", "caption"),
    ...apart(
      DISTANCE_TICKS.filter((tick) => tick <= top),
      y,
    ).map((tick) => label(LEFT - 10, y(tick) + 4, num(tick, 0), "end", "tick")),
    ...theta.flatMap((one, i) => [
      rule(LEFT, y(one), LEFT + PLOT, y(one), "theta"),
      rule(LEFT + PLOT, y(one), LEFT + PLOT + LEADER, beside[i]!, "axis"),
      label(LEFT + PLOT + LEADER + 4, beside[i]! + 4, `θ${i + 1} ${num(one, 1)}`, "start", "tick"),
    ]),
    ...lines,
    rule(LEFT, bottom, LEFT + PLOT, bottom, "axis"),
  ];
}

/** Of ticks in ascending order those that have room for their numbers. */
function apart(ticks: readonly number[], y: (value: number) => number): readonly number[] {
  let last = Number.POSITIVE_INFINITY;
  return ticks.filter((tick) => {
    if (last - y(tick) < LABEL_HEIGHT) return false;
    last = y(tick);
    return true;
  });
}

/** What was measured, and (dotted) where it was heading when it was acted on. */
function memory(frame: Frame): readonly Html[] {
  const { timeline, projection } = frame.view;
  const { path, points } = timeline.memory;
  const about = projection !== null && projection.path === path ? projection : null;
  const peak = points.reduce((highest, point) => Math.max(highest, point.bytes), 0);
  const { top_bytes, limit_bytes, limit_above_bytes } = memory_scale(peak, about);
  const bottom = MEMORY_TOP + MEMORY_HEIGHT;
  const y = (value: number): number => bottom - (top_bytes > 0 ? MEMORY_HEIGHT * (value / top_bytes) : 0);
  const lines = recorded(frame, points, (point) => point.bytes, y, "memory");
  if (lines.length > 0) frame.parts.add("memory");
  const whose = about?.of_node === true ? "memory of the node" : "memory limit";
  const above = limit_above_bytes === null ? "" : `; the ${whose}, ${bytes(limit_above_bytes)}, lies above this scale`;
  const [unit, name] = top_bytes >= 4 * GIB ? [GIB, "GiB"] : [MIB, "MiB"];
  const ticks = steps(top_bytes / unit, 4);
  const decimals = (ticks[1] ?? 1) < 1 ? 1 : 0;
  const limit =
    limit_bytes === null
      ? []
      : [
          rule(LEFT, y(limit_bytes), LEFT + PLOT, y(limit_bytes), "limit"),
          label(
            LEFT + PLOT + 8,
            y(limit_bytes) + 4,
            about?.of_node === true ? "node's memory" : "limit",
            "start",
            "tick",
          ),
        ];
  return [
    label(LEFT, MEMORY_TOP - 8, `memory of ${shortened(path, 80)}${above}`, "start", "caption"),
    ...ticks.map((tick) => label(LEFT - 10, y(tick * unit) + 4, `${num(tick, decimals)} ${name}`, "end", "tick")),
    ...limit,
    ...lines,
    ...(about === null ? [] : heading(frame, about, top_bytes, y)),
    rule(LEFT, bottom, LEFT + PLOT, bottom, "axis"),
  ];
}

/** The slope carried on from when it was judged, to the limit or to the edge of the picture. */
function heading(frame: Frame, about: Projection, top_bytes: number, y: (value: number) => number): readonly Html[] {
  const { window, x, view, parts } = frame;
  if (about.t_s > window.to_s || about.reached_s < window.from_s) return [];
  parts.add("heading");
  const { end_s, end_bytes, reached } = projected(about, window.to_s, top_bytes);
  const at_s = about.reached_s - view.zero_s;
  const what = about.of_node ? "memory of the node used up" : "memory limit reached";
  const text = `without action: ${what} at ${num(at_s, 1)} s (projection${reached ? "" : ", beyond this picture"})`;
  const is_late = x(end_s) > LEFT + LEFT_BEYOND * PLOT;
  const from_s = Math.max(about.t_s, window.from_s);
  const from_bytes = about.memory_bytes + about.slope_bytes_per_s * (from_s - about.t_s);
  return [
    line(
      [
        [x(from_s), y(from_bytes)],
        [x(end_s), y(end_bytes)],
      ],
      "heading",
    ),
    ...(reached ? [html`<circle class="exhausted" cx="${px(x(end_s))}" cy="${px(y(end_bytes))}" r="5"/>`] : []),
    is_late
      ? label(x(end_s) - 12, y(end_bytes) - 10, text, "end", "tick")
      : label(x(end_s) + 12, y(end_bytes) + 18, text, "start", "tick"),
  ];
}
