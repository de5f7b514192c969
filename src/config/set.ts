import { KEY_DOCS } from "./docs.ts";
import { nearest } from "./nearest.ts";
import { type ParsedFile, parse_file } from "./parse.ts";
import { ConfigError, type ConfigProblem } from "./problem.ts";

const MOST_SETTINGS = 256;
const HINT =
  "Every key is described in hosa.yaml(5) (`hosa man hosa.yaml | man -l -`); a value is written as there: `--set levels.trend_s=1`.";

/** `key=value` from the command line, checked like the same line of hosa.yaml. Throws ConfigError naming all problems. */
export function parse_settings(settings: readonly string[]): readonly ParsedFile[] {
  if (settings.length > MOST_SETTINGS) {
    throw new ConfigError([`--set: ${settings.length} settings, at most ${MOST_SETTINGS}`], "Put them into a file.");
  }
  const problems: (ConfigProblem | string)[] = [];
  const files: ParsedFile[] = [];
  for (const setting of settings) {
    const parsed = parse_setting(setting);
    if ("document" in parsed) files.push(parsed);
    else problems.push(...parsed);
  }
  if (problems.length > 0) throw new ConfigError(problems, HINT);
  return files;
}

function parse_setting(setting: string): ParsedFile | readonly ConfigProblem[] {
  const split = setting.indexOf("=");
  const [key, value] = [setting.slice(0, split).trim(), setting.slice(split + 1)];
  if (split < 1 || /[\r\n]/.test(setting))
    return [wrong_setting(JSON.stringify(setting), "expected one line, key=value")];
  const known = KEY_DOCS.map(({ path }) => path);
  if (!known.includes(key)) {
    const meant = nearest(key, known);
    return [wrong_setting(key, `unknown key${meant === null ? "" : `, did you mean "${meant}"?`}`)];
  }
  const [section, inner] = key.split(".");
  const filename = "--set";
  try {
    return parse_file(inner === undefined ? `${section}: ${value}\n` : `${section}:\n  ${inner}: ${value}\n`, filename);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    // Line and column would be those of a file that does not exist.
    return error.details.map((problem) => ({ ...problem, line: null, column: null }));
  }
}

function wrong_setting(key: string, wrong: string): ConfigProblem {
  return { file: "--set", line: null, column: null, key, wrong, allowed: null };
}
