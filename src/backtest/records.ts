import { CsvError, Parser } from "csv-parse";
import { OperatorError } from "../model/error.ts";

/** One record of a CSV and the line it begins in, from 1. A line without any text is a record of one empty cell. */
export interface CsvRecord {
  readonly line: number;
  readonly cells: readonly string[];
}

/** Longest record, characters: a quote that is never closed must not take in the rest of a large file. */
const MOST_RECORD_CHARS = 1_048_576;
const SEPARATORS = [",", ";", "\t", "|"] as const;
/** How a spreadsheet program is told the separator: a first line of its own. */
const TOLD_SEPARATOR = /^\uFEFF?"?sep=(.)"?$/i;
const HINT =
  "Give a CSV with one row per line; a cell that holds the separator, a quote or a line end stands in quotes.";

/** The separator of a file, from its first lines: the one that parts them most often into the same number of cells. */
export function separator_of(lines: readonly string[]): string {
  const told = TOLD_SEPARATOR.exec(lines[0] ?? "")?.[1];
  if (told !== undefined) return told;
  let best = { separator: ",", agreeing: 0, cells: 0 };
  for (const separator of SEPARATORS) {
    const counts = new Map<number, number>();
    for (const line of lines) {
      const count = outside_quotes(line, separator);
      if (count > 0) counts.set(count, (counts.get(count) ?? 0) + 1);
    }
    const [cells, agreeing] = [...counts].sort((a, b) => b[1] - a[1] || b[0] - a[0])[0] ?? [0, 0];
    if (agreeing > best.agreeing || (agreeing === best.agreeing && cells > best.cells)) {
      best = { separator, agreeing, cells };
    }
  }
  return best.separator;
}

/** Whether the first line only tells the separator. */
export function tells_separator(line: string): boolean {
  return TOLD_SEPARATOR.test(line);
}

function outside_quotes(line: string, separator: string): number {
  let count = 0;
  let quoted = false;
  for (const c of line) {
    if (c === '"') quoted = !quoted;
    else if (c === separator && !quoted) count += 1;
  }
  return count;
}

/** Lines into records: quoted cells may hold separators, doubled quotes and line ends. */
export class RecordReader {
  readonly #file: string;
  readonly #parser: Parser;
  #parsed: CsvRecord[] = [];
  #next_line = 1;

  constructor(file: string, separator: string) {
    this.#file = file;
    this.#parser = new Parser({
      delimiter: separator,
      record_delimiter: "\n",
      bom: true,
      relax_column_count: true,
      // A quote inside of a cell is a part of its text: whether the text may stand there is asked where its column is known.
      relax_quotes: true,
      max_record_size: MOST_RECORD_CHARS,
      on_record: (cells: string[], { lines }) => {
        this.#parsed.push({ line: this.#next_line, cells });
        this.#next_line = lines + 1;
        return null;
      },
    });
    // Every failure is reported by the callback of the write that met it.
    this.#parser.on("error", () => {});
  }

  /** The records that are complete with these lines. Throws OperatorError (exit code 2) on a record that never ends. */
  async take(lines: readonly string[]): Promise<readonly CsvRecord[]> {
    await this.#done((report) => this.#parser.write(`${lines.join("\n")}\n`, report));
    return this.#taken();
  }

  /** The rest, after the last line. */
  async finish(): Promise<readonly CsvRecord[]> {
    await this.#done((report) => this.#parser.end(report));
    return this.#taken();
  }

  #taken(): readonly CsvRecord[] {
    const records = this.#parsed;
    this.#parsed = [];
    return records;
  }

  async #done(step: (report: (error?: Error | null) => void) => void): Promise<void> {
    try {
      await new Promise<void>((resolve, reject) => step((error) => (error == null ? resolve() : reject(error))));
    } catch (error) {
      if (!(error instanceof CsvError)) throw error;
      const column = `column ${(Number(error["column"]) || 0) + 1}`;
      const what =
        error.code === "CSV_QUOTE_NOT_CLOSED" || error.code === "CSV_MAX_RECORD_SIZE"
          ? `${column}: a quote is opened in the row that begins here and is not closed`
          : `${column}: ${error.message}`;
      throw new OperatorError(`${this.#file}:${this.#next_line}: ${what}`, 2, HINT, error);
    }
  }
}
