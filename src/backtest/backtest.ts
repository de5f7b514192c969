import { shares } from "../cortex/contribution.ts";
import type { BacktestSummary, RowView } from "../model/backtest.ts";
import { OperatorError } from "../model/error.ts";
import { CsvParser } from "./csv.ts";
import type { RowDetector } from "./detector.ts";
import { History } from "./history.ts";
import { alarm_figures, areas, events_of, false_hours, ranked, recall_at } from "./metrics.ts";

const DAY_S = 86_400;
const HOUR_S = 3600;

export interface BacktestOptions {
  readonly row_interval_s: number;
  /** False alarms per day the detector was asked for; stated in the summary. */
  readonly vigilance_per_day: number;
  /** Budget of `event_recall_at_budget`. */
  readonly budget_hours_per_day: number;
}

/** A labelled CSV against a detector, line by line: train rows are learned, test rows are judged online. */
export class Backtest {
  readonly #file: string;
  readonly #make: (dimensions: readonly string[]) => RowDetector;
  readonly #options: BacktestOptions;
  readonly #history = new History();
  #run: { readonly csv: CsvParser; readonly detector: RowDetector } | null = null;
  #train_rows = 0;

  constructor(file: string, make: (dimensions: readonly string[]) => RowDetector, options: BacktestOptions) {
    this.#file = file;
    this.#make = make;
    this.#options = options;
  }

  /** Rows read so far. */
  get rows(): number {
    return this.#train_rows + this.#history.length;
  }

  /** Take the next line, the first being the header. The view of a test row, null for any other. Throws OperatorError. */
  take(line: string): (() => RowView) | null {
    if (this.#run === null) {
      const csv = new CsvParser(this.#file, line);
      this.#run = { csv, detector: this.#make(csv.dimensions) };
      return null;
    }
    const { csv, detector } = this.#run;
    const { test, label, x } = csv.parse(line);
    if (!test) {
      this.#train_rows += 1;
      detector.learn(x);
      return null;
    }
    if (this.#history.length === 0) this.#finish_warmup(detector);
    const row = this.rows;
    const { score, alarm, level, contribution } = detector.score(x);
    this.#history.push(score, label, alarm);
    return () => {
      const share: Record<string, number> = {};
      for (const [j, value] of shares(contribution).entries()) share[csv.dimensions[j]!] = value;
      return { row, score, level, share };
    };
  }

  /** After the last line. Throws OperatorError when nothing was judged. */
  summary(): BacktestSummary {
    if (this.#run === null || this.#history.length === 0) {
      const found = this.#run === null ? "it is empty" : `${this.#train_rows} train rows and no test row`;
      throw new OperatorError(`${this.#file}: nothing to judge: ${found}`, 2, "Give rows with split train, then test.");
    }
    const { csv, detector } = this.#run;
    const { row_interval_s, vigilance_per_day, budget_hours_per_day } = this.#options;
    const { scores, labels, alarms } = this.#history;
    const days = (scores.length * row_interval_s) / DAY_S;
    const events = events_of(labels);
    const order = ranked(scores, labels);
    const area = areas(order);
    // Where a row is longer than an hour, it is the hour.
    const hour_rows = Math.max(1, Math.round(HOUR_S / row_interval_s));
    const figures = alarm_figures(events, labels, alarms, hour_rows);
    const allowed = Math.floor(budget_hours_per_day * days + 1e-9);
    const budget = recall_at(events, scores, false_hours(scores, labels, hour_rows), allowed);
    return {
      file: this.#file,
      train_rows: this.#train_rows,
      test_rows: scores.length,
      dimensions: csv.dimensions.length,
      row_interval_s,
      event_rows: order.positive.length,
      events: events.length,
      auc_pr: area.pr,
      auc_roc: area.roc,
      event_recall: figures.recall,
      delay_median: figures.delay_rows,
      delay_median_s: figures.delay_rows === null ? null : figures.delay_rows * row_interval_s,
      alarm_hours_per_day: figures.hours / days,
      false_alarm_hours_per_day: figures.false_hours / days,
      alarms_per_day: figures.false_episodes / days,
      threshold: detector.threshold,
      vigilance_per_day,
      event_recall_at_budget: budget.recall,
      budget_hours_per_day,
      threshold_at_budget: budget.threshold,
      missing_values: csv.missing_values,
      constant_dimensions: detector.constant,
    };
  }

  #finish_warmup(detector: RowDetector): void {
    try {
      detector.finish_warmup();
    } catch (error) {
      if (!(error instanceof OperatorError)) throw error;
      throw new OperatorError(`${this.#file}: ${error.message}`, error.exit_code, error.hint, error);
    }
  }
}
