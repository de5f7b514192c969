import { join } from "node:path";
import type { Autonomy } from "../model/dial.ts";
import type { Level } from "../model/level.ts";
import type { Maybe } from "../model/sample.ts";
import { CORRECTION_LEVEL, dial_of } from "./autonomy.ts";
import { configured_files, DEFAULT_DIRECTORY, drop_in_directory, text_of } from "./load.ts";
import { keys_in, merge_files, type ParsedFile, parse_file, place_of } from "./parse.ts";
import { ConfigError, problem_place } from "./problem.ts";
import type { Config } from "./schema.ts";

/** The one drop-in that `hosa arm` and `hosa disarm` write. */
const NAME = "90-autonomy.yaml";
const HEAD = "# Written by `hosa arm` and `hosa disarm`, which overwrite this file.\n";
const KEYS: readonly string[] = ["autonomy", "max_level", "motor", "motor.enabled"];

/** A position of the dial as it is written down. */
export interface DialSetting {
  readonly autonomy: Autonomy;
  /** Null: what the other files say. */
  readonly max_level: Maybe<Level>;
}

/** What has to be written so that the configuration means a setting. */
export interface AutonomyPlan {
  readonly file: string;
  readonly text: string;
  /** The file says something else now, or is not there. */
  readonly changes: boolean;
  /** The configuration as it is now, and as it will be; null: it has errors now, in the file that is overwritten. */
  readonly before: Maybe<Config>;
  readonly after: Config;
  /** The other files it is merged with. */
  readonly others: readonly string[];
  /** What earlier files set otherwise, each with its place: `/etc/hosa/hosa.yaml:3:1: autonomy: monitoring`. */
  readonly overrules: readonly string[];
}

/**
 * Plans the drop-in for a setting of the dial, and proves on the merged files that the setting will be in force. Writes nothing.
 * Throws ConfigError: a file has an error, a later file sets the dial as well, or the drop-in holds keys of the operator.
 */
export function plan_autonomy(path: string | null, wanted: DialSetting, directory = DEFAULT_DIRECTORY): AutonomyPlan {
  const drop_ins = drop_in_directory(path, directory);
  if (drop_ins === null) {
    const problem = `${path}: has no directory for drop-ins, because its name does not end in .yaml`;
    throw new ConfigError([problem], `Write \`autonomy: ${wanted.autonomy}\` into it.`);
  }
  const file = join(drop_ins, NAME);
  const others = [...configured_files(path, directory, file).values()];
  const present = text_of(file, false);
  check_foreign_keys(present, file);
  const text = rendered(wanted, acts(wanted) && !merge_files(others).motor.enabled);
  const own = parse_file(text, file);
  const main = others.filter(({ filename }) => !filename.startsWith(`${drop_ins}/`));
  const sorted = [own, ...others.filter((other) => !main.includes(other))].toSorted((one, other) =>
    one.filename < other.filename ? -1 : 1,
  );
  const after = merge_files([...main, ...sorted]);
  const at = sorted.indexOf(own);
  check_in_force(after, wanted, sorted.slice(at + 1));
  const overrules = overruled([...main, ...sorted.slice(0, at)], own);
  const names = others.map(({ filename }) => filename);
  return { file, text, changes: present !== text, before: before(path, directory), after, others: names, overrules };
}

/** What of earlier files no longer holds. The word auto asks for nothing. */
function overruled(earlier: readonly ParsedFile[], own: ParsedFile): readonly string[] {
  return [["autonomy"], ["max_level"], ["motor", "enabled"]].flatMap((key) => {
    const file = last_with(earlier, key);
    const [was, is] = [value_at(file?.content, key), value_at(own.content, key)];
    if (file === null || is === undefined || was === is || was === "auto") return [];
    return [`${problem_place(place_of(file, key))}${key.join(".")}: ${was}`];
  });
}

function value_at(content: unknown, key: readonly string[]): unknown {
  return key.reduce(
    (value, name) => (typeof value === "object" && value !== null ? Reflect.get(value, name) : undefined),
    content,
  );
}

const acts = ({ autonomy }: DialSetting) => autonomy === "correction" || autonomy === "autonomous";

function rendered({ autonomy, max_level }: DialSetting, enables: boolean): string {
  const motor = enables
    ? "# Overrules the deprecated motor.enabled: false of another file.\nmotor: {enabled: true}\n"
    : "";
  const level = max_level === null ? "" : `max_level: ${max_level}\n`;
  return `${HEAD}autonomy: ${autonomy}\n${level}${motor}`;
}

/** The configuration as it is; null: it has an error, which lies in the file that is overwritten. */
function before(path: string | null, directory: string): Maybe<Config> {
  try {
    return merge_files([...configured_files(path, directory).values()]);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return null;
  }
}

/** What an operator has added there would be lost with the next change, also where it has an error. */
function check_foreign_keys(text: Maybe<string>, file: string): void {
  const keys = text === null ? [] : keys_in(text);
  const foreign = keys?.filter((key) => !KEYS.includes(key)) ?? ["text that is no mapping"];
  if (foreign.length === 0) return;
  const problem = `${file}: holds ${foreign.join(", ")}, which would be lost: this file is overwritten as a whole`;
  throw new ConfigError([problem], "Move these keys to another file of that directory.");
}

function check_in_force(after: Config, wanted: DialSetting, later: readonly ParsedFile[]): void {
  const { autonomy, max_level } = dial_of(after, { service: true, dry_run: false });
  const bounded = wanted.max_level === null || max_level === effective(wanted.autonomy, wanted.max_level);
  if (autonomy === wanted.autonomy && bounded) return;
  const problems = [["autonomy"], ["max_level"], ["motor", "enabled"]].flatMap((key) => {
    const file = last_with(later, key);
    const wrong = `is read after ${NAME} and overrules it`;
    return file === null ? [] : [{ ...place_of(file, key), key: key.join("."), wrong, allowed: null }];
  });
  throw new ConfigError(problems, "Remove it there; then call this command again.");
}

/** Level 5 belongs to autonomous alone. */
function effective(autonomy: Autonomy, max_level: Level): number {
  return autonomy === "autonomous" ? max_level : Math.min(CORRECTION_LEVEL, max_level);
}

function last_with(files: readonly ParsedFile[], key: readonly string[]): ParsedFile | null {
  return files.findLast(({ content }) => value_at(content, key) !== undefined) ?? null;
}

/** The setting that `hosa arm` writes. @param up_to null: level 4, or what other files keep lower. Throws ConfigError. */
export function armed(
  path: string | null,
  up_to: Maybe<Level>,
  directory = DEFAULT_DIRECTORY,
): DialSetting & { readonly max_level: Level } {
  const max_level = up_to ?? (Math.min(CORRECTION_LEVEL, without_own(path, directory).max_level) as Level);
  return { autonomy: max_level > CORRECTION_LEVEL ? "autonomous" : "correction", max_level };
}

/** The setting that `hosa disarm` writes: what other files keep lower than detection stays there. Throws ConfigError. */
export function disarmed(path: string | null, directory = DEFAULT_DIRECTORY): DialSetting {
  const { autonomy } = without_own(path, directory);
  return { autonomy: autonomy === "monitoring" ? "monitoring" : "detection", max_level: null };
}

function without_own(path: string | null, directory: string): Config {
  const except = join(drop_in_directory(path, directory) ?? "", NAME);
  return merge_files([...configured_files(path, directory, except).values()]);
}
