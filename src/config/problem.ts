import { OperatorError } from "../model/error.ts";

/** One thing wrong with a configuration. What is not known is null. */
export interface ConfigProblem {
  readonly file: string | null;
  readonly line: number | null;
  readonly column: number | null;
  /** Dotted, as in messages: `beat.period_ms`. */
  readonly key: string | null;
  readonly wrong: string;
  readonly allowed: string | null;
}

/** Every problem of a configuration, each also as a line `file:line:column: key: what is wrong, what is accepted`. */
export class ConfigError extends OperatorError {
  readonly details: readonly ConfigProblem[];
  readonly problems: readonly string[];

  constructor(problems: readonly (ConfigProblem | string)[], hint: string, cause?: unknown) {
    const details = problems.map((one) => (typeof one === "string" ? unplaced(one) : one));
    const lines = details.map(problem_line);
    super(lines.join("\n"), 2, hint, cause);
    this.details = details;
    this.problems = lines;
  }
}

function unplaced(wrong: string): ConfigProblem {
  return { file: null, line: null, column: null, key: null, wrong, allowed: null };
}

function problem_line({ file, line, column, key, wrong, allowed }: ConfigProblem): string {
  const place = line === null ? "" : `:${line}:${column}`;
  // What comes from the command line is named after its option, without a place.
  const at = file === null ? "" : file.startsWith("--") ? `${file} ` : `${file}${place}: `;
  return `${at}${key === null || key === "" ? "" : `${key}: `}${wrong}${allowed === null ? "" : ` (${allowed})`}`;
}
