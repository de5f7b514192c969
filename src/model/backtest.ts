import type { Level } from "./level.ts";
import type { Maybe } from "./sample.ts";

/** One judged row (or beat) as it is printed as JSON. Later keys may be added at the end. */
export interface RowView {
  /** Place of the row in its file, from 0: a CSV's header does not count, its train rows do; a flight's beats count. */
  readonly row: number;
  /** What is compared with the threshold: the sum of the opinions, nats; D̄ where there are none. */
  readonly score: number;
  readonly level: Level;
  /** c_j / d² per dimension; sums to 1. */
  readonly share: Readonly<Record<string, number>>;
}

/** What judged the rows: HOSA's own cortex, or the named baseline beside it (and its three parts). */
export type DetectorName = "hosa" | "seed" | "z_score" | "iqr_fence" | "isolation_forest";

/** A column that is not judged. */
export interface LeftOut {
  readonly name: string;
  readonly why: string;
}

/** What a CSV was found to be. */
export interface CsvSummary {
  readonly file: string;
  readonly train_rows: number;
  readonly test_rows: number;
  readonly dimensions: number;
  readonly row_interval_s: number;
  /** `given` with --row-interval, the `median` step between the times of the rows, or the `default`. */
  readonly row_interval_from: "given" | "median" | "default";
  /** Name of the column with the times and how it says them; null: the file has none. */
  readonly time_column: Maybe<string>;
  readonly time_format: Maybe<string>;
  /** Steps longer than 2.5 row intervals, and the rows missing in them. */
  readonly gaps: number;
  readonly missed_rows: number;
  readonly gap_s: number;
  readonly longest_gap_s: number;
  /** ISO 8601; null without a gap, or without a date. */
  readonly longest_gap_from: Maybe<string>;
  /** Rows more than half an interval early or late; rows with the time of the row before; rows that stood before an older one. */
  readonly irregular_rows: number;
  readonly repeated_times: number;
  readonly reordered_rows: number;
  /** Values of one series that fell into one row: their mean is judged. */
  readonly merged_values: number;
  /** Cells without a value, which repeated the last one of their column. */
  readonly missing_values: number;
  /** Columns that did not move while learning: judged by their resolution alone. */
  readonly constant_dimensions: readonly string[];
  readonly left_out: readonly LeftOut[];
  /** Lines before the header. */
  readonly skipped_lines: number;
  /** Columns whose words tell the series apart. */
  readonly told_apart_by: readonly string[];
}

/** What the alarms of a detector came to, with or without labels. Null: nothing to measure it on. */
export interface AlarmSummary {
  readonly detector: DetectorName;
  /** What is compared with the threshold: the opinions together, D̄ alone, or a baseline's own score. */
  readonly score: "opinions" | "distance" | "consensus" | "z_score" | "iqr_fence" | "isolation_forest";
  /** The label-free threshold at the end; for HOSA learned for so many asked alarms per day. */
  readonly threshold: number;
  readonly asked_alarms_per_day: Maybe<number>;
  /** Hours with at least one alarm, per day. */
  readonly alarm_hours_per_day: number;
}

/** How well a detector does by the labels. Point by point, without point adjustment; an event is a run of rows labelled 1. */
export interface DetectorSummary extends AlarmSummary {
  /** Average precision and area under the ROC curve, exact, ties counted half. */
  readonly auc_pr: Maybe<number>;
  readonly auc_roc: Maybe<number>;
  /** At the label-free threshold: part of the events with a row beyond it. */
  readonly event_recall: Maybe<number>;
  /** Rows from the start of a detected event to its first alarm; median. */
  readonly delay_median: Maybe<number>;
  readonly delay_median_s: Maybe<number>;
  /** Hours with at least one alarm on a row labelled 0, per day. */
  readonly false_alarm_hours_per_day: number;
  /** Runs of alarmed rows that touch no event, per day. */
  readonly false_alarm_runs_per_day: number;
  /** Part of the events reached at the lowest threshold whose false-alarm hours stay within the budget. */
  readonly event_recall_at_budget: Maybe<number>;
  readonly budget_hours_per_day: number;
  /** A row alarms when its score is above this; null: every row may. */
  readonly threshold_at_budget: Maybe<number>;
}

/** What came of a backtest on a file with labels. */
export interface BacktestSummary extends CsvSummary, DetectorSummary {
  /** Rows labelled 1, and the runs they form. */
  readonly event_rows: number;
  readonly events: number;
}

/** A stretch of rows without labels in which the detector was in alarm. */
export interface AlarmEpisode {
  /** Places of its first and last row in the file, from 0, the header not counted. */
  readonly first_row: number;
  readonly last_row: number;
  /** ISO 8601, UTC: of the first row, and the end of the last one's interval; null without dates. */
  readonly start: Maybe<string>;
  readonly end: Maybe<string>;
  readonly duration_s: number;
  readonly alarmed_rows: number;
  readonly peak_score: number;
  readonly peak_row: number;
  /** The threshold in force at the peak. */
  readonly threshold: number;
  /** The dimensions that carry most of the distance at the peak, most first. */
  readonly dominant: readonly { readonly dimension: string; readonly share: number }[];
}

/** What came of judging a file without labels. */
export interface EpisodesSummary extends CsvSummary, AlarmSummary {
  readonly episodes: number;
  /** Episodes beyond the bound of the list, which are counted and not listed. */
  readonly episodes_not_listed: number;
  readonly episodes_per_day: number;
  readonly alarmed_rows: number;
}

/** What came of re-running a recorded flight. */
export interface FlightSummary {
  readonly file: string;
  readonly node: string;
  readonly kernel: string;
  readonly hosa_version: string;
  readonly wall_time: string;
  readonly beats: number;
  readonly duration_s: number;
  readonly max_level: Level;
  readonly identical: boolean;
  /** Beats whose decision came out differently, and the first of them. */
  readonly differing_beats: number;
  readonly difference: string;
}
