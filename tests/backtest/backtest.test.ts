import { describe, expect, test } from "bun:test";
import { CsvBacktest, type CsvOptions } from "../../src/backtest/csv_backtest.ts";
import type { RowDetector } from "../../src/backtest/detector.ts";
import { DEFAULT_TRAIN } from "../../src/backtest/export_rows.ts";
import { LabelledRows } from "../../src/backtest/labelled.ts";
import { layout_of } from "../../src/backtest/layout.ts";
import { RecordReader } from "../../src/backtest/records.ts";
import { resolutions } from "../../src/backtest/resolution.ts";
import { Trial } from "../../src/backtest/trial.ts";
import { default_config, parse_config } from "../../src/config/index.ts";
import type { BacktestSummary, RowView } from "../../src/model/backtest.ts";
import { seeded } from "../simulation/service.ts";

const SETTINGS = { row_interval_s: 300, asked_alarms_per_day: 1, budget_hours_per_day: 1, elapsed: false };

/** A detector whose score is the first column and whose alarm is a score of 10 or more; remembers what it was shown. */
function transparent(seen: { learned: number[][]; scored: number[][]; finished: number }): RowDetector {
  return {
    name: "hosa",
    scored_by: "distance",
    learn: (x) => seen.learned.push([...x]),
    skip: () => {},
    finish_warmup: () => seen.finished++,
    score: (x) => {
      seen.scored.push([...x]);
      return { score: x[0]!, alarm: x[0]! >= 10, level: x[0]! >= 10 ? 1 : 0, contribution: [x[0]!, 1] };
    },
    threshold: 10,
    constant: [],
  };
}

async function run(lines: readonly string[]) {
  const seen = { learned: [] as number[][], scored: [] as number[][], finished: 0 };
  const reader = new RecordReader("a.csv", ",");
  const records = [...(await reader.take(lines)), ...(await reader.finish())];
  const rows = new LabelledRows("a.csv", layout_of("a.csv", records), SETTINGS.row_interval_s);
  const trial = new Trial(transparent(seen), rows.dimensions, SETTINGS);
  const views: RowView[] = [];
  for (const record of records.slice(1)) {
    const view = trial.take(rows.row(record));
    if (view !== null) views.push(view());
  }
  return { seen, views, summary: trial.summary(), missing_values: rows.missing_values, train_rows: trial.train_rows };
}

const HEAD = "split,label,a,b";

describe("a backtest", () => {
  test("known answers: two events, one found a row late, one false run", async () => {
    const labels = [0, 0, 1, 1, 1, 0, 0, 0, 1, 0, 0, 0];
    const scores = [1, 2, 3, 12, 11, 10, 1, 15, 4, 2, 1, 1];
    const rows = labels.map((label, row) => `test,${label},${scores[row]},0`);
    const { summary, views, seen, train_rows } = await run([HEAD, "train,1,5,6", "train,0,7,8", ...rows]);
    expect(seen).toMatchObject({
      learned: [
        [5, 6],
        [7, 8],
      ],
      finished: 1,
    });
    expect(seen.scored).toHaveLength(12);
    expect(views[0]).toEqual({ row: 2, score: 1, level: 0, share: { a: 0.5, b: 0.5 } });
    expect(views[3]).toMatchObject({ row: 5, score: 12, level: 1, share: { a: 12 / 13, b: 1 / 13 } });
    const days = (12 * 300) / 86400;
    expect(train_rows).toBe(2);
    expect(summary).toMatchObject({
      event_recall: 0.5,
      delay_median: 1,
      delay_median_s: 300,
      threshold: 10,
      event_recall_at_budget: 0,
      threshold_at_budget: 15,
    });
    // The one hour there is has an alarm; of its two false ones only the lone one is a run of its own.
    expect(summary.alarm_hours_per_day).toBeCloseTo(1 / days, 12);
    expect(summary.false_alarm_hours_per_day).toBeCloseTo(1 / days, 12);
    expect(summary.false_alarm_runs_per_day).toBeCloseTo(1 / days, 12);
    expect(summary.auc_roc).toBeCloseTo((6 + 7 + 7 + 6) / 32, 12);
    // Ranks of the labelled rows: 12 is 2nd, 11 3rd, 4 is 5th, 3 6th.
    expect(summary.auc_pr).toBeCloseTo((1 / 2 + 2 / 3 + 3 / 5 + 4 / 6) / 4, 12);
  });

  test("a missing value repeats the last one of its column, and is counted", async () => {
    const rows = ["train,0,5,6", "train,0,n/a,7", "test,0,NaN,8", "test,0,null,", "test,1,1e1,-.5"];
    const { missing_values, seen } = await run([HEAD, ...rows]);
    expect(seen.learned).toEqual([
      [5, 6],
      [5, 7],
    ]);
    expect(seen.scored).toEqual([
      [5, 8],
      [5, 8],
      [10, -0.5],
    ]);
    expect(missing_values).toBe(4);
  });

  test("without any event, nothing is measured on events", async () => {
    expect((await run([HEAD, "train,0,1,1", "test,0,1,1"])).summary).toMatchObject({
      auc_pr: null,
      auc_roc: null,
      event_recall: null,
      delay_median: null,
      event_recall_at_budget: null,
    });
  });
});

describe("bad input is one error with its place and what was expected", () => {
  test.each([
    ["no header", ["1,2,3"], 'a.csv:1: column 1: found "1", expected the name of a column'],
    ["no dimension", ["split,label"], "a.csv:1: column 3: found nothing, expected at least one dimension"],
    ["a name twice", ["split,label,a,a"], 'a.csv:1: column 4: found "a", expected a name of its own'],
    ["no name", ["split,label,"], 'a.csv:1: column 3: found "", expected a name of its own'],
    ["too wide", [`split,label${Array.from({ length: 257 }, (_, j) => `,x${j}`).join("")}`], "expected at most 256"],
    ["a word", [HEAD, "train,0,1,x2"], 'a.csv:2: column 4 (b): found "x2", expected a finite number'],
    ["hexadecimal", [HEAD, "train,0,0x1f,2"], 'a.csv:2: column 3 (a): found "0x1f", expected a finite number'],
    ["infinite", [HEAD, "train,0,Infinity,2"], "expected a finite number"],
    ["too large", [HEAD, "train,0,1,1e300"], "expected a number up to 1e+100"],
    ["text behind a quote", [HEAD, 'train,0,"1"x,2'], 'a.csv:2: column 3 (a): found "\\"1\\"x"'],
    ["a quote left open", [HEAD, "train,0,1,2", 'train,0,"1,2', "train,0,1,2"], "a.csv:3: column 3: a quote is opened"],
    ["a split", [HEAD, "valid,0,1,2"], 'a.csv:2: column 1 (split): found "valid", expected train or test'],
    ["a label", [HEAD, "train,2,1,2"], 'a.csv:2: column 2 (label): found "2", expected 0 or 1'],
    ["missing at once", [HEAD, "train,0,,2"], 'a.csv:2: column 3 (a): found "", expected a number in the first row'],
    ["a short row", [HEAD, "train,0,1,1", "train,0,1"], "a.csv:3: column 4 (b): found nothing, expected 4 columns"],
    [
      "a long row",
      [HEAD, "train,0,1,1,9"],
      'a.csv:2: column 5: found "9", expected 4 columns, as in the first line (this one has 5)',
    ],
    ["an empty line", [HEAD, ""], "expected 4 columns, as in the first line (this one has 0)"],
    [
      "train after test",
      [HEAD, "test,0,1,1", "train,0,1,1"],
      'a.csv:3: column 1 (split): found "train", expected test',
    ],
  ])("%s", async (_name, lines, message) => {
    await expect(run(lines)).rejects.toThrow(message);
  });

  test.each([
    ["nothing at all", [], "a.csv: nothing to judge: it is empty"],
    ["no test row", [HEAD, "train,0,1,1"], "a.csv: nothing to judge: 1 train rows and no test row"],
  ])("%s", async (_name, lines, message) => {
    const backtest = new CsvBacktest("a.csv", OPTIONS);
    await backtest.take(lines);
    await expect(backtest.finish()).rejects.toThrow(message);
  });
});

/** A node of three dimensions: two move together, one is constant; an event breaks the bond of the two. */
function* rows_of(train: number, test_rows: number, seed: number): Generator<string> {
  const random = seeded(seed);
  const noise = () => random() + random() + random() - 1.5;
  yield "split,label,load,answers,constant";
  for (let row = 0; row < train + test_rows; row++) {
    const event = row >= train && Math.floor((row - train) / 50) % 10 === 9;
    const load = 10 + noise();
    const answers = event ? 20 - 2 * noise() - 4 : 2 * load + 0.1 * noise();
    yield `${row < train ? "train" : "test"},${event ? 1 : 0},${load.toFixed(3)},${answers.toFixed(3)},7`;
  }
}

const OPTIONS: CsvOptions = {
  config: default_config(),
  row_interval_s: 300,
  asked_alarms_per_day: 1,
  budget_hours_per_day: 1,
  train: DEFAULT_TRAIN,
  with_seed: false,
  with_views: true,
};

async function judged(lines: Iterable<string>, config = default_config(), asked_alarms_per_day = 1) {
  const backtest = new CsvBacktest("n.csv", { ...OPTIONS, config, asked_alarms_per_day });
  const first = await backtest.take([...lines]);
  const { views, result } = await backtest.finish();
  if (!result.labels) throw new Error("the rows have labels");
  const summary: BacktestSummary = result.summary;
  return { views: [...first, ...views].map((view) => JSON.stringify(view)), summary };
}

describe("the agent's own judgement on rows", async () => {
  test("finds broken bonds between dimensions that stay within their own ranges, and little else", async () => {
    const { summary, views } = await judged(rows_of(1000, 2000, 1));
    expect(summary).toMatchObject({ events: 4, event_recall: 1, delay_median: 0, constant_dimensions: ["constant"] });
    expect(summary.auc_pr).toBeGreaterThan(0.95);
    expect(summary.event_recall_at_budget).toBe(1);
    expect(summary.false_alarm_hours_per_day).toBeLessThan(2);
    const shares = Object.values(JSON.parse(views[0]!).share as Record<string, number>);
    expect(shares.reduce((sum, share) => sum + share, 0)).toBeCloseTo(1, 9);
  });

  test("the same rows give the same views; labels do not reach it", async () => {
    const first = await judged(rows_of(500, 600, 2));
    expect((await judged(rows_of(500, 600, 2))).views).toEqual(first.views);
    const unlabelled = [...rows_of(500, 600, 2)].map((line) => line.replace(/^(train|test),1/, "$1,0"));
    expect((await judged(unlabelled)).views).toEqual(first.views);
  });

  test("a stricter budget never lowers the threshold; fixed thresholds are taken as they are", async () => {
    const loose = (await judged(rows_of(2000, 100, 3), default_config(), 1000)).summary.threshold;
    const strict = (await judged(rows_of(2000, 100, 3), default_config(), 0.001)).summary.threshold;
    expect(strict).toBeGreaterThanOrEqual(loose);
    const fixed = parse_config("thresholds: { mode: fixed, fixed: [2, 5, 7, 9] }", "t");
    expect((await judged(rows_of(500, 100, 3), fixed)).summary.threshold).toBe(2);
  });

  test("odd train rows do not keep the warm-up from ending", async () => {
    const lines = [...rows_of(1000, 500, 4)];
    for (let k = 300; k < 900; k += 100) {
      for (let row = k; row < k + 15; row++) lines[row] = "train,0,900,-900,7";
    }
    const { summary } = await judged(lines);
    expect(Number.isFinite(summary.threshold)).toBe(true);
  });

  test("more train rows than are held are learned as they come", async () => {
    expect((await judged(rows_of(21_000, 500, 5))).summary).toMatchObject({ train_rows: 21_000, event_recall: 1 });
  });

  test("too few train rows are said so, with the number that is enough", async () => {
    const message = "n.csv: cannot learn from 7 train rows: 3 dimensions need 8";
    await expect(judged(rows_of(7, 10, 6))).rejects.toThrow(message);
    await expect(judged(rows_of(0, 10, 6))).rejects.toThrow("n.csv: cannot learn from 0 train rows");
    expect((await judged(rows_of(8, 10, 6))).summary.test_rows).toBe(10);
  });

  test("a warm-up with an incident and spikes ends, however many rows were left out of it", async () => {
    const { summary } = await judged(incident_and_spikes());
    expect(summary).toMatchObject({ train_rows: 572, test_rows: 20 });
    expect(Number.isFinite(summary.threshold)).toBe(true);
  });

  test("where too few rows are regular, the message says how many are needed", async () => {
    const odd = (row: number): string => `${row % 2 === 0 ? 1000 + 997 * (row % 7) : 0},${row % 3}`;
    const rows = Array.from({ length: 30 }, (_, row) => `train,0,${odd(row)}`);
    const { summary } = await judged(["split,label,a,b", ...rows, "test,0,1,1"]);
    expect(summary.train_rows).toBe(30);
    const few = rows.slice(0, 7);
    await expect(judged(["split,label,a,b", ...few, "test,0,1,1"])).rejects.toThrow(
      "cannot learn from 7 train rows: 2 dimensions need 8",
    );
  });
});

/** 572 train rows of which "only 566 were regular", so that two warm-ups did not end. */
function incident_and_spikes(train = 572, n = 5): readonly string[] {
  const random = seeded(16);
  const noise = () => random() + random() + random() - 1.5;
  const from = Math.floor(train * random() * 0.5);
  const long = 10 + Math.floor(60 * random());
  const high = 3 + 40 * random();
  const begin = Math.floor(train * (0.3 + 0.4 * random()));
  const every = 2 + Math.floor(5 * random());
  const spike = 20 + 60 * random();
  const lines = [`split,label,${Array.from({ length: n }, (_, j) => `m${j}`).join(",")}`];
  for (let row = 0; row < train + 20; row++) {
    const common = noise();
    const spiked = row > begin && row < train && row % every === 0 ? spike : 0;
    const extra = row >= from && row < from + long ? high * random() : spiked;
    const cells = Array.from({ length: n }, (_, j) => (common + noise() + (j % 2 === 0 ? extra : 0)).toFixed(3));
    lines.push(`${row < train ? "train" : "test"},0,${cells.join(",")}`);
  }
  return lines;
}

test("the resolution: a hundredth of the range, or of the magnitude where nothing moved", async () => {
  const rows = [Float64Array.of(1, 5000, 0, 300), Float64Array.of(3, 5001, 0, 300), Float64Array.of(2, 5000, 0, 300)];
  const { resolution, constant } = resolutions(rows);
  expect(resolution).toEqual([0.02, 0.01, 0.01, 3]);
  expect(constant).toEqual([false, false, true, true]);
});
