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

/**
 * What came of a backtest. Point by point, without point adjustment; an event is a run of rows labelled 1. Null: nothing
 * to measure it on.
 */
export interface BacktestSummary {
  readonly file: string;
  readonly train_rows: number;
  readonly test_rows: number;
  readonly dimensions: number;
  readonly row_interval_s: number;
  /** Rows labelled 1, and the runs they form. */
  readonly event_rows: number;
  readonly events: number;
  /** Average precision and area under the ROC curve, exact, ties counted half. */
  readonly auc_pr: Maybe<number>;
  readonly auc_roc: Maybe<number>;
  /** At the label-free threshold: part of the events with a row beyond it. */
  readonly event_recall: Maybe<number>;
  /** Rows from the start of a detected event to its first alarm; median. */
  readonly delay_median: Maybe<number>;
  readonly delay_median_s: Maybe<number>;
  /** Hours with at least one alarm, per day: all of them, and those with an alarm on a row labelled 0. */
  readonly alarm_hours_per_day: number;
  readonly false_alarm_hours_per_day: number;
  /** Runs of alarmed rows that touch no event, per day. */
  readonly alarms_per_day: number;
  /** The label-free threshold at the end, and the alarms (hours with one) per day it was learned for. */
  readonly threshold: number;
  readonly vigilance_per_day: number;
  /** Part of the events reached at the lowest threshold whose false-alarm hours stay within the budget. */
  readonly event_recall_at_budget: Maybe<number>;
  readonly budget_hours_per_day: number;
  /** A row alarms when its score is above this; null: every row may. */
  readonly threshold_at_budget: Maybe<number>;
  /** Cells without a value, which repeated the last one of their column. */
  readonly missing_values: number;
  /** Columns that did not move while learning: judged by their resolution alone. */
  readonly constant_dimensions: readonly string[];
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
