import type { Config } from "../config/index.ts";
import type {
  AlarmEpisode,
  AlarmSummary,
  BacktestSummary,
  CsvSummary,
  DetectorSummary,
  EpisodesSummary,
  LeftOut,
  RowView,
} from "../model/backtest.ts";
import { OperatorError } from "../model/error.ts";
import { CortexDetector } from "./cortex_detector.ts";
import { type ExportRows, export_rows, type TrainRows } from "./export_rows.ts";
import { ExportReader } from "./export_table.ts";
import { LabelledRows } from "./labelled.ts";
import { type Layout, LOOK_AHEAD, layout_of } from "./layout.ts";
import { events_of } from "./metrics.ts";
import { type CsvRecord, RecordReader, separator_of, tells_separator } from "./records.ts";
import type { Row } from "./row.ts";
import { SeedConsensus, seed_parts } from "./seed/consensus.ts";
import { interval_of, type SpacingCounter } from "./spacing.ts";
import { iso_of } from "./timestamp.ts";
import { Trial } from "./trial.ts";

const DEFAULT_INTERVAL_S = 300;

export interface CsvOptions {
  readonly config: Config;
  /** Null: from the times of the rows, or 5 min. */
  readonly row_interval_s: number | null;
  readonly asked_alarms_per_day: number;
  readonly budget_hours_per_day: number;
  /** For a file without `split`. */
  readonly train: TrainRows;
  /** The baseline judges as well. */
  readonly with_seed: boolean;
  /** Views of the judged rows are wanted: making one costs as much as judging. */
  readonly with_views: boolean;
}

/** A judged row; with the baseline, what that says of it. */
export type JudgedRow = RowView & { readonly seed?: { readonly score: number; readonly alarm: boolean } };

/** What came of a CSV: figures where it has labels, else episodes. The first summary is HOSA's, then the baseline's and its parts'. */
export type CsvResult =
  | { readonly labels: true; readonly summary: BacktestSummary; readonly beside: readonly DetectorSummary[] }
  | {
      readonly labels: false;
      readonly summary: EpisodesSummary;
      readonly episodes: readonly AlarmEpisode[];
      readonly beside: readonly EpisodesOf[];
    };

export type EpisodesOf = AlarmSummary & Pick<EpisodesSummary, "episodes" | "episodes_per_day" | "alarmed_rows">;

/** Where the rows of a file come from, and what is known of them when they have ended. */
interface Origin {
  readonly layout: Layout;
  readonly interval: Pick<CsvSummary, "row_interval_s" | "row_interval_from">;
  readonly spacing: SpacingCounter;
  readonly dimensions: readonly string[];
  readonly counts: () => Pick<CsvSummary, "missing_values" | "reordered_rows" | "merged_values"> & {
    readonly left_out: readonly LeftOut[];
    readonly told_apart_by: readonly string[];
  };
}

/**
 * A CSV against the detectors, line by line. With the columns `split` and `label` its rows are judged as they come; any other file is read
 * whole, its first rows are learned, the others judged.
 */
export class CsvBacktest {
  readonly #file: string;
  readonly #options: CsvOptions;
  #records: RecordReader | null = null;
  #first_lines: string[] = [];
  #waiting: CsvRecord[] = [];
  #labelled: LabelledRows | null = null;
  #export: ExportReader | null = null;
  #layout: Layout | null = null;
  #origin: Origin | null = null;
  #trials: readonly Trial[] = [];

  constructor(file: string, options: CsvOptions) {
    this.#file = file;
    this.#options = options;
  }

  /** Rows read so far. */
  get rows(): number {
    const hosa = this.#trials[0];
    return hosa === undefined ? (this.#export?.rows ?? 0) : hosa.train_rows + hosa.test_rows;
  }

  /** The views of the test rows among these lines. Throws OperatorError (exit code 2) naming the place of what cannot be read. */
  async take(lines: readonly string[]): Promise<readonly JudgedRow[]> {
    return await this.#lines(lines, false);
  }

  /** After the last line. Throws OperatorError (exit code 2) when nothing was judged. */
  async finish(): Promise<{ readonly views: readonly JudgedRow[]; readonly result: CsvResult }> {
    const views = [...(await this.#lines([], true))];
    if (this.#export !== null) views.push(...this.#judge_export(this.#export));
    const hosa = this.#trials[0];
    if (this.#origin === null || hosa === undefined || hosa.test_rows === 0) throw this.#nothing();
    for (const trial of this.#trials) trial.finish();
    return { views, result: this.#result(this.#origin, hosa) };
  }

  async #lines(lines: readonly string[], last: boolean): Promise<readonly JudgedRow[]> {
    let fresh = lines;
    if (this.#records === null) {
      this.#first_lines.push(...lines);
      if (this.#first_lines.length === 0 || (this.#first_lines.length < LOOK_AHEAD && !last)) return [];
      this.#records = new RecordReader(this.#file, separator_of(this.#first_lines.slice(0, LOOK_AHEAD)));
      fresh = this.#first_lines;
      this.#first_lines = [];
      if (tells_separator(fresh[0]!)) fresh = ["", ...fresh.slice(1)];
    }
    const records = [
      ...(fresh.length === 0 ? [] : await this.#records.take(fresh)),
      ...(last ? await this.#records.finish() : []),
    ];
    return this.#take_records(records, last);
  }

  #take_records(records: readonly CsvRecord[], last: boolean): readonly JudgedRow[] {
    let fresh = records;
    if (this.#layout === null) {
      this.#waiting.push(...records);
      if (this.#waiting.length < LOOK_AHEAD && !last) return [];
      this.#layout = layout_of(this.#file, this.#waiting);
      fresh = this.#begin(this.#layout);
      this.#waiting = [];
    }
    const views: JudgedRow[] = [];
    for (const record of fresh) {
      this.#export?.take(record);
      if (this.#labelled === null) continue;
      const view = this.#judge(this.#labelled.row(record));
      if (view !== null) views.push(view);
    }
    return views;
  }

  /** What the columns are is known: the records after the header. */
  #begin(layout: Layout): readonly CsvRecord[] {
    const rows = this.#waiting.slice(layout.preamble + 1);
    if (layout.split === null || layout.label === null) {
      this.#export = new ExportReader(this.#file, layout);
      return rows;
    }
    const times = layout.time;
    const read = rows.map(({ cells }) => times?.format.read(times.columns.map((column) => cells[column]).join(" ")));
    const interval = this.#interval(interval_of(read.filter((t_s) => t_s !== null && t_s !== undefined)));
    const labelled = new LabelledRows(this.#file, layout, interval.row_interval_s);
    this.#labelled = labelled;
    this.#open({
      layout,
      interval,
      spacing: labelled.spacing,
      dimensions: labelled.dimensions,
      counts: () => ({
        missing_values: labelled.missing_values,
        reordered_rows: 0,
        merged_values: 0,
        left_out: [],
        told_apart_by: [],
      }),
    });
    return rows;
  }

  #judge_export(reader: ExportReader): readonly JudgedRow[] {
    const layout = this.#layout!;
    const table = reader.get();
    if (table.rows === 0) throw this.#nothing();
    const { row_interval_s, train } = this.#options;
    const found: ExportRows = export_rows(this.#file, layout, table, train, row_interval_s);
    const { dimensions, spacing, interval_s, rows, ...counts } = found;
    this.#open({ layout, interval: this.#interval(interval_s), spacing, dimensions, counts: () => counts });
    const views: JudgedRow[] = [];
    for (const row of rows) {
      const view = this.#judge(row);
      if (view !== null) views.push(view);
    }
    return views;
  }

  #interval(median_s: number | null): Origin["interval"] {
    const given = this.#options.row_interval_s;
    if (given !== null) return { row_interval_s: given, row_interval_from: "given" };
    if (median_s !== null) return { row_interval_s: median_s, row_interval_from: "median" };
    return { row_interval_s: DEFAULT_INTERVAL_S, row_interval_from: "default" };
  }

  #open(origin: Origin): void {
    const { config, asked_alarms_per_day, budget_hours_per_day, with_seed } = this.#options;
    const { dimensions, layout } = origin;
    const { row_interval_s } = origin.interval;
    const elapsed = layout.time?.format.elapsed === true;
    const settings = { row_interval_s, asked_alarms_per_day, budget_hours_per_day, elapsed };
    const n = dimensions.length;
    const detectors = [
      new CortexDetector(dimensions, { config, row_interval_s, asked_alarms_per_day }),
      ...(with_seed ? [new SeedConsensus(n), ...seed_parts(n)] : []),
    ];
    this.#origin = origin;
    this.#trials = detectors.map((detector) => new Trial(detector, dimensions, settings));
  }

  /** Null for a train row, and where no view is wanted: without labels, episodes are shown instead. */
  #judge(row: Row): JudgedRow | null {
    const [hosa, seed, ...parts] = this.#trials;
    try {
      const view = hosa!.take(row);
      const beside = seed?.take(row) ?? null;
      for (const part of parts) part.take(row);
      if (view === null || row.label === null || !this.#options.with_views) return null;
      if (beside === null) return view();
      const { score, level } = beside();
      return { ...view(), seed: { score, alarm: level > 0 } };
    } catch (error) {
      if (!(error instanceof OperatorError)) throw error;
      throw new OperatorError(`${this.#file}: ${error.message}`, error.exit_code, error.hint, error);
    }
  }

  #result(origin: Origin, hosa: Trial): CsvResult {
    const csv = this.#csv_summary(origin, hosa);
    const beside = this.#trials.slice(1);
    if (origin.layout.label === null) {
      return {
        labels: false,
        summary: { ...csv, ...episodes_of(hosa), episodes_not_listed: hosa.episodes_not_listed },
        episodes: hosa.episodes,
        beside: beside.map(episodes_of),
      };
    }
    const events = events_of(hosa.labels);
    const event_rows = events.reduce((sum, { start, end }) => sum + end - start, 0);
    return {
      labels: true,
      summary: { ...csv, events: events.length, event_rows, ...hosa.summary() },
      beside: beside.map((trial) => trial.summary()),
    };
  }

  #csv_summary({ layout, interval, spacing, dimensions, counts }: Origin, hosa: Trial): CsvSummary {
    const { gap_s, longest_gap_from_s, ...steps } = spacing.get();
    const dated = longest_gap_from_s !== null && layout.time?.format.elapsed === false;
    const { left_out, told_apart_by, ...counted } = counts();
    return {
      file: this.#file,
      train_rows: hosa.train_rows,
      test_rows: hosa.test_rows,
      dimensions: dimensions.length,
      ...interval,
      time_column: layout.time?.name ?? null,
      time_format: layout.time?.format.name ?? null,
      ...steps,
      gap_s,
      longest_gap_from: dated ? iso_of(longest_gap_from_s) : null,
      ...counted,
      constant_dimensions: hosa.detector.constant,
      left_out,
      told_apart_by,
      skipped_lines: layout.header.line - 1,
    };
  }

  #nothing(): OperatorError {
    const train_rows = this.#trials[0]?.train_rows ?? 0;
    const found = this.#layout === null ? "it is empty" : `${train_rows} train rows and no test row`;
    const hint =
      "Give rows with split train, then test; or a CSV without these columns, of which the first rows are learned.";
    return new OperatorError(`${this.#file}: nothing to judge: ${found}`, 2, hint);
  }
}

function episodes_of(trial: Trial): EpisodesOf {
  const { episode_count, alarmed_rows, days } = trial;
  return { ...trial.alarm_summary(), episodes: episode_count, episodes_per_day: episode_count / days, alarmed_rows };
}
