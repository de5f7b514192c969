import { level_name } from "../model/level.ts";
import { spread, steps } from "./axis.ts";
import type { Episode, EpisodeContainment } from "./episode.ts";
import { type Html, html, shortened } from "./html.ts";
import { bytes, num } from "./number.ts";

const WIDTH = 1000;
const LEFT = 76;
const RIGHT = 112;
const PLOT = WIDTH - LEFT - RIGHT;
const BAND_TOP = 8;
const BAND_HEIGHT = 20;
const D_TOP = BAND_TOP + BAND_HEIGHT + 30;
const D_HEIGHT = 190;
const MEMORY_TOP = D_TOP + D_HEIGHT + 40;
const MEMORY_HEIGHT = 150;
const LANES_TOP = MEMORY_TOP + MEMORY_HEIGHT + 34;
const LANE_HEIGHT = 24;
const MIB = 1_048_576;
/** More points than pixels are not seen. */
const MOST_POINTS = 900;
const MOST_LANES = 6;
const MOST_MARKS = 240;
/** A narrower band has no room for its name. */
const NAME_WIDTH = 84;
const DISTANCE_TICKS = [0, 1, 3, 10, 30, 100, 300, 1000, 3000, 10_000, 100_000, 1_000_000];
const LABEL_HEIGHT = 13;
/** From a threshold's line to its label. */
const LEADER = 14;
/** Beyond this part of the plot a label stands on the left of its point. */
const LEFT_BEYOND = 0.7;

/** The part of an episode that is drawn; seconds of its timeline. */
export interface Window {
  readonly from_s: number;
  readonly to_s: number;
}

interface Frame {
  readonly episode: Episode;
  readonly window: Window;
  readonly x: (t_s: number) => number;
}

interface Timed {
  readonly t_s: number;
}

const px = (value: number): string => value.toFixed(1);

/** What lies in the window, and one item on each side, so that lines run to its edges; thinned out evenly. */
function within<T extends Timed>(items: readonly T[], { from_s, to_s }: Window): readonly T[] {
  let first = items.findIndex((item) => item.t_s >= from_s);
  if (first < 0) first = items.length;
  const after = items.findIndex((item) => item.t_s > to_s);
  const kept = items.slice(Math.max(0, first - 1), after < 0 ? items.length : after + 1);
  const every = Math.ceil(kept.length / MOST_POINTS);
  return every <= 1 ? kept : kept.filter((_, i) => i % every === 0 || i === kept.length - 1);
}

function line(points: readonly (readonly [number, number])[], kind: string): Html {
  const path = points.map(([x, y]) => `${px(x)},${px(y)}`).join(" ");
  return html`<polyline class="${kind}" points="${path}"/>`;
}

function rule(x1: number, y1: number, x2: number, y2: number, kind: string): Html {
  return html`<line class="${kind}" x1="${px(x1)}" y1="${px(y1)}" x2="${px(x2)}" y2="${px(y2)}"/>`;
}

function label(x: number, y: number, text: string, anchor: "start" | "middle" | "end", kind = ""): Html {
  return html`<text x="${px(x)}" y="${px(y)}" text-anchor="${anchor}" class="${kind}">${text}</text>`;
}

/**
 * A stretch of an episode: a band of levels, D̄ (logarithmic, because an incident is far from any threshold) with θ1..θ4, the memory
 * of the culprit with its limit and where it was heading, and a lane per containment. Styled by the page's classes.
 *
 * @param name begins the ids of the title and the description
 */
export function episode_chart(episode: Episode, window: Window, name: string, title: string): Html {
  const x = (t_s: number) =>
    LEFT + (Math.min(Math.max(t_s, window.from_s), window.to_s) - window.from_s) * (PLOT / span(window));
  const frame: Frame = { episode, window, x };
  const lanes = episode.containments.slice(0, MOST_LANES);
  const bottom = LANES_TOP + (lanes.length + 1) * LANE_HEIGHT;
  return html`<svg viewBox="0 0 ${WIDTH} ${bottom + 40}" role="img" aria-labelledby="${name}-title ${name}-desc">
<title id="${name}-title">${title}</title>
<desc id="${name}-desc">${description(episode, window)}</desc>
<defs><clipPath id="${name}-clip"><rect x="${LEFT}" y="0" width="${PLOT}" height="${bottom}"/></clipPath></defs>
${time_axis(frame, bottom)}
${bands(frame)}
<g clip-path="url(#${name}-clip)">${distance_line(frame)}${memory_lines(frame)}</g>
${distance_axis(frame)}
${memory_axis(frame)}
${lanes.map((one, i) => lane(frame, one, LANES_TOP + i * LANE_HEIGHT))}
${marks(frame, LANES_TOP + lanes.length * LANE_HEIGHT)}
</svg>`;
}

function span({ from_s, to_s }: Window): number {
  return Math.max(1e-3, to_s - from_s);
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
    `${level_name(max_level)}, the highest D̄ ${num(peak_d_smooth)}. ${about}. ${containments.length} containments. The tables below hold the same figures.`
  );
}

function time_axis({ episode, window, x }: Frame, bottom: number): readonly Html[] {
  const zero = episode.first.t_s;
  const step = steps(span(window), 8)[1] ?? span(window);
  const first = Math.ceil((window.from_s - zero) / step);
  const last = Math.floor((window.to_s - zero) / step);
  const decimals = step >= 1 ? 0 : 1;
  const ticks = Array.from({ length: Math.min(40, last - first + 1) }, (_, i) => (first + i) * step);
  return [
    ...ticks.flatMap((t) => [
      rule(x(t + zero), D_TOP, x(t + zero), bottom, "grid"),
      label(x(t + zero), bottom + 16, num(t, decimals), "middle", "tick"),
    ]),
    label(LEFT + PLOT / 2, bottom + 34, "seconds since level 0 was left", "middle", "tick"),
  ];
}

function bands({ episode, window, x }: Frame): readonly Html[] {
  const points = within(episode.timeline.points, window);
  const out: Html[] = [];
  for (let i = 0; i < points.length; ) {
    const { level, t_s } = points[i]!;
    let next = i + 1;
    while (points[next]?.level === level) next += 1;
    const from = x(t_s);
    const width = x(points[next]?.t_s ?? window.to_s) - from;
    i = next;
    if (width <= 0) continue;
    const text = `${level} ${level_name(level).replace(" containment", "")}`;
    out.push(
      html`<rect class="level-${level} wash" x="${px(from)}" y="${D_TOP}" width="${px(width)}" height="${D_HEIGHT}"/>`,
    );
    out.push(
      html`<rect class="level-${level}" x="${px(from)}" y="${BAND_TOP}" width="${px(width)}" height="${BAND_HEIGHT}"><title>level ${level} ${level_name(level)}</title></rect>`,
    );
    if (width > NAME_WIDTH) out.push(label(from + 8, BAND_TOP + 14, text, "start", "on-level"));
  }
  return [label(LEFT - 10, BAND_TOP + 14, "level", "end", "tick"), ...out];
}

/** log(1 + D̄) over the height of the panel. */
function distance_scale({ episode: { timeline, peak_d_smooth } }: Frame): { top: number; y: (d: number) => number } {
  const top = 1.25 * Math.max(peak_d_smooth, timeline.theta[3] ?? 1, 1);
  return { top, y: (d) => D_TOP + D_HEIGHT * (1 - Math.log1p(Math.max(0, d)) / Math.log1p(top)) };
}

function distance_line(frame: Frame): Html {
  const { y } = distance_scale(frame);
  const points = within(frame.episode.timeline.points, frame.window);
  return line(
    points.map(({ t_s, d_smooth }) => [frame.x(t_s), y(d_smooth)] as const),
    "distance",
  );
}

function distance_axis(frame: Frame): readonly Html[] {
  const { top, y } = distance_scale(frame);
  const { theta } = frame.episode.timeline;
  const beside = spread(theta.map(y), LABEL_HEIGHT);
  return [
    label(LEFT, D_TOP - 8, "distance from normal D̄ (standard deviations, logarithmic)", "start", "caption"),
    ...DISTANCE_TICKS.filter((tick) => tick <= top).map((tick) =>
      label(LEFT - 10, y(tick) + 4, num(tick, 0), "end", "tick"),
    ),
    ...theta.flatMap((one, i) => [
      rule(LEFT, y(one), LEFT + PLOT, y(one), "theta"),
      rule(LEFT + PLOT, y(one), LEFT + PLOT + LEADER, beside[i]!, "axis"),
      label(LEFT + PLOT + LEADER + 4, beside[i]! + 4, `θ${i + 1} ${num(one, 1)}`, "start", "tick"),
    ]),
    rule(LEFT, D_TOP + D_HEIGHT, LEFT + PLOT, D_TOP + D_HEIGHT, "axis"),
  ];
}

interface MemoryScale {
  readonly top_bytes: number;
  readonly limit_bytes: number | null;
  readonly y: (value: number) => number;
}

function memory_scale({ episode: { timeline, forecast } }: Frame): MemoryScale {
  const about = forecast !== null && forecast.path === timeline.memory.path ? forecast : null;
  const limit_bytes = about === null ? null : about.memory_bytes + about.headroom_bytes;
  const peak = timeline.memory.points.reduce((highest, point) => Math.max(highest, point.bytes), 16 * MIB);
  const top_bytes = 1.08 * Math.max(peak, limit_bytes ?? 0);
  return { top_bytes, limit_bytes, y: (value) => MEMORY_TOP + MEMORY_HEIGHT * (1 - value / top_bytes) };
}

/** What was measured, and (dashed) where it was heading when it was acted on. */
function memory_lines(frame: Frame): readonly Html[] {
  const { limit_bytes, y } = memory_scale(frame);
  const { episode, window, x } = frame;
  const { forecast } = episode;
  const points = within(episode.timeline.memory.points, window);
  const measured = line(
    points.map(({ t_s, bytes: value }) => [x(t_s), y(value)] as const),
    "memory",
  );
  if (limit_bytes === null || forecast === null) return [measured];
  const end_s = Math.min(window.to_s, forecast.t_s + forecast.ttf_s);
  const at_end = forecast.memory_bytes + forecast.slope_bytes_per_s * (end_s - forecast.t_s);
  const heading = [
    [x(forecast.t_s), y(forecast.memory_bytes)],
    [x(end_s), y(Math.min(at_end, limit_bytes))],
  ] as const;
  const late = x(end_s) > LEFT + LEFT_BEYOND * PLOT;
  const cross =
    forecast.t_s + forecast.ttf_s <= window.to_s
      ? [
          html`<circle class="exhausted" cx="${px(x(end_s))}" cy="${px(y(limit_bytes))}" r="5"/>`,
          late
            ? label(x(end_s) - 10, y(limit_bytes) - 7, "used up at that pace", "end", "tick")
            : label(x(end_s) + 10, y(limit_bytes) + 17, "used up at that pace", "start", "tick"),
        ]
      : [];
  return [line(heading, "heading"), measured, ...cross];
}

function memory_axis(frame: Frame): readonly Html[] {
  const { path } = frame.episode.timeline.memory;
  const title = path === "" ? "memory: no culprit's memory was recorded" : `memory of ${shortened(path, 80)}`;
  const { top_bytes, limit_bytes, y } = memory_scale(frame);
  const limit_label = frame.episode.forecast?.of_node === true ? "all of the node" : "limit";
  return [
    label(LEFT, MEMORY_TOP - 8, title, "start", "caption"),
    ...steps(top_bytes / MIB, 3).map((tick) =>
      label(LEFT - 10, y(tick * MIB) + 4, `${num(tick, 0)} MiB`, "end", "tick"),
    ),
    ...(limit_bytes === null
      ? []
      : [
          rule(LEFT, y(limit_bytes), LEFT + PLOT, y(limit_bytes), "limit"),
          label(LEFT + PLOT + 8, y(limit_bytes) + 4, limit_label, "start", "tick"),
        ]),
    rule(LEFT, MEMORY_TOP + MEMORY_HEIGHT, LEFT + PLOT, MEMORY_TOP + MEMORY_HEIGHT, "axis"),
  ];
}

/** A containment from end to end, full where it limits, pale where it is only watched. */
function lane({ window, x }: Frame, one: EpisodeContainment, top: number): readonly Html[] {
  const until_s = one.to_s ?? window.to_s;
  const named = label(LEFT - 10, top + 12, one.id, "end", "tick");
  if (one.from_s > window.to_s || until_s < window.from_s) return [named];
  const box = (from_s: number, to_s: number, kind: string): Html =>
    html`<rect class="${kind}" x="${px(x(from_s))}" y="${top + 2}" width="${px(Math.max(1.5, x(to_s) - x(from_s)))}" height="14" rx="2"/>`;
  const title = `${one.id}: ${one.rung} on ${shortened(one.path)}`;
  return [
    named,
    html`<g><title>${title}</title>${box(one.from_s, until_s, "lane")}${one.switches.map(({ t_s, on }, i) =>
      on ? box(t_s, one.switches[i + 1]?.t_s ?? until_s, "lane-on") : "",
    )}</g>`,
    label(LEFT + PLOT + 8, top + 13, one.rung.replaceAll("_", " "), "start", "tick"),
  ];
}

function marks({ episode, window, x }: Frame, top: number): readonly Html[] {
  const inside = episode.timeline.marks.filter(({ t_s }) => t_s >= window.from_s && t_s <= window.to_s);
  return [
    label(LEFT - 10, top + 13, "events", "end", "tick"),
    rule(LEFT, top + 9, LEFT + PLOT, top + 9, "axis"),
    ...inside
      .slice(0, MOST_MARKS)
      .map(
        ({ t_s, id, kind, text }) =>
          html`<circle class="mark ${kind}" cx="${px(x(t_s))}" cy="${top + 9}" r="4.5"><title>${id} ${kind}: ${shortened(text, 200)}</title></circle>`,
      ),
  ];
}
