import { describe, expect, test } from "bun:test";
import { number_of } from "../../src/backtest/cell.ts";
import { CsvBacktest, type CsvOptions, type CsvResult } from "../../src/backtest/csv_backtest.ts";
import { DEFAULT_TRAIN } from "../../src/backtest/export_rows.ts";
import { separator_of } from "../../src/backtest/records.ts";
import { iso_of, time_format } from "../../src/backtest/timestamp.ts";
import { default_config } from "../../src/config/index.ts";
import { BEGIN_S, EXPORTS, iso, type Measured, measured, ROWS } from "./export_fixture.ts";

const OPTIONS: CsvOptions = {
  config: default_config(),
  row_interval_s: null,
  asked_alarms_per_day: 24,
  budget_hours_per_day: 1,
  train: DEFAULT_TRAIN,
  with_seed: false,
  with_views: true,
};

async function judged(lines: readonly string[], options: Partial<CsvOptions> = {}): Promise<CsvResult> {
  const backtest = new CsvBacktest("e.csv", { ...OPTIONS, ...options });
  // As a reader hands them over: a line end within a cell is one more line.
  const text = lines
    .join("\n")
    .split("\n")
    .map((line) => (line.endsWith("\r") ? line.slice(0, -1) : line));
  const middle = Math.floor(text.length / 3);
  for (const part of [text.slice(0, 1), text.slice(1, middle), text.slice(middle)]) await backtest.take(part);
  return (await backtest.finish()).result;
}

async function episodes_in(lines: readonly string[], options: Partial<CsvOptions> = {}) {
  const result = await judged(lines, options);
  if (result.labels) throw new Error("no labels are expected");
  return result;
}

const DEFAULT_HEAD = "time,load,answers,memory";
const plain = (rows: readonly Measured[]): readonly string[] => [
  DEFAULT_HEAD,
  ...rows.map(({ t_s, cells }) => `${t_s},${cells.join(",")}`),
];

describe("what monitoring tools export gives the same episode", () => {
  test.each(Object.keys(EXPORTS))("%s", async (name) => {
    const { summary, episodes } = await episodes_in(EXPORTS[name]!(measured()));
    expect(summary).toMatchObject({ train_rows: 300, test_rows: 600, dimensions: 3, row_interval_s: 60 });
    expect(summary).toMatchObject({ row_interval_from: "median", gaps: 0, irregular_rows: 0, repeated_times: 0 });
    const [episode] = episodes.toSorted((a, b) => b.peak_score - a.peak_score);
    expect(episode).toMatchObject({ first_row: 600 });
    expect(episode!.start).toStartWith(iso(BEGIN_S + 60 * 600));
    expect(episode!.peak_row).toBeWithin(600, 620);
    expect(episode!.last_row).toBeLessThan(630);
    expect(episode!.dominant[0]!.dimension).toMatch(/answer|antwort|1001/i);
  });
});

describe("what is not regular is said", () => {
  test("gaps, late rows, missing values, constants, words, columns without a value", async () => {
    const rows = measured().filter((_, row) => !(row >= 400 && row < 440));
    const lines = rows.map(({ t_s, cells: [a, b, c] }, row) => {
      const late = row === 100 ? 40 : 0;
      return [t_s + late, a, row % 20 === 3 ? "None" : b, row === 0 ? "-" : c, "web1", "7", ""].join(",");
    });
    const { summary } = await episodes_in(["time,a,b,c,host,seven,nothing", ...lines]);
    expect(summary).toMatchObject({
      gaps: 1,
      missed_rows: 40,
      gap_s: 41 * 60,
      longest_gap_s: 41 * 60,
      longest_gap_from: `${iso(BEGIN_S + 399 * 60)}Z`,
      irregular_rows: 2,
      dimensions: 3,
      missing_values: 44,
      left_out: [
        { name: "nothing", why: "no value" },
        { name: "host", why: 'no number: "web1"' },
        { name: "seven", why: "always 7" },
      ],
    });
  });

  test("an episode does not reach over a gap", async () => {
    const rows = measured().filter((_, row) => row < 605 || row >= 612);
    const { episodes } = await episodes_in(plain(rows));
    expect(episodes.slice(0, 2).map(({ start, end }) => [start, end])).toEqual([
      [`${iso(BEGIN_S + 600 * 60)}Z`, `${iso(BEGIN_S + 605 * 60)}Z`],
      [`${iso(BEGIN_S + 612 * 60)}Z`, episodes[1]!.end],
    ]);
  });

  test("a column that begins late has its first value before; one that begins with a word is left out by name", async () => {
    const rows = measured();
    const lines = rows.map(({ t_s, cells: [a, b, c] }, row) =>
      [t_s, a, b, row < 250 ? "" : c, row < 250 ? "" : "up"].join(","),
    );
    const { summary } = await episodes_in([`${DEFAULT_HEAD},state`, ...lines]);
    expect(summary).toMatchObject({
      dimensions: 3,
      missing_values: 250,
      left_out: [{ name: "state", why: 'no number: "up"' }],
    });
  });

  test("several hosts in one file are judged side by side", async () => {
    const rows = measured().flatMap(({ t_s, cells: [a, b] }) =>
      ["h1", "h2"].map((host) => [t_s, host, a, b].join(",")),
    );
    const { summary, episodes } = await episodes_in(["time,host,load,answers", ...rows]);
    expect(summary).toMatchObject({ dimensions: 4, told_apart_by: ["host"], test_rows: 600 });
    expect(episodes[0]!.dominant.map(({ dimension }) => dimension)).toContain('answers{host="h1"}');
  });

  test("without times rows are counted, five minutes each unless said otherwise", async () => {
    const lines = ["load,answers,memory", ...measured().map(({ cells }) => cells.join(","))];
    const { summary, episodes } = await episodes_in(lines, { row_interval_s: 60 });
    expect(summary).toMatchObject({ time_column: null, row_interval_s: 60, row_interval_from: "given" });
    expect(episodes[0]).toMatchObject({ first_row: 600, start: null, end: null });
    expect((await episodes_in(lines)).summary).toMatchObject({ row_interval_s: 300, row_interval_from: "default" });
  });
});

describe("how many rows are learned", () => {
  test.each([
    [{ rows: 100 }, 100],
    [{ part: 0.5 }, ROWS / 2],
    [DEFAULT_TRAIN, ROWS / 3],
  ])("%j", async (train, train_rows) => {
    expect((await episodes_in(plain(measured()), { train })).summary).toMatchObject({
      train_rows,
      test_rows: ROWS - train_rows,
    });
  });

  test("the column split says it where there is one; a column label makes figures of episodes", async () => {
    const rows = measured();
    const split = rows.map(({ t_s, cells }, row) => `${t_s},${row < 450 ? "train" : "test"},${cells.join(",")}`);
    expect((await episodes_in(["time,split,a,b,c", ...split])).summary.train_rows).toBe(450);
    const label = rows.map(({ t_s, cells }, row) => `${t_s},${row >= 600 && row < 620 ? 1 : 0},${cells.join(",")}`);
    const result = await judged(["time,label,a,b,c", ...label]);
    expect(result.labels).toBe(true);
    expect(result.summary).toMatchObject({ train_rows: 300, events: 1, event_rows: 20, event_recall: 1 });
  });

  test("times beside split and label give the interval and the gaps", async () => {
    const rows = measured().filter((_, row) => row < 450 || row >= 460);
    const lines = rows.map(
      ({ t_s, cells }, row) => `${t_s};${row < 300 ? "train" : "test"};0;${cells.join(";").replaceAll(".", ",")}`,
    );
    const { summary } = await judged(["ts;split;label;a;b;c", ...lines]);
    expect(summary).toMatchObject({
      row_interval_s: 60,
      row_interval_from: "median",
      gaps: 1,
      missed_rows: 10,
      train_rows: 300,
    });
  });
});

describe("bad input is one error with its place", () => {
  const lines = plain(measured());
  const with_line = (place: number, line: string): readonly string[] => lines.toSpliced(place - 1, 1, line);
  test.each([
    [
      "a word among numbers",
      with_line(702, "1767267660,1,12a,3"),
      'e.csv:702: column 3 (answers): found "12a", expected a finite',
    ],
    [
      "infinite",
      with_line(702, "1767267660,1,+Inf,3"),
      'e.csv:702: column 3 (answers): found "+Inf", expected a finite number',
    ],
    [
      "a time that is none",
      with_line(702, "soon,1,2,3"),
      'e.csv:702: column 1 (time): found "soon", expected a time as in',
    ],
    [
      "a broken time among the first rows",
      with_line(3, "soon,1,2,3"),
      'e.csv:3: column 1 (time): found "soon", expected a time',
    ],
    [
      "a short row",
      with_line(702, "1767267660,1,2"),
      "e.csv:702: column 4 (memory): found nothing, expected 4 columns, as in line 1",
    ],
    [
      "a quote left open",
      with_line(702, '1767267660,"1,2,3'),
      "e.csv:702: column 2: a quote is opened in the row that begins here",
    ],
    ["no names", lines.slice(1), `e.csv:1: column 1: found "${BEGIN_S}", expected the name of a column`],
    ["words only", ["time,host", ...measured().map(({ t_s }) => `${t_s},a`)], 'no column moves (host: no number: "a")'],
    ["nothing but names", [DEFAULT_HEAD], "e.csv: nothing to judge: 0 train rows and no test row"],
    ["another header later on", with_line(702, "time,load,answers"), "e.csv:702: column 4 (memory): found nothing"],
  ])("%s", async (_name, text, message) => {
    await expect(judged(text)).rejects.toThrow(message);
  });

  test("more series than are judged together", async () => {
    const series = Array.from({ length: 300 }, (_, k) => `s${k}`);
    const rows = [0, 60, 120].flatMap((t) => series.map((name) => `${BEGIN_S + t},${name},1`));
    await expect(judged(["time,metric,value", ...rows])).rejects.toThrow(
      "300 series of 1 values each make more than 256",
    );
  });
});

test.each([
  ["2026-01-02T03:04:05.250Z", 1767323045.25],
  ["2026-01-02 03:04:05+0530", 1767323045 - 19_800],
  ["2026/01/02 03:04", 1767323040],
  ["20260102T030405Z", 1767323045],
  ["20260102030405", 1767323045],
  ["1767323045", 1767323045],
  ["1767323045.5", 1767323045.5],
  ["1767323045000", 1767323045],
  ["1767323045000000", 1767323045],
  ["1767323045000000000", 1767323045],
  ["02/Jan/2026:03:04:05 +0000", 1767323045],
  ["Jan 2, 2026 03:04:05", 1767323045],
  ["13.01.2026 03:04:05", 1768273445],
  ["01/13/2026 3:04:05 AM", 1768273445],
])("the time %s", (text, t_s) => {
  expect(time_format([text])?.read(text)).toBeCloseTo(t_s, 3);
});

test.each(["2026-02-30", "13:61:00", "web1", "1.2.3", "", "2026-01-01T25:00:00Z"])("%s is no time", (text) => {
  expect(time_format([text])).toBeNull();
});

test("a time is written back in UTC", () => {
  expect(iso_of(1767323045)).toBe("2026-01-02T03:04:05Z");
});

test.each([
  ["1.5", ".", 1.5],
  ["-.5e3", ".", -500],
  ["1,234.5", ".", 1234.5],
  ["0,5", ",", 0.5],
  ["1.234,5", ",", 1234.5],
  ["1.234", ",", 1234],
  ["45.2 %", ".", 45.2],
  ["1.5 GiB", ".", 1.5 * 1024 ** 3],
  ["20 ms", ".", 0.02],
  ["12a", ".", null],
  ["0x1f", ".", null],
  ["Infinity", ".", null],
] as const)("the cell %s with decimal mark %s", (cell, mark, value) => {
  expect(number_of(cell, mark)).toBe(value);
});

test.each(["", "NaN", "null", "None", "-", "n/a", "N/A", " ", "undefined", "NULL"])(
  '"%s" is a missing value',
  (cell) => {
    expect(number_of(cell, ".")).toBeNaN();
  },
);

test.each([
  [["a,b", "1,2"], ","],
  [["a;b", "1,5;2,5"], ";"],
  [["a\tb c", "1\t2"], "\t"],
  [['"a;b",c', '"1;2",3'], ","],
  [["sep=|", "a|b"], "|"],
  [["load", "1"], ","],
])("the separator of %j", (lines, separator) => {
  expect(separator_of(lines)).toBe(separator);
});
