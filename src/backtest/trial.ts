import { shares } from "../cortex/contribution.ts";
import type { AlarmEpisode, AlarmSummary, DetectorSummary, RowView } from "../model/backtest.ts";
import type { RowDetector } from "./detector.ts";
import { History } from "./history.ts";
import { alarm_figures, areas, events_of, false_hours, ranked, recall_at } from "./metrics.ts";
import type { Row } from "./row.ts";
import { iso_of } from "./timestamp.ts";

const DAY_S = 86_400;
const HOUR_S = 3600;
/** Episodes that are listed; more are counted. */
const MOST_EPISODES = 4096;
const MOST_DOMINANT = 3;
/** A smaller share is not named. */
const LEAST_SHARE = 0.01;

/** What the figures of a trial are stated with. */
export interface TrialSettings {
  readonly row_interval_s: number;
  /** Alarms per day the threshold was asked to allow; null where the detector cannot be asked. */
  readonly asked_alarms_per_day: number | null;
  /** Budget of `event_recall_at_budget`. */
  readonly budget_hours_per_day: number;
  /** The times of the rows have no date. */
  readonly elapsed: boolean;
}

interface OpenEpisode {
  first_row: number;
  last_row: number;
  first_s: number | null;
  last_s: number | null;
  alarmed_rows: number;
  peak_score: number;
  peak_row: number;
  threshold: number;
  dominant: AlarmEpisode["dominant"];
}

/** One detector on the rows of one file: train rows are learned, test rows are judged online. */
export class Trial {
  readonly detector: RowDetector;
  readonly episodes: AlarmEpisode[] = [];
  readonly #dimensions: readonly string[];
  readonly #settings: TrialSettings;
  readonly #history = new History();
  #train_rows = 0;
  #episode_count = 0;
  #open: OpenEpisode | null = null;

  constructor(detector: RowDetector, dimensions: readonly string[], settings: TrialSettings) {
    this.detector = detector;
    this.#dimensions = dimensions;
    this.#settings = settings;
  }

  get train_rows(): number {
    return this.#train_rows;
  }

  get test_rows(): number {
    return this.#history.length;
  }

  get labels(): Uint8Array {
    return this.#history.labels;
  }

  /** The view of a test row, null of a train row. Throws OperatorError when the train rows were too few. */
  take({ test, label, x, t_s, missed }: Row): (() => RowView) | null {
    const { detector } = this;
    if (test && this.#history.length === 0) detector.finish_warmup();
    if (missed > 0) detector.skip(missed);
    if (!test) {
      this.#train_rows += 1;
      detector.learn(x);
      return null;
    }
    const row = this.#train_rows + this.#history.length;
    const { score, alarm, level, contribution } = detector.score(x);
    this.#history.push(score, label ?? 0, alarm);
    // Nothing is claimed of a time in which nothing was measured.
    if (missed > 0 || level === 0) this.#close();
    if (alarm) this.#alarmed(row, t_s, score, contribution);
    return () => ({ row, score, level, share: this.#shares(contribution) });
  }

  /** Episodes beyond those listed. */
  get episodes_not_listed(): number {
    return this.#episode_count - this.episodes.length;
  }

  get episode_count(): number {
    return this.#episode_count;
  }

  get alarmed_rows(): number {
    return this.#history.alarms.reduce((sum, alarm) => sum + alarm, 0);
  }

  /** After the last row. */
  finish(): void {
    this.#close();
  }

  alarm_summary(): AlarmSummary {
    const { detector } = this;
    const { asked_alarms_per_day } = this.#settings;
    const { hours } = alarm_figures([], this.#history.labels, this.#history.alarms, this.#hour_rows);
    return {
      detector: detector.name,
      score: detector.scored_by,
      threshold: detector.threshold,
      asked_alarms_per_day: detector.name === "hosa" ? asked_alarms_per_day : null,
      alarm_hours_per_day: hours / this.days,
    };
  }

  /** By the labels. */
  summary(): DetectorSummary {
    const { row_interval_s, budget_hours_per_day } = this.#settings;
    const { scores, labels, alarms } = this.#history;
    const events = events_of(labels);
    const area = areas(ranked(scores, labels));
    const figures = alarm_figures(events, labels, alarms, this.#hour_rows);
    const allowed = Math.floor(budget_hours_per_day * this.days + 1e-9);
    const budget = recall_at(events, scores, false_hours(scores, labels, this.#hour_rows), allowed);
    return {
      ...this.alarm_summary(),
      auc_pr: area.pr,
      auc_roc: area.roc,
      event_recall: figures.recall,
      delay_median: figures.delay_rows,
      delay_median_s: figures.delay_rows === null ? null : figures.delay_rows * row_interval_s,
      false_alarm_hours_per_day: figures.false_hours / this.days,
      false_alarm_runs_per_day: figures.false_runs / this.days,
      event_recall_at_budget: budget.recall,
      budget_hours_per_day,
      threshold_at_budget: budget.threshold,
    };
  }

  get days(): number {
    return (this.#history.length * this.#settings.row_interval_s) / DAY_S;
  }

  /** Where a row is longer than an hour, it is the hour. */
  get #hour_rows(): number {
    return Math.max(1, Math.round(HOUR_S / this.#settings.row_interval_s));
  }

  #shares(contribution: ArrayLike<number>): Record<string, number> {
    const share: Record<string, number> = {};
    for (const [j, value] of shares(contribution).entries()) share[this.#dimensions[j]!] = value;
    return share;
  }

  #alarmed(row: number, t_s: number | null, score: number, contribution: ArrayLike<number>): void {
    const begun = { first_row: row, first_s: t_s, alarmed_rows: 0, peak_score: Number.NEGATIVE_INFINITY };
    this.#open ??= { ...begun, last_row: row, last_s: t_s, peak_row: row, threshold: 0, dominant: [] };
    const open = this.#open;
    open.last_row = row;
    open.last_s = t_s;
    open.alarmed_rows += 1;
    if (score <= open.peak_score) return;
    open.peak_score = score;
    open.peak_row = row;
    open.threshold = this.detector.threshold;
    open.dominant = Object.entries(this.#shares(contribution))
      .filter(([, share]) => share >= LEAST_SHARE)
      .sort((a, b) => b[1] - a[1])
      .slice(0, MOST_DOMINANT)
      .map(([dimension, share]) => ({ dimension, share }));
  }

  #close(): void {
    const open = this.#open;
    if (open === null) return;
    this.#open = null;
    this.#episode_count += 1;
    if (this.episodes.length >= MOST_EPISODES) return;
    const { row_interval_s, elapsed } = this.#settings;
    const { first_row, last_row, first_s, last_s, alarmed_rows, peak_score, peak_row, threshold, dominant } = open;
    const dated = first_s !== null && last_s !== null && !elapsed;
    const rows_s = (last_row - first_row + 1) * row_interval_s;
    this.episodes.push({
      first_row,
      last_row,
      start: dated ? iso_of(first_s) : null,
      end: dated ? iso_of(last_s + row_interval_s) : null,
      duration_s: first_s !== null && last_s !== null ? last_s - first_s + row_interval_s : rows_s,
      alarmed_rows,
      peak_score,
      peak_row,
      threshold,
      dominant,
    });
  }
}
