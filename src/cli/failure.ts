import { CommanderError } from "commander";
import { ConfigError, type ConfigProblem } from "../config/index.ts";
import { OperatorError } from "../model/error.ts";
import type { ExitCode } from "./context.ts";

/** Why a command ended without its answer: what -o json prints instead of it. */
export interface Failure {
  readonly kind: "usage" | "configuration" | "privilege" | "failed" | "defect";
  /** What was tried, on what, what happened; one line per problem. */
  readonly message: string;
  /** What to do; empty where there is nothing to advise. */
  readonly hint: string;
  readonly exit_code: Exclude<ExitCode, 0>;
  /** Of a configuration: each problem with its place. */
  readonly problems?: readonly ConfigProblem[];
}

const LIST = "`hosa --help` lists the commands, `hosa COMMAND --help` their options.";

/** Whatever was thrown, as one kind of failure. */
export function failure_of(error: unknown): Failure {
  if (error instanceof CommanderError) {
    const [message = "", ...more] = error.message.replace(/^error: /, "").split("\n");
    const no_command = error.code === "commander.help";
    const hint = [...more, LIST].join(" ").trim();
    return { kind: "usage", message: no_command ? "no command was given" : message, hint, exit_code: 2 };
  }
  if (error instanceof ConfigError) {
    const { message, hint, details } = error;
    return { kind: "configuration", message, hint, exit_code: 2, problems: details };
  }
  if (error instanceof OperatorError) {
    const { message, hint, exit_code } = error;
    return { kind: ({ 1: "failed", 2: "usage", 3: "privilege" } as const)[exit_code], message, hint, exit_code };
  }
  const message = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return { kind: "defect", message, hint: "Report it with the command and this text.", exit_code: 1 };
}

/** Whether the arguments ask for JSON, also where they cannot be understood otherwise. */
export function asks_for_json(args: readonly string[]): boolean {
  const end = args.indexOf("--");
  return args
    .slice(0, end < 0 ? args.length : end)
    .some(
      (one, i) =>
        /^(-ojson|--output=json|-o=json)$/.test(one) || (one === "json" && /^(-o|--output)$/.test(args[i - 1] ?? "")),
    );
}
