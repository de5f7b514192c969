import type {
  AlarmEpisode,
  AlarmSummary,
  BacktestSummary,
  CsvSummary,
  DetectorName,
  DetectorSummary,
  EpisodesSummary,
  FlightSummary,
} from "../model/backtest.ts";
import { counted } from "../model/counted.ts";
import { level_name } from "../model/level.ts";
import { duration_text, num, percent } from "./number.ts";
import type { Style } from "./style.ts";

const BAR_CELLS = 30;
/** Names of columns that are shown one by one. */
const MOST_NAMES = 4;

type Line = readonly [label: string, value: string];

const DETECTOR: Readonly<Record<DetectorName, string>> = {
  hosa: "hosa",
  seed: "seed (2 of 3)",
  z_score: "z-score 3σ",
  iqr_fence: "IQR fence",
  isolation_forest: "isolation forest",
};

const SCORE: Readonly<Record<AlarmSummary["score"], string>> = {
  opinions: "sum of the detectors, nats",
  distance: "D̄ alone: too few train rows for the other detectors",
  consensus: "the middle one of its three parts",
  z_score: "largest |z| over 3",
  iqr_fence: "largest excursion in fences",
  isolation_forest: "forest score over 0.6",
};

/** The figures of a backtest, aligned. A label is the JSON key in words. `beside`: the baseline's, in columns beside ours. */
export function backtest_text(s: BacktestSummary, beside: readonly DetectorSummary[], paint: Style): string {
  const lines: Line[] = [...csv_lines(s), ["events", `${s.events}`], ["event rows", `${s.event_rows}`]];
  const figures: Line[] = [["score", SCORE[s.score]], ...asked_line(s), ...detector_lines(s)];
  if (beside.length === 0) return `${[paint.bold(s.file), ...aligned([...lines, ...figures], paint)].join("\n")}\n`;
  const all = [s, ...beside];
  const columns = all.map((one) => [DETECTOR[one.detector], ...detector_lines(one).map(([, value]) => value)]);
  const labels = ["", ...detector_lines(s).map(([label]) => label)];
  const head = aligned([...lines, ["score", SCORE[s.score]], ...asked_line(s)], paint);
  return `${[paint.bold(s.file), ...head, "", ...table(labels, columns, paint)].join("\n")}\n`;
}

/** A file without labels: the stretches in alarm, oldest first. */
export function episodes_text(
  s: EpisodesSummary,
  episodes: readonly AlarmEpisode[],
  beside: readonly Pick<
    EpisodesSummary,
    "detector" | "threshold" | "alarm_hours_per_day" | "episodes" | "episodes_per_day"
  >[],
  paint: Style,
): string {
  const figures = (one: (typeof beside)[number]): readonly Line[] => [
    ["threshold", num(one.threshold)],
    ["alarm hours per day", num(one.alarm_hours_per_day)],
    ["episodes", `${one.episodes}`],
    ["episodes per day", num(one.episodes_per_day)],
  ];
  const head = aligned(
    [...csv_lines(s), ["score", SCORE[s.score]], ...asked_line(s), ...(beside.length === 0 ? figures(s) : [])],
    paint,
  );
  const labels = ["", ...figures(s).map(([label]) => label)];
  const columns = [s, ...beside].map((one) => [DETECTOR[one.detector], ...figures(one).map(([, value]) => value)]);
  const compared = beside.length === 0 ? [] : ["", ...table(labels, columns, paint)];
  return `${[paint.bold(s.file), ...head, ...compared, "", ...episode_lines(s, episodes, paint)].join("\n")}\n`;
}

function episode_lines(s: EpisodesSummary, episodes: readonly AlarmEpisode[], paint: Style): readonly string[] {
  if (episodes.length === 0) return [`No episode: no row of the ${s.test_rows} test rows was beyond the threshold.`];
  const dated = episodes[0]?.start !== null;
  const names = [dated ? "start" : "first row", dated ? "end" : "last row", "duration", "peak score", "threshold"];
  const columns = [...names, "dominant dimensions"].map((name) => [name]);
  for (const one of episodes) {
    const dominant = one.dominant.map(({ dimension, share }) => `${dimension} ${percent(share)}`).join(", ");
    const cells = [
      one.start ?? `${one.first_row}`,
      one.end ?? `${one.last_row}`,
      duration_text(one.duration_s),
      num(one.peak_score),
      num(one.threshold),
      dominant,
    ];
    for (const [k, cell] of cells.entries()) columns[k]!.push(cell);
  }
  const widths = columns.map((column) => Math.max(...column.map((cell) => cell.length)));
  const line = (row: number): string =>
    `  ${columns.map((column, k) => (k < columns.length - 1 ? column[row]!.padEnd(widths[k]!) : column[row]!)).join("  ")}`;
  const more = s.episodes_not_listed > 0 ? [`  ${s.episodes_not_listed} more episodes are counted and not listed`] : [];
  return [paint.dim(line(0)), ...episodes.map((_, row) => line(row + 1)), ...more];
}

/** What the file was found to be; what there is nothing to say of is left out. */
function csv_lines(s: CsvSummary): readonly Line[] {
  const from = {
    given: "--row-interval",
    median: `median step of "${s.time_column}"`,
    default: "default: the file has no times",
  }[s.row_interval_from];
  const longest = s.longest_gap_from === null ? "" : ` from ${s.longest_gap_from}`;
  const gaps = `${s.gaps} longer than 2.5 rows, ${s.missed_rows} rows missing, ${duration_text(s.gap_s)} in all, longest ${duration_text(s.longest_gap_s)}${longest}`;
  const left_out = s.left_out.map(({ name, why }) => `${name} (${why})`);
  const optional = (label: string, count: number, note: string): readonly Line[] =>
    count === 0 ? [] : [[label, `${count}${note}`]];
  return [
    ["train rows", `${s.train_rows}`],
    ["test rows", `${s.test_rows}`],
    ["row interval", `${duration_text(s.row_interval_s)} (${from})`],
    ...(s.time_column === null ? [] : [["time column", `${s.time_column} (${s.time_format})`] as const]),
    ...optional("skipped lines", s.skipped_lines, " before the header"),
    ...(s.gaps === 0 ? [] : [["gaps", gaps] as const]),
    ...optional("irregular rows", s.irregular_rows, " more than half an interval early or late"),
    ...optional("repeated times", s.repeated_times, " rows have the time of the row before"),
    ...optional("reordered rows", s.reordered_rows, " stood after a newer row"),
    ...optional("merged values", s.merged_values, " fell into a row with another of their series: the mean is judged"),
    ["dimensions", `${s.dimensions}${constant_text(s.constant_dimensions)}${apart_text(s.told_apart_by)}`],
    ...(left_out.length === 0 ? [] : [["left out", `${left_out.length}: ${left_out.join(", ")}`] as const]),
    ["missing values", `${s.missing_values}${s.missing_values > 0 ? " (each repeats the last of its column)" : ""}`],
  ];
}

function asked_line(s: AlarmSummary): readonly Line[] {
  return s.asked_alarms_per_day === null ? [] : [["asked alarms per day", num(s.asked_alarms_per_day)]];
}

function detector_lines(s: DetectorSummary): readonly Line[] {
  const delay =
    s.delay_median === null
      ? "–"
      : `${num(s.delay_median, s.delay_median % 1 === 0 ? 0 : 1)} rows, ${duration_text(s.delay_median_s ?? 0)}`;
  return [
    ["AUC-PR", num(s.auc_pr, 4)],
    ["AUC-ROC", num(s.auc_roc, 4)],
    ["threshold", num(s.threshold)],
    ["event recall", num(s.event_recall, 3)],
    ["delay median", delay],
    ["alarm hours per day", num(s.alarm_hours_per_day)],
    ["false-alarm hours per day", num(s.false_alarm_hours_per_day)],
    ["false-alarm runs per day", num(s.false_alarm_runs_per_day)],
    ["budget hours per day", num(s.budget_hours_per_day)],
    ["threshold at budget", num(s.threshold_at_budget)],
    ["event recall at budget", num(s.event_recall_at_budget, 3)],
  ];
}

/** Rows of labels beside columns of values. */
function table(labels: readonly string[], columns: readonly (readonly string[])[], paint: Style): readonly string[] {
  const first = Math.max(...labels.map((label) => label.length));
  const widths = columns.map((column) => Math.max(...column.map((cell) => cell.length)));
  return labels.map((label, row) => {
    const cells = columns.map((column, k) => column[row]!.padStart(widths[k]!)).join("  ");
    return `  ${paint.dim(label.padEnd(first))}  ${row === 0 ? paint.dim(cells) : cells}`;
  });
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
  const count = counted(rows, "row");
  if (part === null) return count;
  return `${bar(part, paint)} ${percent(part).padStart(5)}  ${count}`;
}

/** @param part 0..1 */
export function bar(part: number, paint: Style, of_cells = BAR_CELLS): string {
  const cells = Math.round(part * of_cells);
  return `${paint.green("█".repeat(cells))}${paint.dim("░".repeat(of_cells - cells))}`;
}

function aligned(lines: readonly Line[], paint: Style): string[] {
  const width = Math.max(...lines.map(([label]) => label.length));
  return lines.map(([label, value]) => `  ${paint.dim(label.padEnd(width))}  ${value}`);
}

function constant_text(names: readonly string[]): string {
  if (names.length === 0) return "";
  const shown = names.length > MOST_NAMES ? `${names.slice(0, MOST_NAMES).join(", ")}, …` : names.join(", ");
  return `, ${names.length} constant while learning (${shown})`;
}

function apart_text(names: readonly string[]): string {
  return names.length === 0 ? "" : `, one per ${names.join(" and ")}`;
}
