import { number_of } from "./cell.ts";
import { bad_cell, type Layout, MOST_DIMENSIONS } from "./layout.ts";
import type { CsvRecord } from "./records.ts";
import type { Row } from "./row.ts";
import { SpacingCounter } from "./spacing.ts";

const MAX_MAGNITUDE = 1e100;

/**
 * Records of a file with the columns `split` and `label`, one by one, in bounded memory. A missing value repeats the last one of
 * its column and is counted. Everything else that is not as expected is an OperatorError (exit code 2) naming file, line and column.
 */
export class LabelledRows {
  readonly dimensions: readonly string[];
  readonly spacing: SpacingCounter;
  /** Cells without a value so far. */
  missing_values = 0;
  readonly #file: string;
  readonly #layout: Layout;
  readonly #x: Float64Array;
  #testing = false;
  #first = true;

  constructor(file: string, layout: Layout, row_interval_s: number) {
    this.#file = file;
    this.#layout = layout;
    const { names, metrics, header } = layout;
    this.dimensions = metrics.map((column) => names[column]!);
    for (const [j, column] of metrics.entries()) {
      const name = names[column]!;
      if (j >= MOST_DIMENSIONS)
        throw this.#bad(header.line, column, name, `at most ${MOST_DIMENSIONS} dimensions`, false);
      if (name === "" || this.dimensions.indexOf(name) !== j) {
        throw this.#bad(header.line, column, name, "a name of its own for each dimension", false);
      }
    }
    this.#x = new Float64Array(metrics.length).fill(Number.NaN);
    this.spacing = new SpacingCounter(row_interval_s);
  }

  row({ line, cells }: CsvRecord): Row {
    const { names, split: split_at, label: label_at, metrics } = this.#layout;
    const columns = names.length;
    if (cells.length !== columns) {
      const is_empty = cells.length === 1 && cells[0] === "";
      const count = `${columns} columns, as in the first line (this one has ${is_empty ? 0 : cells.length})`;
      const column = is_empty ? 0 : Math.min(cells.length, columns);
      throw this.#bad(line, column, cells[columns], count);
    }
    const split = cells[split_at!]!;
    if (split !== "train" && split !== "test") throw this.#bad(line, split_at!, split, "train or test");
    if (split === "train" && this.#testing) throw this.#bad(line, split_at!, split, "test: the train rows come first");
    this.#testing = split === "test";
    const label = cells[label_at!]!;
    if (label !== "0" && label !== "1") throw this.#bad(line, label_at!, label, "0 or 1");
    for (const [j, column] of metrics.entries()) this.#take(line, j, column, cells[column]!);
    this.#first = false;
    const t_s = this.#time(line, cells);
    return { test: this.#testing, label: label === "1" ? 1 : 0, x: this.#x, t_s, missed: this.spacing.take(t_s) };
  }

  #take(line: number, j: number, column: number, cell: string): void {
    const value = number_of(cell, this.#layout.decimal);
    if (value === null) throw this.#bad(line, column, cell, "a finite number, or nothing where it is missing");
    if (Math.abs(value) > MAX_MAGNITUDE) throw this.#bad(line, column, cell, `a number up to ${MAX_MAGNITUDE}`);
    if (!Number.isNaN(value)) {
      this.#x[j] = value;
      return;
    }
    if (this.#first)
      throw this.#bad(line, column, cell, "a number in the first row: a missing value repeats the last one");
    this.missing_values += 1;
  }

  #time(line: number, cells: readonly string[]): number | null {
    const { time } = this.#layout;
    if (time === null) return null;
    const text = time.columns.map((column) => cells[column]).join(" ");
    const t_s = time.format.read(text);
    if (t_s === null)
      throw this.#bad(line, time.columns[0]!, text, `a time as in the rows before (${time.format.name})`);
    return t_s;
  }

  #bad(line: number, column: number, found: string | undefined, expected: string, named = true): Error {
    return bad_cell(this.#file, line, column, named ? this.#layout.names[column] : undefined, found, expected);
  }
}
