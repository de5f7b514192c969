import { level_name } from "../model/level.ts";
import type { Episode, Forecast } from "./episode.ts";
import { kernel_text } from "./excuse.ts";
import { shortened } from "./html.ts";
import { bytes, num, percent } from "./number.ts";

/** `2026-01-01 00:01:08.539 UTC`, some seconds later; what is no time stays as it is. */
export function clock_text(wall_time: string, later_s = 0, decimals: 0 | 3 = 3): string {
  const at_ms = Date.parse(wall_time) + later_s * 1000;
  if (!Number.isFinite(at_ms) || Math.abs(at_ms) > 8.64e15) return wall_time;
  const iso = new Date(at_ms).toISOString().replace("T", " ");
  return `${decimals === 3 ? iso.slice(0, 23) : iso.slice(0, 19)} UTC`;
}

/** The time of day alone, for tables. */
export function time_text(wall_time: string): string {
  return clock_text(wall_time).replace(/^.* (\S+) UTC$/, "$1");
}

export function span_text(seconds: number): string {
  if (seconds < 119.5) return `${num(seconds, seconds < 10 ? 1 : 0)} s`;
  if (seconds < 7200) return `${num(seconds / 60, 0)} min`;
  return `${num(seconds / 3600, 1)} h`;
}

/** Nothing was touched in that run: its motor only recorded, or there was none. */
export function only_recorded({ run }: Episode): boolean {
  return run !== null && run.motor === "recording";
}

/** The narrowest name of whoever carried the change. */
export function culprit_text(episode: Episode): string {
  const who = episode.key.decision.culprit ?? episode.culprits[0]?.culprit ?? null;
  if (who === null) return "nobody stood out";
  const kernel = kernel_text(who);
  if (kernel !== null) return kernel;
  const task = who.tid ?? who.pid;
  const path = shortened(who.path || "unknown", 80);
  return task === null
    ? path
    : `${path}, ${who.scope} ${task}${who.comm === null ? "" : ` “${shortened(who.comm, 32)}”`}`;
}

/** What happened, in three or four sentences. */
export function summary_text(episode: Episode): string {
  const { max_level, timeline, actions, verdicts, oom_kills, key } = episode;
  const name = `level ${max_level}, ${level_name(max_level)}`;
  const { dominant, dimension_names, contribution, d } = key.input.assessment;
  const first = dominant[0];
  const share = first === undefined || d <= 0 ? null : (contribution[first] ?? 0) / (d * d);
  const carried = share === null ? "" : `, carried by ${dimension_names[first!] ?? "?"} (${percent(share)} of D²)`;
  const what = `The node left its normal state and reached ${name}; D̄ rose to ${num(episode.peak_d_smooth)}${carried}.`;
  const who =
    key.decision.culprit === null ? " Nobody was singled out." : ` The change was led by ${culprit_text(episode)}.`;
  const asked = actions.filter(({ action }) => action !== null).length + episode.omitted.actions;
  const did = only_recorded(episode) ? "would have acted" : "acted";
  const done = asked === 0 ? " Nothing was done." : ` HOSA ${did} ${asked === 1 ? "once" : `${asked} times`}`;
  const judged = verdicts.map(({ verdict }) => verdict.verdict.replaceAll("_", " "));
  const verdict = asked === 0 ? "" : judged.length === 0 ? "." : `; judged: ${[...new Set(judged)].join(", ")}.`;
  const top = timeline.memory.points.reduce((highest, point) => Math.max(highest, point.bytes), 0);
  const memory = top > 0 ? ` Memory of ${shortened(timeline.memory.path, 80)} reached ${bytes(top)}.` : "";
  const kills =
    oom_kills > 0 ? ` The kernel killed for lack of memory ${oom_kills === 1 ? "once" : `${oom_kills} times`}.` : "";
  return `${what}${who}${done}${verdict}${memory}${kills}`;
}

export function forecast_text(forecast: Forecast): string {
  const { path, memory_bytes, slope_bytes_per_s, headroom_bytes, ttf_s, wall_time, of_node, id } = forecast;
  const whose = of_node ? "the node's memory" : "its limit";
  return (
    `At ${clock_text(wall_time)} (${id}) ${shortened(path)} used ${bytes(memory_bytes)}, grew by ${bytes(slope_bytes_per_s)}/s and had ` +
    `${bytes(headroom_bytes)} left up to ${whose}. At that pace memory would have been used up at ${clock_text(wall_time, ttf_s, 0)}, ` +
    `${span_text(ttf_s)} later.`
  );
}

/** What came instead, and what that does not prove. */
export function instead_text(episode: Episode): string {
  const { forecast, timeline, oom_kills, actions, last } = episode;
  if (forecast === null) return "No growth with an end was seen: nothing was running out.";
  const later = timeline.memory.points.filter(({ t_s }) => t_s >= forecast.t_s);
  const top = later.reduce((highest, point) => Math.max(highest, point.bytes), forecast.memory_bytes);
  const part = top / (forecast.memory_bytes + forecast.headroom_bytes);
  const watched = `Until ${clock_text(last.wall_time, 0, 0)} it reached ${bytes(top)}, ${percent(part)} of that limit`;
  const kills =
    oom_kills === 0 ? "and the kernel killed nothing" : `and the kernel killed for lack of memory (${oom_kills})`;
  const touched = actions.some(({ action }) => action !== null) && !only_recorded(episode);
  const caveat = touched
    ? "A growth may also end by itself: the time is the slope carried on, not a second run."
    : "Nothing was touched, so this is what came by itself.";
  return `${watched}, ${kills}. ${caveat}`;
}

export function end_text({ end }: Episode): string {
  if (end === "calm") return "back at level 0, nothing contained";
  if (end === "stopped") return "HOSA was stopped";
  return end === "cut_off" ? "the run ended without saying so" : "the audit ends here";
}
