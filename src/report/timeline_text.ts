import { time_text } from "./episode_words.ts";
import { num } from "./number.ts";
import type { Projection } from "./projection.ts";
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
    ...(timeline.omitted_marks === 0
      ? []
      : [`${timeline.omitted_marks} events are not shown, notes and verdicts first: \`hosa explain ID\` shows each`]),
    ...told(timeline).map((mark) => {
      const at = `(t=${mark.t_s.toFixed(3)} s)`.padStart(14);
      return `${time_text(timeline.began, mark.t_s)} ${at}  ${mark.id.padEnd(id_width)}  ${colored[mark.kind](LABEL[mark.kind].padEnd(7))}  ${mark.text}`;
    }),
  ].join("\n")}\n`;
}

/** The events, with what the record has no sample of and where the memory was heading, in the order of time. */
function told({ marks, gaps, projection }: Timeline): readonly TimelineMark[] {
  const about = { id: "", kind: "note" } as const;
  const unsampled = gaps.map(({ from_s, lasted_s }) => ({
    ...about,
    t_s: from_s,
    text: `not sampled ${num(lasted_s, 1)} s`,
  }));
  const reached = projection === null ? [] : [{ ...about, ...projected_mark(projection) }];
  return [...marks, ...unsampled, ...reached].sort((one, other) => one.t_s - other.t_s);
}

function projected_mark({ reached_s, path, of_node }: Projection): Pick<TimelineMark, "t_s" | "text"> {
  const what = of_node ? "the memory of the node would be used up" : `the memory limit of ${path} would be reached`;
  return { t_s: reached_s, text: `without action ${what} (projection)` };
}
