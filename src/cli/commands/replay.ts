import { Backtest } from "../../backtest/backtest.ts";
import { CortexDetector } from "../../backtest/cortex_detector.ts";
import { FlightReplay } from "../../backtest/flight.ts";
import { LineReader } from "../../backtest/lines.ts";
import { OperatorError } from "../../model/error.ts";
import { backtest_text, flight_text } from "../../report/backtest.ts";
import type { Style } from "../../report/style.ts";
import type { Context, ExitCode } from "../context.ts";
import { configured, type GlobalOptions } from "../options.ts";
import { Progress } from "../progress.ts";

export interface ReplayOptions extends GlobalOptions {
  readonly set: readonly string[];
  /** Seconds. */
  readonly rowInterval: number;
  readonly alarmsPerDay?: number;
  readonly budgetHours: number;
}

/** Either of the two things that can be replayed: lines in, views of rows and one summary out. */
interface Job {
  readonly rows: number;
  take(line: string): (() => unknown) | null;
  finish(paint: Style): { readonly summary: object; readonly text: string; readonly code: ExitCode };
}

/** A backtest on a CSV, or a recorded flight decided again. Exit code 1 when a flight's decisions differ. */
export async function replay(file: string, options: ReplayOptions, context: Context): Promise<ExitCode> {
  const { output, signal } = context;
  const reader = new LineReader(file);
  const progress = new Progress(output);
  const make_backtest = backtest_job(reader.name, options);
  let job: Job | null = null;
  try {
    for await (const lines of reader.lines()) {
      job ??= lines[0]?.startsWith("{") === true ? flight_job(reader.name) : make_backtest();
      const printed: string[] = [];
      for (const line of lines) {
        const view = job.take(line);
        if (view !== null && options.output === "json") printed.push(`${JSON.stringify(view())}\n`);
      }
      if (printed.length > 0) await output.deliver(printed.join(""));
      progress.update(reader.progress, job.rows);
      if (output.closed) return 0;
      if (signal.aborted) throw new OperatorError(`stopped after ${job.rows} rows`, 1, "Nothing was changed.");
    }
    job ??= make_backtest();
    const { summary, text, code } = job.finish(output.paint);
    progress.clear();
    await output.deliver(options.output === "json" ? `${JSON.stringify({ summary })}\n` : text);
    return code;
  } finally {
    progress.clear();
  }
}

/** The configuration is checked before the file is read. */
function backtest_job(name: string, options: ReplayOptions): () => Job {
  const config = configured(options, options.set);
  const row_interval_s = options.rowInterval;
  const vigilance_per_day = options.alarmsPerDay ?? 24 * config.thresholds.vigilance_per_hour;
  const settings = { row_interval_s, vigilance_per_day, budget_hours_per_day: options.budgetHours };
  return () => {
    const make = (dimensions: readonly string[]) =>
      new CortexDetector(dimensions, { config, row_interval_s, vigilance_per_day });
    const backtest = new Backtest(name, make, settings);
    return {
      get rows() {
        return backtest.rows;
      },
      take: (line) => backtest.take(line),
      finish: (paint) => {
        const summary = backtest.summary();
        return { summary, text: backtest_text(summary, paint), code: 0 };
      },
    };
  };
}

function flight_job(name: string): Job {
  const flight = new FlightReplay(name);
  return {
    get rows() {
      return flight.rows;
    },
    take: (line) => flight.take(line),
    finish: (paint) => {
      const summary = flight.summary();
      return { summary, text: flight_text(summary, paint), code: summary.identical ? 0 : 1 };
    },
  };
}
