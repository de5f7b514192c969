import { OperatorError } from "../model/error.ts";
import { type DecimalMark, decimal_mark, is_missing, number_of } from "./cell.ts";
import type { CsvRecord } from "./records.ts";
import { type TimeFormat, time_format } from "./timestamp.ts";

export const MOST_DIMENSIONS = 256;
/** Records looked at to say what the columns are. */
export const LOOK_AHEAD = 200;
const HINT =
  "Give a CSV whose first line names its columns: a time and one column per metric, or `split,label,metric…` with train or test, 0 or 1.";

/** Columns that hold a time, by the names exporters give them; earlier ones are preferred. */
const TIME_NAMES = [
  ..."_time @timestamp timestamp time datetime date_time ts clock date epoch unixtime unix_time".split(" "),
  ..."__timestamp__ timestamp_ms timestamp_us timestamp_ns time_ms time_us time_ns created_at".split(" "),
];
/** Columns that tell series apart even where they are numbers, and such that say nothing of a metric. */
const SERIES_NAMES = new Set([
  "itemid",
  "item",
  "metric",
  "series",
  "_field",
  "_measurement",
  "__name__",
  "name",
  "key",
]);
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const UNREADABLE = /[\0-\x08]/;
/** Part of the cells that are times in a column named so. */
const LEAST_TIMES = 0.5;
const IDLE_NAMES = new Set(["result", "table", "_start", "_stop", "ns", ""]);

/** The time of a row: one column, or a date and a time of day beside it. */
export interface TimeColumns {
  readonly columns: readonly number[];
  readonly name: string;
  readonly format: TimeFormat;
}

/** What the columns of a file are. Numbers are places of columns, from 0. */
export interface Layout {
  readonly names: readonly string[];
  readonly header: CsvRecord;
  /** Records before the header that are no rows. */
  readonly preamble: number;
  readonly split: number | null;
  readonly label: number | null;
  readonly time: TimeColumns | null;
  /** May hold metrics. */
  readonly metrics: readonly number[];
  /** Tell series apart by their name alone. */
  readonly series: readonly number[];
  readonly decimal: DecimalMark;
}

/** A place in a file that is not as it should be. */
export function bad_cell(
  file: string,
  line: number,
  column: number,
  name: string | undefined,
  found: string | undefined,
  expected: string,
): OperatorError {
  const place = `${file}:${line}: column ${column + 1}${name === undefined || name === "" ? "" : ` (${name})`}`;
  const shown =
    found === undefined ? "nothing" : JSON.stringify(found.length > 40 ? `${found.slice(0, 37)}...` : found);
  return new OperatorError(`${place}: found ${shown}, expected ${expected}`, 2, HINT);
}

/** Reads what the columns are off the first records. Throws OperatorError (exit code 2) naming the place. */
export function layout_of(file: string, records: readonly CsvRecord[]): Layout {
  const first = records.slice(0, LOOK_AHEAD);
  const at = header_at(file, first);
  const header = first[at]!;
  const names = names_of(header.cells);
  const unreadable = names.findIndex((name) => UNREADABLE.test(name));
  if (unreadable >= 0)
    throw bad_cell(file, header.line, unreadable, undefined, names[unreadable], "text: a CSV names its columns");
  const rows = first.slice(at + 1).filter((record) => !is_remark(record));
  const decimal = decimal_mark(rows.flatMap(({ cells }) => cells));
  const split = place_of(names, "split");
  const label = place_of(names, "label");
  const time = time_columns(names, rows, decimal, split !== null && label !== null);
  const taken = new Set([split, label, ...(time?.columns ?? [])]);
  const free = names.map((_, column) => column).filter((column) => !taken.has(column));
  const known = (column: number): string => names[column]!.toLowerCase();
  const is_long = time !== null && free.some((column) => /^_?val(?:ue)?$/.test(known(column)));
  const series = is_long ? free.filter((column) => SERIES_NAMES.has(known(column))) : [];
  const metrics = free.filter(
    (column) =>
      !series.includes(column) && !(time !== null && (IDLE_NAMES.has(known(column)) || is_time(known(column)))),
  );
  if (metrics.length === 0)
    throw bad_cell(file, header.line, names.length, undefined, undefined, "at least one dimension");
  return { names, header, preamble: at, split, label, time, metrics, series, decimal };
}

/** A line that is no row: blank, or one of the remarks some exports begin with `#`. */
export function is_remark({ cells }: CsvRecord): boolean {
  return (cells.length === 1 && cells[0]!.trim() === "") || cells[0]!.startsWith("#");
}

function is_time(name: string): boolean {
  return TIME_NAMES.includes(name);
}

function place_of(names: readonly string[], name: string): number | null {
  const at = names.indexOf(name);
  return at < 0 ? null : at;
}

/** The first record that names columns: by a name that is known, or by what follows it. */
function header_at(file: string, records: readonly CsvRecord[]): number {
  let before = -1;
  for (const [at, record] of records.entries()) {
    const { cells } = record;
    if (cells.length === 1 && cells[0]!.trim() === "") continue;
    const names = names_of(cells).map((name) => name.toLowerCase());
    const knows = names.some((name) => is_time(name) || name === "split" || /^\(pdh-csv/.test(name));
    if (knows && !cells.some((cell) => cell.startsWith("#group") || cell.startsWith("#datatype"))) return at;
    if (!cells.some(is_number)) {
      before = at;
      continue;
    }
    if (before >= 0 && records[before]!.cells.length === cells.length) return before;
    const column = cells.findIndex(is_number);
    throw bad_cell(
      file,
      record.line,
      column,
      undefined,
      cells[column],
      "the name of a column: the first line names them",
    );
  }
  if (before < 0) throw new OperatorError(`${file}: nothing to judge: it is empty`, 2, HINT);
  return records.findIndex((record) => !is_remark(record));
}

function is_number(cell: string): boolean {
  const value = number_of(cell, ".");
  return value !== null && !Number.isNaN(value);
}

/** Cells of the header as names: labels in braces may hold the separator, the first name may begin with `#`. */
function names_of(cells: readonly string[]): readonly string[] {
  const names: string[] = [];
  let open = false;
  for (const cell of cells) {
    if (open) names.push(`${names.pop()},${cell}`);
    else names.push(cell);
    const name = names.at(-1)!;
    open = name.lastIndexOf("{") > name.lastIndexOf("}");
  }
  return names.map((name, column) => (column === 0 ? name.replace(/^#\s*/, "") : name).replace(/\s+/g, " ").trim());
}

function time_columns(
  names: readonly string[],
  rows: readonly CsvRecord[],
  decimal: DecimalMark,
  by_name_only: boolean,
): TimeColumns | null {
  const cells = (column: number): readonly string[] => rows.map((row) => row.cells[column] ?? "");
  const single = (column: number, least: number): TimeColumns | null => {
    const format = time_format(cells(column), least);
    if (format === null || (format.elapsed && format.wraps_s === null && !ascends(cells(column), decimal))) return null;
    return { columns: [column], name: names[column]!, format };
  };
  const named = TIME_NAMES.flatMap((name) =>
    names.flatMap((one, column) => (one.toLowerCase() === name ? [column] : [])),
  );
  const found = named.map((column) => single(column, LEAST_TIMES)).filter((one) => one !== null);
  const joined = date_and_time(names, cells);
  const best = joined ?? found.find(({ format }) => !format.elapsed) ?? found[0];
  if (best !== undefined) return best;
  if (by_name_only) return null;
  for (const column of names.keys()) {
    const one = single(column, 1);
    const is_text = cells(column).some((cell) => !is_missing(cell.trim()) && !is_number(cell));
    if (one !== null && !one.format.elapsed && (is_text || column === 0)) return one;
  }
  return null;
}

/** A day in one column and a time of day in another, as collectl and spreadsheets have it. */
function date_and_time(names: readonly string[], cells: (column: number) => readonly string[]): TimeColumns | null {
  const formats = names.map((_, column) => time_format(cells(column)));
  const time = formats.findIndex((format) => format?.wraps_s != null);
  const date = formats.findIndex((_, column) => is_date(cells(column)));
  if (time < 0 || date < 0) return null;
  const times = cells(time);
  const format = time_format(cells(date).map((day, row) => `${day} ${times[row]}`));
  return format === null ? null : { columns: [date, time], name: `${names[date]} and ${names[time]}`, format };
}

function is_date(cells: readonly string[]): boolean {
  return (
    cells.length > 0 && cells.every((cell) => /^(?:\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}|(?:19|20)\d{6})$/.test(cell.trim()))
  );
}

/** A number that only counts up may be a time; one that goes up and down is a metric called "time". */
function ascends(cells: readonly string[], decimal: DecimalMark): boolean {
  const values = cells
    .map((cell) => number_of(cell, decimal))
    .filter((value) => value !== null && !Number.isNaN(value));
  return values.length > 1 && values.every((value, i) => i === 0 || value! > values[i - 1]!);
}
