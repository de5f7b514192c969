import * as v from "valibot";
import { type Document, isMap, isScalar, LineCounter, parseDocument } from "yaml";
import { docs_of, keys_at } from "./docs.ts";
import { nearest } from "./nearest.ts";
import { ConfigError, type ConfigProblem } from "./problem.ts";
import { type Config, FILE_SCHEMA } from "./schema.ts";
import { yaml_words } from "./yaml_words.ts";

const MAX_FILE_CHARS = 1_048_576;

export interface ParsedFile {
  readonly filename: string;
  readonly document: Document.Parsed;
  readonly lines: LineCounter;
  readonly content: Readonly<Record<string, unknown>>;
}

const HINT =
  "Correct it and run `hosa config check`; every key is described in hosa.yaml(5): `hosa man hosa.yaml | man -l -`.";

/** Parse and validate one file by itself. Throws ConfigError with positions. */
export function parse_file(text: string, filename: string): ParsedFile {
  if (text.length > MAX_FILE_CHARS) {
    throw new ConfigError([{ ...NOWHERE, file: filename, wrong: "larger than 1 MiB" }], HINT);
  }
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, uniqueKeys: true, strict: true, stringKeys: true });
  const syntax = [...document.errors, ...document.warnings];
  if (syntax.length > 0) {
    throw new ConfigError(
      syntax.map((error) => ({
        ...place(filename, lines, error.pos[0]),
        key: null,
        wrong: `not YAML: ${yaml_words(error.code)}`,
        allowed: null,
      })),
      HINT,
    );
  }
  const content: unknown = plain(document, filename) ?? {};
  if (!is_record(content)) {
    const allowed = `expected the keys ${keys_at("").join(", ")}`;
    throw new ConfigError([{ file: filename, line: 1, column: 1, key: null, wrong: "not a mapping", allowed }], HINT);
  }
  const file = { filename, document, lines, content };
  const result = v.safeParse(FILE_SCHEMA, content);
  if (!result.success) {
    const problems = result.issues.map((issue) => explain(file, issue));
    throw new ConfigError(
      problems.sort((a, b) => (a.line ?? 0) - (b.line ?? 0) || (a.column ?? 0) - (b.column ?? 0)),
      HINT,
    );
  }
  return file;
}

function plain(document: Document.Parsed, filename: string): unknown {
  try {
    return document.toJS({ maxAliasCount: 16 });
  } catch (error) {
    const wrong = "not YAML: an alias (*name) without its anchor (&name), or aliases that stand for too much";
    throw new ConfigError([{ ...NOWHERE, file: filename, wrong }], HINT, error);
  }
}

/** Merge files (later wins, lists are replaced), apply the defaults, check the rules across keys, and freeze. */
export function merge_files(files: readonly ParsedFile[]): Config {
  const merged: Record<string, unknown> = {};
  for (const file of files) {
    for (const [section, value] of Object.entries(file.content)) {
      const before = merged[section];
      merged[section] = is_record(before) && is_record(value) ? { ...before, ...value } : value;
    }
  }
  const config = freeze(v.parse(FILE_SCHEMA, merged));
  const problems = contradictions(config).map(([path, wrong]) => ({
    ...where(files, path),
    key: path.join("."),
    wrong,
    allowed: null,
  }));
  if (problems.length > 0) throw new ConfigError(problems, HINT);
  return config;
}

/** One text as the whole configuration. Throws ConfigError. */
export function parse_config(text: string, filename: string): Config {
  return merge_files([parse_file(text, filename)]);
}

export function default_config(): Config {
  return merge_files([]);
}

/** Rules across keys that do not hold, each with its key. */
export function contradictions(config: Config): readonly (readonly [readonly string[], string])[] {
  const found: (readonly [readonly string[], string])[] = [];
  const { beat, act } = config;
  if (beat.vigilant_period_ms > beat.period_ms) {
    found.push([
      ["beat", "vigilant_period_ms"],
      `${beat.vigilant_period_ms} ms is longer than beat.period_ms (${beat.period_ms} ms); the vigilant beat must not be slower`,
    ]);
  }
  if (act.probe_first_s > act.probe_max_s) {
    found.push([
      ["act", "probe_first_s"],
      `${act.probe_first_s} s is longer than act.probe_max_s (${act.probe_max_s} s)`,
    ]);
  }
  if (act.reaction_reserve_s > act.ttf_horizon_s) {
    found.push([
      ["act", "reaction_reserve_s"],
      `${act.reaction_reserve_s} s is longer than act.ttf_horizon_s (${act.ttf_horizon_s} s)`,
    ]);
  }
  const port = Number(config.metrics.listen.split(":").at(-1));
  if (port > 65_535) found.push([["metrics", "listen"], `${port} is no port, the highest is 65535`]);
  return found;
}

function explain(file: ParsedFile, issue: v.BaseIssue<unknown>): ConfigProblem {
  const path = (issue.path ?? []).map((item) => String((item as { key?: unknown }).key));
  const at = where([file], path);
  const key = path.join(".");
  if (issue.expected === "never" && issue.type === "strict_object") return { ...at, key, ...unknown_key(path) };
  const documented = docs_of(path.slice(0, 2).join(".")) ?? docs_of(path[0] ?? "");
  const accepts = documented
    ? `${documented.accepts}${documented.unit === "–" ? "" : ` ${documented.unit}`}`
    : `a mapping with the keys ${keys_at(key).join(", ")}`;
  const reason = issue.type === "check" ? `${issue.message}, ` : "";
  return { ...at, key, wrong: `${shown(issue.input)} is not accepted`, allowed: `${reason}expected ${accepts}` };
}

function unknown_key(path: readonly string[]): Pick<ConfigProblem, "wrong" | "allowed"> {
  const accepted = keys_at(path.slice(0, -1).join("."));
  const meant = nearest(path.at(-1)!, accepted);
  const suggestion = meant === null ? "" : `, did you mean "${meant}"?`;
  return { wrong: `unknown key${suggestion}`, allowed: `accepted here: ${accepted.join(", ")}` };
}

type Place = Pick<ConfigProblem, "file" | "line" | "column">;
const NOWHERE: ConfigProblem = { file: null, line: null, column: null, key: null, wrong: "", allowed: null };

/** Place of the key in the last file that has it, so that a drop-in is blamed for what it changed. */
function where(files: readonly ParsedFile[], path: readonly string[]): Place {
  for (const file of files.toReversed()) {
    const offset = offset_of(file.document, path);
    if (offset !== null) return place(file.filename, file.lines, offset);
  }
  if (path.length > 1) return where(files, path.slice(0, -1));
  return { file: null, line: null, column: null };
}

function offset_of(document: Document.Parsed, path: readonly string[]): number | null {
  if (path.length === 0) return document.contents?.range?.[0] ?? 0;
  const parent = path.length === 1 ? document.contents : document.getIn(path.slice(0, -1), true);
  const key = path.at(-1)!;
  if (isMap(parent)) {
    const pair = parent.items.find((item) => isScalar(item.key) && String(item.key.value) === key);
    return pair !== undefined && isScalar(pair.key) ? (pair.key.range?.[0] ?? null) : null;
  }
  const node = document.getIn(path, true);
  return isScalar(node) ? (node.range?.[0] ?? null) : null;
}

function place(file: string, lines: LineCounter, offset: number): Place {
  const { line, col } = lines.linePos(offset);
  return { file, line, column: col };
}

function shown(value: unknown): string {
  if (value === undefined) return "a missing value";
  const json = typeof value === "number" ? String(value) : JSON.stringify(value);
  return json.length > 60 ? `${json.slice(0, 57)}...` : json;
}

function is_record(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function freeze<T>(value: T): T {
  if (typeof value === "object" && value !== null) {
    for (const inner of Object.values(value)) freeze(inner);
    Object.freeze(value);
  }
  return value;
}
