import { CsvBacktest, type CsvOptions, type CsvResult } from "../../backtest/csv_backtest.ts";
import { DEFAULT_TRAIN, type TrainRows } from "../../backtest/export_rows.ts";
import { FlightReplay } from "../../backtest/flight.ts";
import { LineReader } from "../../backtest/lines.ts";
import { counted } from "../../model/counted.ts";
import { OperatorError } from "../../model/error.ts";
import { all_visible } from "../../model/visible.ts";
import { backtest_text, episodes_text, flight_text } from "../../report/backtest.ts";
import type { Style } from "../../report/style.ts";
import type { Context, ExitCode } from "../context.ts";
import { configured, type GlobalOptions } from "../options.ts";
import { Progress } from "../progress.ts";

export interface ReplayOptions extends GlobalOptions {
  readonly set: readonly string[];
  /** Seconds. */
  readonly rowInterval?: number;
  readonly alarmsPerDay?: number;
  readonly budgetHours: number;
  readonly trainRows?: TrainRows;
  readonly detector: "hosa" | "seed";
  /** Options that stand on the command line, as they are typed: those of a CSV change nothing in a flight. */
  readonly given: readonly string[];
}

const OF_A_CSV = ["--row-interval", "--alarms-per-day", "--budget-hours", "--train-rows", "--detector", "--set"];

/** Either of the two things that can be replayed: lines in, views of rows and one summary out. */
interface Job {
  readonly rows: number;
  /** What is printed as JSON, one object a line. */
  take(lines: readonly string[]): Promise<readonly object[]>;
  finish(
    paint: Style,
  ): Promise<{ readonly objects: readonly object[]; readonly text: string; readonly code: ExitCode }>;
}

/** A backtest on a CSV, or a recorded flight decided again. Exit code 1 when a flight's decisions differ. */
export async function replay(file: string, options: ReplayOptions, context: Context): Promise<ExitCode> {
  const { output, signal } = context;
  const reader = new LineReader(file);
  const progress = new Progress(output);
  const make_backtest = csv_job(reader.name, options);
  const as_json = options.output === "json";
  const deliver = async (objects: readonly object[]): Promise<void> => {
    if (as_json && objects.length > 0) await output.deliver_json(objects);
  };
  let job: Job | null = null;
  try {
    for await (const lines of reader.lines()) {
      job ??= lines[0]?.startsWith("{") === true ? flight_job(reader.name, options) : make_backtest();
      await deliver(await job.take(lines));
      progress.update(reader.progress, job.rows);
      if (output.closed) return 0;
      if (signal.aborted)
        throw new OperatorError(`stopped after ${counted(job.rows, "row")}`, 1, "Nothing was changed.");
    }
    job ??= make_backtest();
    const { objects, text, code } = await job.finish(output.paint);
    progress.clear();
    await deliver(objects);
    if (!as_json) await output.deliver(text);
    return code;
  } finally {
    progress.clear();
  }
}

/** The configuration is checked before the file is read. */
function csv_job(name: string, options: ReplayOptions): () => Job {
  const config = configured(options, options.set);
  const settings: CsvOptions = {
    config,
    row_interval_s: options.rowInterval ?? null,
    asked_alarms_per_day: options.alarmsPerDay ?? 24 * config.thresholds.vigilance_per_hour,
    budget_hours_per_day: options.budgetHours,
    train: options.trainRows ?? DEFAULT_TRAIN,
    with_seed: options.detector === "seed",
    with_views: options.output === "json",
  };
  return () => {
    const backtest = new CsvBacktest(name, settings);
    return {
      get rows() {
        return backtest.rows;
      },
      take: (lines) => backtest.take(lines),
      finish: async (paint) => {
        const { views, result } = await backtest.finish();
        return {
          objects: [...views, ...result_objects(result)],
          text: result_text(all_visible(result), paint),
          code: 0,
        };
      },
    };
  };
}

/** Episodes, where there are no labels, then the summaries. */
function result_objects(result: CsvResult): readonly object[] {
  const [seed, ...seed_parts] = result.beside;
  const beside = seed === undefined ? {} : { seed, seed_parts };
  return [...(result.labels ? [] : result.episodes), { summary: result.summary, ...beside }];
}

function result_text(result: CsvResult, paint: Style): string {
  return result.labels
    ? backtest_text(result.summary, result.beside, paint)
    : episodes_text(result.summary, result.episodes, result.beside, paint);
}

function flight_job(name: string, { given, output }: ReplayOptions): Job {
  const with_views = output === "json";
  const idle = given.filter((option) => OF_A_CSV.includes(option));
  if (idle.length > 0) {
    const hint = "A flight is decided again as it was recorded; `hosa what-if` decides it with another configuration.";
    throw new OperatorError(`replay ${name}: a flight takes no ${idle.join(", ")}`, 2, hint);
  }
  const flight = new FlightReplay(name);
  return {
    get rows() {
      return flight.rows;
    },
    take: async (lines) =>
      lines.flatMap((line) => {
        const view = flight.take(line);
        return with_views && view !== null ? [view()] : [];
      }),
    finish: async (paint) => {
      const summary = flight.summary();
      return {
        objects: [{ summary }],
        text: flight_text(all_visible(summary), paint),
        code: summary.identical ? 0 : 1,
      };
    },
  };
}
