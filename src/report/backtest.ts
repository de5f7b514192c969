import type { BacktestSummary, FlightSummary } from "../model/backtest.ts";
import { level_name } from "../model/level.ts";
import { duration_text, num, percent } from "./number.ts";
import type { Style } from "./style.ts";

const BAR_CELLS = 30;

type Line = readonly [label: string, value: string];

/** The figures of a backtest, aligned. */
export function backtest_text(summary: BacktestSummary, paint: Style): string {
  const s = summary;
  const hours = (value: number) => `${num(value)} h/day`;
  const delay =
    s.delay_median === null
      ? "–"
      : `${num(s.delay_median, s.delay_median % 1 === 0 ? 0 : 1)} rows, ${duration_text(s.delay_median_s ?? 0)} (median)`;
  const lines: Line[] = [
    ["rows", `${s.train_rows} train, ${s.test_rows} test, ${duration_text(s.row_interval_s)} each`],
    ["dimensions", `${s.dimensions}${constant_text(s.constant_dimensions)}`],
    ["missing values", `${s.missing_values}${s.missing_values > 0 ? " (each repeats the last of its column)" : ""}`],
    ["events", `${s.events} in ${s.event_rows} rows`],
    ["AUC-PR", num(s.auc_pr, 4)],
    ["AUC-ROC", num(s.auc_roc, 4)],
    ["threshold", `θ1 ${num(s.threshold)}, label-free, for ${num(s.vigilance_per_day)} false alarms/day`],
    ["  event recall", share_text(s.event_recall)],
    ["  delay", delay],
    ["  false alarms", `${hours(s.alarm_hours_per_day)}, ${num(s.alarms_per_day)} episodes/day`],
    ["at a budget", `${hours(s.budget_hours_per_day)}, threshold ${num(s.threshold_at_budget)}`],
    ["  event recall", share_text(s.event_recall_at_budget)],
  ];
  return `${[paint.bold(s.file), ...aligned(lines, paint)].join("\n")}\n`;
}

/** What came of re-running a flight, aligned. */
export function flight_text(summary: FlightSummary, paint: Style): string {
  const s = summary;
  const lines: Line[] = [
    ["recorded", `${s.wall_time}, hosa ${s.hosa_version}`],
    ["node", `${s.node}, Linux ${s.kernel}`],
    ["beats", `${s.beats} in ${duration_text(s.duration_s)}`],
    ["highest level", `${s.max_level} ${level_name(s.max_level)}`],
    [
      "decided again",
      s.identical
        ? paint.green("identical")
        : paint.red(`${s.differing_beats} of them ${s.differing_beats === 1 ? "differs" : "differ"}`),
    ],
    ...(s.identical ? [] : [["first at", s.difference] as const]),
  ];
  return `${[paint.bold(s.file), ...aligned(lines, paint)].join("\n")}\n`;
}

/** One line that shows how far a long read is; `part` is null where the size is not known. */
export function progress_text(part: number | null, rows: number, paint: Style): string {
  const count = `${rows} rows`;
  if (part === null) return count;
  const cells = Math.round(part * BAR_CELLS);
  const bar = `${paint.green("█".repeat(cells))}${paint.dim("░".repeat(BAR_CELLS - cells))}`;
  return `${bar} ${percent(part).padStart(5)}  ${count}`;
}

function aligned(lines: readonly Line[], paint: Style): string[] {
  const width = Math.max(...lines.map(([label]) => label.length));
  return lines.map(([label, value]) => `  ${paint.dim(label.padEnd(width))}  ${value}`);
}

function share_text(share: number | null): string {
  return share === null ? "– (no events)" : percent(share);
}

function constant_text(names: readonly string[]): string {
  if (names.length === 0) return "";
  const shown = names.length > 4 ? `${names.slice(0, 4).join(", ")}, …` : names.join(", ");
  return `, ${names.length} constant while learning (${shown})`;
}
