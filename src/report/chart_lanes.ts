import { type Frame, LEFT, label, PLOT, px, rule } from "./chart_frame.ts";
import { type EpisodeContainment, intervals_of } from "./containment_track.ts";
import { type Html, html, shortened } from "./html.ts";
import { num } from "./number.ts";

const LANE_HEIGHT = 34;
const BAR_TOP = 17;
const BAR_HEIGHT = 11;
const EVENTS_HEIGHT = 24;
const LINE_HEIGHT = 16;
const MOST_LANES = 6;
const MOST_MARKS = 240;
/** Intervals told one by one in a title. */
const MOST_TOLD = 40;

/** A lane per containment, and one of events; what is not drawn is counted below. */
export function lanes_of(frame: Frame, top: number): { readonly drawn: readonly Html[]; readonly bottom: number } {
  const { window, view } = frame;
  const { containments, omitted_containments } = view.timeline;
  const inside = containments.filter(
    ({ from_s, to_s }) => from_s <= window.to_s && (to_s ?? window.to_s) >= window.from_s,
  );
  const lanes = inside.slice(0, MOST_LANES);
  const more = inside.length - lanes.length + omitted_containments;
  const drawn = lanes.flatMap((one, i) => lane(frame, one, top + i * LANE_HEIGHT));
  let bottom = top + lanes.length * LANE_HEIGHT;
  const say = (text: string): void => {
    bottom += LINE_HEIGHT;
    drawn.push(label(LEFT, bottom - 4, text, "start", "tick"));
  };
  if (more > 0) say(`${more} more containments are not drawn`);
  const events = marks(frame, bottom);
  drawn.push(...events.drawn);
  if (events.drawn.length > 0) bottom += EVENTS_HEIGHT;
  const left_out = events.left_out + view.timeline.omitted_marks;
  if (left_out > 0) say(`${left_out} more events are not drawn`);
  return { drawn, bottom };
}

/** What is contained, in words: a hold names its thread. */
export function contained_text(
  { id, rung, path, scope, task, comm }: EpisodeContainment,
  only_recorded: boolean,
): string {
  const name = comm === null ? "" : ` ${shortened(comm, 32)}`;
  const alone = rung === "shield" ? "new connections to the node" : shortened(path, 60);
  const whom = task === null ? alone : `${scope} ${task}${name} of ${shortened(path, 60)}`;
  const does = is_hold(rung) ? "frozen" : "limited";
  return `${id}: ${whom} ${only_recorded ? `would be ${does}` : does} (${rung.replaceAll("_", " ")})`;
}

function is_hold(rung: string): boolean {
  return rung === "thread_hold" || rung === "freeze";
}

/** A containment from end to end: full while it holds or limits its target, pale while the target is let run. */
function lane(frame: Frame, one: EpisodeContainment, top: number): readonly Html[] {
  const { window, x, view, parts } = frame;
  const zero_s = view.zero_s;
  const bars = intervals_of(one, window.to_s);
  const hold = is_hold(one.rung);
  const told = bars
    .slice(0, MOST_TOLD)
    .map(
      ({ from_s, to_s, on }) =>
        `${hold ? (on ? "frozen" : "let run") : on ? "limited" : "not limited"} ${num(from_s - zero_s, 1)} to ${num(to_s - zero_s, 1)} s`,
    );
  const end = one.to_s === null ? "not released in this record" : `released at ${num(one.to_s - zero_s, 1)} s`;
  const title = [
    contained_text(one, view.only_recorded),
    ...told,
    ...(bars.length > MOST_TOLD ? [`${bars.length - MOST_TOLD} more`] : []),
    end,
  ].join("; ");
  const inside = bars.filter(({ from_s, to_s }) => from_s <= window.to_s && to_s >= window.from_s);
  const drawn = inside.map(({ from_s, to_s, on }) => {
    parts.add(on ? "on" : "off");
    const width = Math.max(1.5, x(to_s) - x(from_s));
    return html`<rect class="${on ? "lane-on" : "lane"}" x="${px(x(from_s))}" y="${top + BAR_TOP}" width="${px(width)}" height="${BAR_HEIGHT}"/>`;
  });
  const released = one.to_s !== null && one.to_s <= window.to_s;
  if (released) parts.add("released");
  return [
    label(LEFT, top + 12, contained_text(one, view.only_recorded), "start", "caption"),
    html`<g><title>${title}</title>${drawn}</g>`,
    ...(released
      ? [rule(x(one.to_s!), top + BAR_TOP - 4, x(one.to_s!), top + BAR_TOP + BAR_HEIGHT + 4, "released")]
      : []),
  ];
}

function marks(
  { view, window, x, parts }: Frame,
  top: number,
): { readonly drawn: readonly Html[]; readonly left_out: number } {
  const inside = view.timeline.marks.filter(({ t_s }) => t_s >= window.from_s && t_s <= window.to_s);
  if (inside.length === 0) return { drawn: [], left_out: 0 };
  const shown = inside.slice(0, MOST_MARKS);
  const middle = top + EVENTS_HEIGHT / 2;
  const dots = shown.map(({ t_s, id, kind, text }) => {
    parts.add(kind);
    return html`<circle class="mark ${kind}" cx="${px(x(t_s))}" cy="${middle}" r="4.5"><title>${num(t_s - view.zero_s, 3)} s ${id} ${kind}: ${shortened(text, 200)}</title></circle>`;
  });
  return {
    drawn: [
      label(LEFT - 10, middle + 4, "events", "end", "tick"),
      rule(LEFT, middle, LEFT + PLOT, middle, "axis"),
      ...dots,
    ],
    left_out: inside.length - shown.length,
  };
}
