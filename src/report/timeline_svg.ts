import { standalone_style } from "./chart_style.ts";
import { chart, last_of, type Window } from "./episode_chart.ts";
import { bytes, num } from "./number.ts";
import type { Timeline } from "./timeline.ts";

/** Stands at the beginning of every picture. */
export const PICTURE_MARK = 'aria-label="HOSA timeline"';
/** Quiet seconds shown before the first event. */
const LEAD_S = 5;

/** A run as a picture that stands alone: its own style, on a ground of its own, light or dark as its reader prefers. */
export function timeline_svg(timeline: Timeline): string {
  const title = timeline.title === "" ? "run without a recorded start" : timeline.title;
  const view = {
    timeline,
    zero_s: 0,
    zero_name: "since the first record of the run",
    projection: timeline.projection,
    only_recorded: timeline.only_recorded,
    heading: title,
    description: description(timeline),
  };
  const { svg } = chart(view, shown_of(timeline), "timeline", title);
  return `${svg.text.replace("<svg", `<svg xmlns="http://www.w3.org/2000/svg" ${PICTURE_MARK}`).replace("</desc>", `</desc>\n<style>${standalone_style()}</style>`)}\n`;
}

/** A long quiet beginning is left out of the picture, but for some seconds. */
function shown_of(timeline: Timeline): Window {
  const first = timeline.marks.find(({ kind }) => kind === "level" || kind === "action");
  return { from_s: Math.max(0, Math.floor((first?.t_s ?? 0) - LEAD_S)), to_s: last_of(timeline) };
}

function description({ points, memory, containments, gaps }: Timeline): string {
  const peak = points.reduce((highest, point) => Math.max(highest, point.d_smooth), 0);
  const top = memory.points.reduce((highest, point) => Math.max(highest, point.bytes), 0);
  const about = memory.points.length === 0 ? "" : ` Memory of ${memory.path} reached ${bytes(top)}.`;
  const counts = `Containments: ${containments.length}. Gaps in the record: ${gaps.length}.`;
  return `Samples: ${points.length}. Highest D̄: ${num(peak)}.${about} ${counts}`;
}
