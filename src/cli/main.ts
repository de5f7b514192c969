#!/usr/bin/env bun
import { CommanderError } from "commander";
import manifest from "../../package.json" with { type: "json" };
import { ConfigError } from "../config/index.ts";
import type { ExitCode } from "./context.ts";
import { asks_for_json, failure_of } from "./failure.ts";
import { Hangups, hangup_is_ignored } from "./hangup.ts";
import { Output } from "./output.ts";
import { build_program } from "./program.ts";

/** Parse, run, and turn whatever was thrown into one exit code. */
async function main(args: readonly string[]): Promise<ExitCode> {
  const closed = new AbortController();
  const stopped = new AbortController();
  const output = new Output(closed);
  // A second one must not end an undo half-way.
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => stopped.abort(signal));
  const hangups = new Hangups(() => stopped.abort("SIGHUP"));
  if (!hangup_is_ignored()) process.on("SIGHUP", () => hangups.arrived());
  let code: ExitCode = 0;
  const signal = AbortSignal.any([closed.signal, stopped.signal]);
  const program = build_program({ output, signal, hangups, version: manifest.version }, (result) => {
    code = result;
  });
  try {
    await program.parseAsync(args, { from: "user" });
  } catch (error) {
    code = ended_early(error, output, asks_for_json(args));
  }
  await output.drained();
  if (output.failure !== null) {
    output.confess();
    return 1;
  }
  return closed.signal.aborted ? 0 : code;
}

/** Help and the version end a command early, too. */
function ended_early(error: unknown, output: Output, in_json: boolean): ExitCode {
  if (error instanceof CommanderError && error.exitCode === 0) {
    const text = output.take_help();
    if (!in_json) output.print(text);
    else if (error.code === "commander.version") output.print_answer("version", { version: text.trim() });
    else output.print_answer("help", { help: text });
    return 0;
  }
  const failure = failure_of(error);
  if (in_json && !output.has_answered) output.print_answer("error", { ok: false, error: failure });
  // Commander has already said what is wrong and where help is.
  if (error instanceof CommanderError) return failure.exit_code;
  const { kind, message, hint } = failure;
  const lines = error instanceof ConfigError ? error.problems : kind === "defect" ? message.split("\n") : [message];
  if (kind === "defect") output.complain(lines, "defect");
  else {
    const advice = hint === "" || message.includes(hint) ? "" : `. ${hint}`;
    output.complain([...lines.slice(0, -1), `${lines.at(-1) ?? ""}${advice}`]);
  }
  return failure.exit_code;
}

process.exit(await main(process.argv.slice(2)));
