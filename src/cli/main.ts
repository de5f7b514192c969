#!/usr/bin/env bun
import { CommanderError } from "commander";
import manifest from "../../package.json" with { type: "json" };
import { ConfigError } from "../config/index.ts";
import { OperatorError } from "../model/error.ts";
import type { ExitCode } from "./context.ts";
import { Hangups, hangup_is_ignored } from "./hangup.ts";
import { Output } from "./output.ts";
import { build_program } from "./program.ts";

/** Parse, run, and turn whatever was thrown into one exit code. */
async function main(args: readonly string[]): Promise<ExitCode> {
  const closed = new AbortController();
  const stopped = new AbortController();
  const output = new Output(closed);
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => stopped.abort(signal));
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
    code = complain(error, output);
  }
  await output.drained();
  if (output.failure !== null) {
    output.confess();
    return 1;
  }
  return closed.signal.aborted ? 0 : code;
}

function complain(error: unknown, output: Output): ExitCode {
  // Commander has already said what is wrong and where help is.
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  if (error instanceof OperatorError) {
    const hint = error.hint === "" || error.message.includes(error.hint) ? "" : `. ${error.hint}`;
    const lines = error instanceof ConfigError ? error.problems : [error.message];
    output.complain([...lines.slice(0, -1), `${lines.at(-1) ?? ""}${hint}`]);
    return error.exit_code;
  }
  output.complain((error instanceof Error ? (error.stack ?? error.message) : String(error)).split("\n"), "defect");
  return 1;
}

process.exit(await main(process.argv.slice(2)));
