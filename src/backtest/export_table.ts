import { is_missing, number_of } from "./cell.ts";
import { check_size, NumberColumn, WordColumn } from "./columns.ts";
import { bad_cell, is_remark, type Layout } from "./layout.ts";
import type { CsvRecord } from "./records.ts";

const MAX_MAGNITUDE = 1e100;

/** What a column turned out to hold: its first value decides. */
interface ColumnState {
  readonly column: number;
  readonly name: string;
  numbers: NumberColumn | null;
  words: WordColumn | null;
  /** Values of it so far. */
  known: number;
  first: string;
}

/** Rows of an export as they stand in the file. */
export interface ExportTable {
  readonly rows: number;
  /** Seconds; null where the file has no times. */
  readonly times: Float64Array | null;
  readonly numbers: readonly { readonly name: string; readonly values: Float64Array }[];
  readonly words: readonly Words[];
  readonly split: WordColumn | null;
  readonly label: Float64Array | null;
  /** Columns without a value in any row. */
  readonly empty: readonly string[];
}

/** A column of words, and the first of them. */
export interface Words {
  readonly name: string;
  readonly column: WordColumn;
  readonly first: string;
}

/** Collects the records of an export: which columns hold numbers, their first values say. Memory is bounded. */
export class ExportReader {
  readonly #file: string;
  readonly #layout: Layout;
  readonly #columns: readonly ColumnState[];
  readonly #times: NumberColumn | null;
  readonly #split: WordColumn | null;
  readonly #label: NumberColumn | null;
  #rows = 0;
  #wrapped_s = 0;
  #last_s = Number.NEGATIVE_INFINITY;

  constructor(file: string, layout: Layout) {
    this.#file = file;
    this.#layout = layout;
    const { names, metrics, series } = layout;
    const state = (column: number): ColumnState => {
      const name = names[column] === "" ? `column ${column + 1}` : names[column]!;
      return { column, name, numbers: null, words: null, known: 0, first: "" };
    };
    this.#columns = [...metrics.map(state), ...series.map((column) => ({ ...state(column), words: new WordColumn() }))];
    this.#times = layout.time === null ? null : new NumberColumn();
    this.#split = layout.split === null ? null : new WordColumn();
    this.#label = layout.label === null ? null : new NumberColumn();
  }

  get rows(): number {
    return this.#rows;
  }

  /** Throws OperatorError (exit code 2) naming line and column of what cannot be read. */
  take(record: CsvRecord): void {
    const { line, cells } = record;
    const { names, split, label, header } = this.#layout;
    if (is_remark(record) || is_same(cells, header.cells)) return;
    if (cells.length !== names.length) {
      const column = Math.min(cells.length, names.length);
      const count = `${names.length} columns, as in line ${header.line} (this line has ${cells.length})`;
      throw this.#bad(line, column, cells[names.length], count);
    }
    check_size(this.#file, this.#rows + 1, this.#columns.length + 1);
    this.#take_time(line, cells);
    if (split !== null) this.#take_split(line, split, cells[split]!);
    if (label !== null) {
      if (!/^[01]$/.test(cells[label]!)) throw this.#bad(line, label, cells[label], "0 or 1");
      this.#label?.push(Number(cells[label]));
    }
    for (const state of this.#columns) this.#take_cell(line, state, cells[state.column]!);
    this.#rows += 1;
  }

  get(): ExportTable {
    const columns = this.#columns;
    return {
      rows: this.#rows,
      times: this.#times?.values ?? null,
      numbers: columns.flatMap(({ name, numbers, known }) =>
        numbers !== null && known > 0 ? [{ name, values: numbers.values }] : [],
      ),
      words: columns.flatMap(({ name, words, known, first }) =>
        words !== null && known > 0 ? [{ name, column: words, first }] : [],
      ),
      split: this.#split,
      label: this.#label?.values ?? null,
      empty: columns.filter(({ known }) => known === 0).map(({ name }) => name),
    };
  }

  #take_time(line: number, cells: readonly string[]): void {
    const { time } = this.#layout;
    if (time === null) return;
    const text = time.columns.map((column) => cells[column]).join(" ");
    const read_s = time.format.read(text);
    if (read_s === null) {
      throw this.#bad(line, time.columns[0]!, text, `a time as in the first rows (${time.format.name})`);
    }
    const wraps_s = time.format.wraps_s;
    if (wraps_s !== null && read_s + this.#wrapped_s < this.#last_s - wraps_s / 2) this.#wrapped_s += wraps_s;
    this.#last_s = read_s + this.#wrapped_s;
    this.#times?.push(this.#last_s);
  }

  #take_split(line: number, column: number, cell: string): void {
    if (cell !== "train" && cell !== "test") throw this.#bad(line, column, cell, "train or test");
    this.#split?.push(cell);
  }

  #take_cell(line: number, state: ColumnState, cell: string): void {
    if (state.words !== null) {
      const word = cell.trim();
      if (!is_missing(word)) {
        state.known += 1;
        if (state.first === "") state.first = word;
      }
      state.words.push(word);
      return;
    }
    const value = number_of(cell, this.#layout.decimal);
    if (value === null && state.known === 0) {
      this.#becomes_words(state, cell.trim());
      return;
    }
    if (value === null) throw this.#bad(line, state.column, cell, "a finite number, or nothing where it is missing");
    if (Math.abs(value) > MAX_MAGNITUDE) throw this.#bad(line, state.column, cell, `a number up to ${MAX_MAGNITUDE}`);
    if (!Number.isNaN(value)) state.known += 1;
    state.numbers ??= new NumberColumn();
    state.numbers.push(value);
  }

  /** The first value is a word: what was missing before it is an empty word. */
  #becomes_words(state: ColumnState, word: string): void {
    state.numbers = null;
    state.words = new WordColumn();
    for (let row = 0; row < this.#rows; row++) state.words.push("");
    state.words.push(word);
    state.known = 1;
    state.first = word;
  }

  #bad(line: number, column: number, found: string | undefined, expected: string): Error {
    return bad_cell(this.#file, line, column, this.#layout.names[column], found, expected);
  }
}

function is_same(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((cell, i) => cell === b[i]);
}
