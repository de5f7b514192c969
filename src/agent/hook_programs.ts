import { type Config, ConfigError } from "../config/index.ts";
import { distrust_program } from "../files/trust.ts";

const HINT =
  "A hook runs with the agent's rights: its program and every directory above it must belong to root and be writable by root alone " +
  "(chown root, chmod go-w), on a local disk.";

/** The configuration, if every program it names may be run as the agent. Throws ConfigError. */
export function with_safe_hooks(config: Config): Config {
  const problems = (["pre", "post"] as const).flatMap((list) =>
    config.hooks[list].flatMap(({ command: [program = ""] }, i) => {
      const why = distrust_program(program);
      if (why === null) return [];
      const at = { file: null, line: null, column: null, key: `hooks.${list}.${i}.command` };
      return [{ ...at, wrong: `${program} is not run: ${why}`, allowed: null }];
    }),
  );
  if (problems.length > 0) throw new ConfigError(problems, HINT);
  return config;
}
