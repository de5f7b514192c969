import { spread } from "./markdown.ts";
import type { RunResult } from "./metrics.ts";
import type { TimedResult } from "./outcome.ts";

type Row = readonly [name: string, value: (r: TimedResult) => string];

function shown(value: number | null, unit = "", digits = 0): string {
  return value === null ? "–" : `${value.toFixed(digits)}${unit}`;
}

function percent(value: number | null): string {
  return value === null ? "–" : `${(value * 100).toFixed(1)} %`;
}

const ROWS: readonly Row[] = [
  ["requests served", (r) => percent(r.served_ratio)],
  ["p99 against before", (r) => shown(r.p99_ratio, "×", 2)],
  ["worst answer", (r) => shown(r.worst_ms, " ms")],
  ["OOM kills", (r) => String(r.kills)],
  ["first kill after", (r) => shown(r.first_kill_ms, " ms")],
  ["processes lost", (r) => String(r.processes_lost)],
  ["transactions acknowledged", (r) => String(r.transactions.acknowledged)],
  ["acknowledged and lost", (r) => (r.transactions.lost === null ? "–" : String(r.transactions.lost))],
  ["seen after", (r) => shown(r.seen_ms, " ms")],
  ["acted after", (r) => shown(r.acted_ms, " ms")],
  ["memory stable after", (r) => shown(r.stable_ms, " ms")],
  ["growth after the action", (r) => shown(r.growth_after_action_mb_s, " MB/s", 1)],
  ["memory at the end", (r) => shown(r.memory_at_end_mb, " MB")],
  ["in swap at the end", (r) => shown(r.swap_at_end_mb ?? null, " MB")],
  ["memory full stall", (r) => percent(r.psi_full)],
  ["… once stable", (r) => percent(r.psi_full_stable)],
  ["interventions", (r) => (r.interventions === null ? "–" : String(r.interventions))],
  ["culprit", (r) => r.culprit ?? "–"],
  ["touched", (r) => (r.touched === null ? "–" : r.touched.join(" ") || "nothing")],
  ["neighbour served", (r) => percent(r.neighbour.served_ratio)],
  ["neighbour p99", (r) => shown(r.neighbour.p99_ratio, "×", 2)],
  ["wall time", (r) => shown(r.wall_s, " s")],
  ["CPU time of the machine", (r) => shown(r.cpu_s, " s")],
];

/** One column per result, headed by what tells them apart. */
export function side_by_side(results: readonly TimedResult[], head: (r: TimedResult) => string): string {
  return aligned([["", ...results.map(head)], ...ROWS.map(([name, value]) => [name, ...results.map(value)])], 1);
}

/** Columns of equal width, the first `left` of them flush left. */
function aligned(cells: readonly (readonly string[])[], left: number): string {
  const widths = cells[0]!.map((_, column) => Math.max(...cells.map((row) => row[column]!.length)));
  return cells
    .map((row) => row.map((cell, i) => (i < left ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!))).join("  "))
    .join("\n");
}

export function timeline_text(result: RunResult): string {
  return result.timeline.map((e) => `${e.t_s.toFixed(2).padStart(8)} s  ${e.event}`).join("\n");
}

/** Median, least and most of what several runs measured, and how many runs lost nothing. */
export function summary(results: readonly TimedResult[]): string {
  const figures: readonly [string, (r: TimedResult) => number | null][] = [
    ["requests served, %", (r) => (r.served_ratio === null ? null : r.served_ratio * 100)],
    ["p99 ratio", (r) => r.p99_ratio],
    ["worst answer, ms", (r) => r.worst_ms],
    ["seen after, ms", (r) => r.seen_ms],
    ["acted after, ms", (r) => r.acted_ms],
    ["memory stable after, ms", (r) => r.stable_ms],
    ["memory at the end, MB", (r) => r.memory_at_end_mb],
    ["in swap at the end, MB", (r) => r.swap_at_end_mb ?? null],
    ["wall time, s", (r) => r.wall_s],
  ];
  const text = figures.map(([name, value]) => {
    const known = results.map(value).filter((v) => v !== null);
    const s = spread(known);
    return s === null
      ? `${name.padEnd(26)} –`
      : `${name.padEnd(26)} median ${s.median.toFixed(1)}  least ${s.least.toFixed(1)}  most ${s.most.toFixed(1)}  (${known.length} runs)`;
  });
  const without_kill = results.filter((r) => r.kills === 0 && r.processes_lost === 0).length;
  const without_loss = results.filter((r) => r.transactions.lost === 0).length;
  return [
    ...text,
    `${without_kill} of ${results.length} runs without a kill, ${without_loss} of ${results.length} without a lost transaction`,
  ].join("\n");
}
