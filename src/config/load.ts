import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { read_text } from "../files/regular.ts";
import { errno_of, reason_of } from "../model/errno.ts";
import { merge_files, type ParsedFile, parse_file } from "./parse.ts";
import { ConfigError, type ConfigProblem } from "./problem.ts";
import type { Config } from "./schema.ts";
import { parse_settings } from "./set.ts";

export const DEFAULT_DIRECTORY = "/etc/hosa";
const MAX_DROP_INS = 64;
const MAX_FILE_BYTES = 4 * 1_048_576;
/** What this process was given open, as a shell does for `<(…)`, and the file that says nothing. */
const GIVEN_FILE = /^\/dev\/(null|stdin|fd\/\d+)$/;

/** Files the configuration is made of, in the order they are merged. */
export interface ConfigSources {
  readonly config: Config;
  readonly files: readonly string[];
}

/**
 * Load the configuration; `settings` (`key=value`) win over the files. With `path`, that file alone; without, `hosa.yaml` of the directory and its drop-ins
 * `hosa.d/*.yaml` in name order, each of which may be absent. Throws ConfigError (exit code 2).
 */
export function load_config(
  path: string | null,
  directory = DEFAULT_DIRECTORY,
  settings: readonly string[] = [],
): Config {
  return load_sources(path, directory, settings).config;
}

export function load_sources(
  path: string | null,
  directory = DEFAULT_DIRECTORY,
  settings: readonly string[] = [],
): ConfigSources {
  const files = path === null ? standard_files(directory) : [read(path, true)!];
  return { config: merge_files([...files, ...parse_settings(settings)]), files: files.map((file) => file.filename) };
}

/** What `key=value` settings alone say, over the defaults: no file is read. Throws ConfigError (exit code 2). */
export function config_of_settings(settings: readonly string[]): Config {
  return merge_files(parse_settings(settings));
}

export function is_given(path: string): boolean {
  return GIVEN_FILE.test(path);
}

function standard_files(directory: string): readonly ParsedFile[] {
  const main = read(join(directory, "hosa.yaml"), false);
  const drop_ins = drop_in_names(join(directory, "hosa.d")).map((file) => read(file, false));
  return [main, ...drop_ins].filter((file) => file !== null);
}

function drop_in_names(directory: string): readonly string[] {
  let names: string[];
  try {
    names = readdirSync(directory);
  } catch (error) {
    if (errno_of(error) === "ENOENT") return [];
    throw unreadable(directory, error);
  }
  const files = names.filter((name) => name.endsWith(".yaml") && !name.startsWith(".")).sort();
  if (files.length > MAX_DROP_INS) {
    const wrong = `${files.length} drop-ins, at most ${MAX_DROP_INS}`;
    throw new ConfigError([of_file(directory, wrong)], "Merge some of them.");
  }
  return files.map((name) => join(directory, name));
}

function read(path: string, required: boolean): ParsedFile | null {
  let text: string;
  try {
    text = is_given(path) ? readFileSync(path, "utf8") : read_text(path, MAX_FILE_BYTES);
  } catch (error) {
    if (!required && errno_of(error) === "ENOENT") return null;
    throw unreadable(path, error);
  }
  return parse_file(text, path);
}

function unreadable(path: string, error: unknown): ConfigError {
  const hint =
    errno_of(error) === "ENOENT"
      ? "Give an existing file with --config, or leave the option out for /etc/hosa/hosa.yaml."
      : "Make it readable for the user hosa runs as, or give another file with --config.";
  return new ConfigError([of_file(path, `configuration cannot be read: ${reason_of(error)}`)], hint, error);
}

function of_file(file: string, wrong: string): ConfigProblem {
  return { file, line: null, column: null, key: null, wrong, allowed: null };
}
