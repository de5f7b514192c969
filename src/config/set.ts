import { KEY_DOCS } from "./docs.ts";
import { nearest } from "./nearest.ts";
import { ConfigError, type ParsedFile, parse_file } from "./parse.ts";

const MOST_SETTINGS = 256;
const HINT =
  "Every key is described in hosa.yaml(5) (`hosa man hosa.yaml | man -l -`); a value is written as there: `--set levels.trend_s=1`.";

/** `key=value` from the command line, checked like the same line of hosa.yaml. Throws ConfigError naming all problems. */
export function parse_settings(settings: readonly string[]): readonly ParsedFile[] {
  if (settings.length > MOST_SETTINGS) {
    throw new ConfigError([`--set: ${settings.length} settings, at most ${MOST_SETTINGS}`], "Put them into a file.");
  }
  const problems: string[] = [];
  const files: ParsedFile[] = [];
  for (const setting of settings) {
    const parsed = parse_setting(setting);
    if (typeof parsed === "string") problems.push(parsed);
    else files.push(parsed);
  }
  if (problems.length > 0) throw new ConfigError(problems, HINT);
  return files;
}

function parse_setting(setting: string): ParsedFile | string {
  const split = setting.indexOf("=");
  const [key, value] = [setting.slice(0, split).trim(), setting.slice(split + 1)];
  if (split < 1 || /[\r\n]/.test(setting)) return `--set ${JSON.stringify(setting)}: expected one line, key=value`;
  const known = KEY_DOCS.map(({ path }) => path);
  if (!known.includes(key)) {
    const meant = nearest(key, known);
    return `--set ${key}: unknown key${meant === null ? "" : `, did you mean "${meant}"?`}`;
  }
  const [section, inner] = key.split(".");
  const filename = "--set";
  try {
    return parse_file(inner === undefined ? `${section}: ${value}\n` : `${section}:\n  ${inner}: ${value}\n`, filename);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    // Line and column would be those of a file nobody wrote.
    return error.problems.map((problem) => problem.replace(/^--set:\d+:\d+: /, "--set ")).join("\n");
  }
}
