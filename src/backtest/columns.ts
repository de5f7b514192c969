import { OperatorError } from "../model/error.ts";

/** Numbers of an export that are held at a time: 128 MiB. */
const MOST_NUMBERS = 16_777_216;
const FIRST_ROWS = 1024;
/** A text column with more different values names no series. */
const MOST_CODES = 1024;

/** A column of numbers that doubles as rows come. NaN where there is no value. */
export class NumberColumn {
  #values = new Float64Array(FIRST_ROWS);
  #length = 0;

  push(value: number): void {
    if (this.#length === this.#values.length) {
      const wider = new Float64Array(2 * this.#length);
      wider.set(this.#values);
      this.#values = wider;
    }
    this.#values[this.#length] = value;
    this.#length += 1;
  }

  get values(): Float64Array {
    return this.#values.subarray(0, this.#length);
  }
}

/** A column of words, as the places of each in the list of those seen. */
export class WordColumn {
  readonly words: string[] = [];
  readonly #places = new Map<string, number>();
  readonly #codes = new NumberColumn();

  push(word: string): void {
    let place = this.#places.get(word);
    if (place === undefined) {
      place = this.words.length;
      if (place < MOST_CODES) {
        this.words.push(word);
        this.#places.set(word, place);
      }
    }
    this.#codes.push(place);
  }

  /** More different words than are told apart. */
  get overflows(): boolean {
    return this.words.length >= MOST_CODES;
  }

  get codes(): Float64Array {
    return this.#codes.values;
  }
}

/** Throws OperatorError (exit code 2) when a file holds more than can be kept. */
export function check_size(file: string, rows: number, columns: number): void {
  if (rows * columns <= MOST_NUMBERS) return;
  const hint =
    "Split the file, or leave out columns; rows with split and label (train or test, 0 or 1) are read one by one.";
  throw new OperatorError(`${file}: more than ${MOST_NUMBERS} numbers (${rows} rows of ${columns} columns)`, 2, hint);
}
