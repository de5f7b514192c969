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

/** `file:line:column: `, as far as it is known. What comes from the command line is named after its option, without a place. */
export function problem_place({ file, line, column }: Pick<ConfigProblem, "file" | "line" | "column">): string {
  if (file === null) return "";
  return file.startsWith("--") ? `${file} ` : `${file}${line === null ? "" : `:${line}:${column}`}: `;
}

function problem_line(problem: ConfigProblem): string {
  const { key, wrong, allowed } = problem;
  return `${problem_place(problem)}${key === null || key === "" ? "" : `${key}: `}${wrong}${allowed === null ? "" : ` (${allowed})`}`;
}
