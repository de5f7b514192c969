import { OperatorError } from "../model/error.ts";
import type { ExportTable, Words } from "./export_table.ts";
import { MOST_DIMENSIONS } from "./layout.ts";
import { interval_of } from "./spacing.ts";

/** Columns of equal length; NaN where there is no value. */
export interface Wide {
  readonly times: Float64Array | null;
  readonly columns: readonly { readonly name: string; readonly values: Float64Array }[];
  /** Place in the file of each row (of a pivoted one: of the first of its values). */
  readonly order: Uint32Array;
  /** Several values of one series that fell into one row: their mean is taken. */
  readonly merged_values: number;
  /** Columns that tell the series apart. */
  readonly told_apart_by: readonly string[];
}

const NAMES_METRIC = /^(?:itemid|item|metric|series|_field|field|__name__|name|key)$/i;
const IS_VALUE = /^_?val(?:ue)?$/i;

/** Rows by their times; where several rows of one time belong to different series, one column per series. */
export function arranged(file: string, table: ExportTable): Wide {
  const order = by_time(table);
  const series = identities(table);
  if (series === null || table.times === null || !tells_apart(table.times, order, series.of_row)) {
    const times = table.times === null ? null : Float64Array.from(order, (row) => table.times![row]!);
    const columns = table.numbers.map(({ name, values }) => ({
      name,
      values: Float64Array.from(order, (row) => values[row]!),
    }));
    return { times, columns, order, merged_values: 0, told_apart_by: [] };
  }
  const { length } = series.names;
  if (length * table.numbers.length > MOST_DIMENSIONS) {
    const found = `${length} series of ${table.numbers.length} values each`;
    const hint = `Filter the export: at most ${MOST_DIMENSIONS} dimensions are judged together.`;
    throw new OperatorError(`${file}: ${found} make more than ${MOST_DIMENSIONS} dimensions`, 2, hint);
  }
  return pivoted(table, order, series);
}

/** Places of the rows, oldest first; rows of the same time stay in their order. */
function by_time({ times, rows }: ExportTable): Uint32Array {
  const order = Uint32Array.from({ length: rows }, (_, row) => row);
  if (times === null) return order;
  for (let row = 1; row < rows; row++) {
    if (times[row]! < times[row - 1]!) return order.sort((a, b) => times[a]! - times[b]! || a - b);
  }
  return order;
}

interface Identities {
  readonly columns: readonly Words[];
  readonly names: readonly (readonly string[])[];
  readonly of_row: Uint32Array;
}

/** Which series each row belongs to, by all columns of words that differ; null where there is but one. */
function identities({ words, rows }: ExportTable): Identities | null {
  const columns = words.filter(({ column }) => column.words.length > 1 && !column.overflows);
  if (columns.length === 0) return null;
  const places = new Map<string, number>();
  const of_row = new Uint32Array(rows);
  const names: (readonly string[])[] = [];
  for (let row = 0; row < rows; row++) {
    const key = columns.map(({ column }) => column.codes[row]!).join(" ");
    let place = places.get(key);
    if (place === undefined) {
      place = names.length;
      places.set(key, place);
      names.push(columns.map(({ column }) => column.words[column.codes[row]!]!));
    }
    of_row[row] = place;
  }
  return { columns, names, of_row };
}

/** Two rows of the same time belong to different series, or the series come one after the other. */
function tells_apart(times: Float64Array, order: Uint32Array, of_row: Uint32Array): boolean {
  for (let i = 1; i < order.length; i++) {
    const [a, b] = [order[i - 1]!, order[i]!];
    if (times[a] === times[b] && of_row[a] !== of_row[b]) return true;
  }
  return times.some((t_s, row) => row > 0 && t_s < times[row - 1]! && of_row[row] !== of_row[row - 1]);
}

function pivoted(table: ExportTable, order: Uint32Array, series: Identities): Wide {
  const times = table.times!;
  const interval_s = series_interval(times, order, series) ?? 1;
  const begin_s = times[order[0]!]!;
  const bucket = (row: number): number => Math.round((times[row]! - begin_s) / interval_s);
  const firsts = order.filter((row, i) => i === 0 || bucket(row) !== bucket(order[i - 1]!));
  const width = table.numbers.length;
  const size = firsts.length;
  const sums = Array.from({ length: series.names.length * width }, () => new Float64Array(size));
  const counts = sums.map(() => new Uint16Array(size));
  let merged_values = 0;
  let place = -1;
  let last = Number.NEGATIVE_INFINITY;
  for (const row of order) {
    const now = bucket(row);
    if (now !== last) place += 1;
    last = now;
    for (const [k, { values }] of table.numbers.entries()) {
      const value = values[row]!;
      if (Number.isNaN(value)) continue;
      const j = series.of_row[row]! * width + k;
      sums[j]![place]! += value;
      if (counts[j]![place]! > 0) merged_values += 1;
      counts[j]![place]! += 1;
    }
  }
  const columns = sums.map((sum, j) => ({
    name: series_name(series, Math.floor(j / width), table.numbers[j % width]!.name),
    values: sum.map((value, i) => (counts[j]![i]! > 0 ? value / counts[j]![i]! : Number.NaN)),
  }));
  return {
    times: Float64Array.from(firsts, (row) => begin_s + bucket(row) * interval_s),
    columns: columns.filter(({ values }) => values.some((value) => !Number.isNaN(value))),
    order: firsts,
    merged_values,
    told_apart_by: series.columns.map(({ name }) => name),
  };
}

/** The usual step within a series. */
function series_interval(times: Float64Array, order: Uint32Array, { names, of_row }: Identities): number | null {
  const of_series = names.map((): number[] => []);
  for (const row of order) of_series[of_row[row]!]!.push(times[row]!);
  const steps = of_series.map(interval_of).filter((step) => step !== null);
  return steps.sort((a, b) => a - b)[steps.length >> 1] ?? null;
}

/** As Prometheus writes it: `metric{host="a"}`. */
function series_name({ columns, names }: Identities, place: number, value: string): string {
  const words = names[place]!;
  const metric = words.filter((_, i) => NAMES_METRIC.test(columns[i]!.name));
  const labels = columns.flatMap(({ name }, i) => (NAMES_METRIC.test(name) ? [] : [`${name}="${words[i]}"`]));
  const base = [...metric, ...(IS_VALUE.test(value) && metric.length > 0 ? [] : [value])].join(" ");
  return labels.length === 0 ? base : `${base}{${labels.join(",")}}`;
}
