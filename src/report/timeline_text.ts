import { time_text } from "./episode_words.ts";
import { num } from "./number.ts";
import type { Style } from "./style.ts";
import type { Timeline, TimelineMark } from "./timeline.ts";

const LABEL: Readonly<Record<TimelineMark["kind"], string>> = {
  level: "LEVEL",
  action: "ACT",
  release: "UNDO",
  verdict: "VERDICT",
  note: "",
};

/** A run, one line per event, oldest first. */
export function timeline_text(timeline: Timeline, paint: Style): string {
  const colored: Readonly<Record<TimelineMark["kind"], (text: string) => string>> = {
    level: paint.yellow,
    action: paint.magenta,
    release: paint.cyan,
    verdict: paint.bold,
    note: paint.dim,
  };
  const id_width = Math.max(2, ...timeline.marks.map((mark) => mark.id.length));
  const peak = timeline.points.reduce((top, point) => Math.max(top, point.d_smooth), 0);
  return `${[
    paint.bold(timeline.title || "run without a recorded start"),
    `highest D̄ ${num(peak)}; ${timeline.theta.map((theta, i) => `θ${i + 1} ${num(theta)}`).join(", ") || "no thresholds yet"}`,
    ...timeline.marks.map((mark) => {
      const at = `(t=${mark.t_s.toFixed(3)} s)`.padStart(14);
      return `${time_text(timeline.began, mark.t_s)} ${at}  ${mark.id.padEnd(id_width)}  ${colored[mark.kind](LABEL[mark.kind].padEnd(7))}  ${mark.text}`;
    }),
  ].join("\n")}\n`;
}
