import { OperatorError } from "../model/error.ts";

const MAX_DIMENSIONS = 256;
const MAX_MAGNITUDE = 1e100;
const NUMBER = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/;
const MISSING = /^(?:|nan)$/i;
const HINT = "A backtest reads `split,label,dim…`: train or test, 0 or 1, then one number per dimension.";

/** One data row. `x` is reused: it holds until the next row is parsed. */
export interface CsvRow {
  readonly test: boolean;
  readonly label: 0 | 1;
  readonly x: Float64Array;
}

/**
 * Rows of `split,label,dim…`, line by line. A missing value (empty or NaN) repeats the last one of its column and is
 * counted. Everything else that is not as expected is an OperatorError (exit code 2) naming file, line and column.
 */
export class CsvParser {
  readonly dimensions: readonly string[];
  /** Cells without a value so far. */
  missing_values = 0;
  readonly #file: string;
  readonly #x: Float64Array;
  #line = 1;
  #testing = false;
  #first = true;

  /** @param header the first line */
  constructor(file: string, header: string) {
    this.#file = file;
    const names = header.replace(/^\uFEFF/, "").split(",");
    for (const [column, expected] of ["split", "label"].entries()) {
      if (names[column] !== expected) throw this.#error(column, names[column], `the column name "${expected}"`);
    }
    this.dimensions = names.slice(2);
    if (this.dimensions.length === 0) throw this.#error(2, undefined, "at least one dimension");
    if (this.dimensions.length > MAX_DIMENSIONS) {
      throw this.#error(2 + MAX_DIMENSIONS, names[2 + MAX_DIMENSIONS], `at most ${MAX_DIMENSIONS} dimensions`);
    }
    for (const [j, name] of this.dimensions.entries()) {
      if (name.trim() === "" || this.dimensions.indexOf(name) !== j)
        throw this.#error(2 + j, name, "a name of its own for each dimension");
    }
    this.#x = new Float64Array(this.dimensions.length).fill(Number.NaN);
  }

  parse(text: string): CsvRow {
    this.#line += 1;
    const cells = text.split(",");
    const columns = this.dimensions.length + 2;
    if (cells.length !== columns) {
      const count = `${columns} columns, as in the first line (this one has ${text === "" ? 0 : cells.length})`;
      throw this.#error(Math.min(cells.length, columns), cells[columns], count);
    }
    const split = cells[0];
    if (split !== "train" && split !== "test") throw this.#error(0, split, "train or test");
    if (split === "train" && this.#testing) throw this.#error(0, split, "test: the train rows come first");
    this.#testing = split === "test";
    const label = cells[1];
    if (label !== "0" && label !== "1") throw this.#error(1, label, "0 or 1");
    for (let j = 0; j < this.#x.length; j++) this.#take(j, cells[j + 2] ?? "");
    this.#first = false;
    return { test: this.#testing, label: label === "1" ? 1 : 0, x: this.#x };
  }

  #take(j: number, cell: string): void {
    if (NUMBER.test(cell)) {
      const value = Number(cell);
      if (Math.abs(value) > MAX_MAGNITUDE) throw this.#error(j + 2, cell, `a number up to ${MAX_MAGNITUDE}`);
      this.#x[j] = value;
      return;
    }
    if (!MISSING.test(cell)) throw this.#error(j + 2, cell, "a finite number, or nothing where it is missing");
    if (this.#first) throw this.#error(j + 2, cell, "a number in the first row: a missing value repeats the last one");
    this.missing_values += 1;
  }

  #error(column: number, found: string | undefined, expected: string): OperatorError {
    const name = this.#line > 1 && column >= 2 ? this.dimensions[column - 2] : undefined;
    const place = `${this.#file}:${this.#line}: column ${column + 1}${name === undefined ? "" : ` (${name})`}`;
    const shown =
      found === undefined ? "nothing" : JSON.stringify(found.length > 40 ? `${found.slice(0, 37)}...` : found);
    return new OperatorError(`${place}: found ${shown}, expected ${expected}`, 2, HINT);
  }
}
