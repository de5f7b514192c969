import type { LeftOut } from "../model/backtest.ts";
import { OperatorError } from "../model/error.ts";
import type { ExportTable } from "./export_table.ts";
import { bad_cell, type Layout, MOST_DIMENSIONS } from "./layout.ts";
import { arranged, type Wide } from "./pivot.ts";
import type { Row } from "./row.ts";
import { interval_of, SpacingCounter } from "./spacing.ts";

/** How many of the first rows are learned: a number of rows, or a part of all. */
export type TrainRows = { readonly rows: number } | { readonly part: number };

/** A file without `split` is learned from its first third. */
export const DEFAULT_TRAIN: TrainRows = { part: 1 / 3 };

/** An export as rows to judge, oldest first, without holes. */
export interface ExportRows {
  readonly dimensions: readonly string[];
  readonly rows: Iterable<Row>;
  /** The median step between rows; null without times. */
  readonly interval_s: number | null;
  readonly spacing: SpacingCounter;
  readonly missing_values: number;
  readonly left_out: readonly LeftOut[];
  readonly merged_values: number;
  readonly told_apart_by: readonly string[];
  /** Rows that stood before an older one. */
  readonly reordered_rows: number;
}

/** Throws OperatorError (exit code 2) where there is nothing to judge. */
export function export_rows(
  file: string,
  layout: Layout,
  table: ExportTable,
  train: TrainRows,
  row_interval_s: number | null,
): ExportRows {
  const arrangement = arranged(file, table);
  const wide = { ...arrangement, columns: named_apart(arrangement.columns) };
  const left_out = left_out_of(table, wide);
  const columns = wide.columns.filter(({ name }) => !left_out.some((one) => one.name === name));
  if (columns.length === 0) {
    const why = left_out.slice(0, 4).map((one) => `${one.name}: ${one.why}`);
    const hint = "Give a CSV with a column of numbers that change.";
    throw new OperatorError(`${file}: nothing to judge: no column moves (${why.join("; ") || "no rows"})`, 2, hint);
  }
  if (columns.length > MOST_DIMENSIONS) {
    const { column } = { column: layout.metrics[MOST_DIMENSIONS] ?? MOST_DIMENSIONS };
    const name = layout.names[column];
    throw bad_cell(file, layout.header.line, column, undefined, name, `at most ${MOST_DIMENSIONS} dimensions`);
  }
  const count = wide.order.length;
  const train_rows = "rows" in train ? train.rows : Math.max(1, Math.floor(train.part * count));
  const tests = tested(file, table, wide, train_rows);
  const interval_s = wide.times === null ? null : interval_of(wide.times);
  const spacing = new SpacingCounter(row_interval_s ?? interval_s ?? Number.POSITIVE_INFINITY);
  return {
    dimensions: columns.map(({ name }) => name),
    rows: rows_of(
      columns.map(({ values }) => values),
      table,
      wide,
      tests,
      spacing,
    ),
    interval_s,
    spacing,
    missing_values: columns.reduce((sum, { values }) => sum + filled(values), 0),
    left_out,
    merged_values: wide.merged_values,
    told_apart_by: wide.told_apart_by,
    reordered_rows: reordered(table),
  };
}

function* rows_of(
  columns: readonly Float64Array[],
  table: ExportTable,
  { times, order }: Wide,
  tests: Uint8Array,
  spacing: SpacingCounter,
): Generator<Row> {
  const x = new Float64Array(columns.length);
  for (let row = 0; row < order.length; row++) {
    for (const [j, values] of columns.entries()) x[j] = values[row]!;
    const t_s = times?.[row] ?? null;
    const label = table.label === null ? null : table.label[order[row]!] === 1 ? 1 : 0;
    yield { test: tests[row] === 1, label, x, t_s, missed: spacing.take(t_s) };
  }
}

/** Which rows are judged. Throws OperatorError (exit code 2) when none is, or a train row comes after a test row. */
function tested(file: string, { split }: ExportTable, { order }: Wide, train_rows: number): Uint8Array {
  const is_test = Uint8Array.from(order, (row, i) =>
    Number(split === null ? i >= train_rows : split.words[split.codes[row]!] === "test"),
  );
  const first = is_test.indexOf(1);
  if (first < 0) {
    const hint =
      split === null ? "Give fewer --train-rows, or a longer file." : "Give rows with split train, then test.";
    throw new OperatorError(`${file}: nothing to judge: ${order.length} train rows and no test row`, 2, hint);
  }
  if (is_test.lastIndexOf(0) > first) {
    const hint = "Order the rows by time, or leave the column split out and give --train-rows.";
    throw new OperatorError(`${file}: a train row comes after a test row`, 2, hint);
  }
  return is_test;
}

function left_out_of(table: ExportTable, wide: Wide): readonly LeftOut[] {
  const constant = wide.columns.flatMap(({ name, values }) => {
    const known = values.find((value) => !Number.isNaN(value));
    const moves = values.some((value) => !Number.isNaN(value) && value !== known);
    return moves ? [] : [{ name, why: `always ${known}` }];
  });
  const words = table.words
    .filter(({ name }) => !wide.told_apart_by.includes(name))
    .map(({ name, first }) => ({ name, why: `no number: ${JSON.stringify(first.slice(0, 40))}` }));
  return [...table.empty.map((name) => ({ name, why: "no value" })), ...words, ...constant];
}

/** Two columns of one name are told apart by a number. */
function named_apart(columns: Wide["columns"]): Wide["columns"] {
  const seen = new Map<string, number>();
  return columns.map(({ name, values }) => {
    const times = (seen.get(name) ?? 0) + 1;
    seen.set(name, times);
    return { name: times === 1 ? name : `${name} (${times})`, values };
  });
}

/** A missing value repeats the last one; those before the first are the first. Their number. */
function filled(values: Float64Array): number {
  let last = values.find((value) => !Number.isNaN(value))!;
  let missing = 0;
  for (let row = 0; row < values.length; row++) {
    if (Number.isNaN(values[row]!)) {
      values[row] = last;
      missing += 1;
    } else last = values[row]!;
  }
  return missing;
}

function reordered({ times }: ExportTable): number {
  let rows = 0;
  for (let row = 1; row < (times?.length ?? 0); row++) if (times![row]! < times![row - 1]!) rows += 1;
  return rows;
}
