import { release } from "../../agent/release.ts";
import { outcome_line } from "../../report/release.ts";
import type { Context, ExitCode } from "../context.ts";
import { configured, type GlobalOptions } from "../options.ts";

/** Undo everything in the ledger without a daemon. Exit code 1 when something could not be undone. */
export async function release_all(options: GlobalOptions, context: Context): Promise<ExitCode> {
  const outcomes = await release(configured(options), options.dryRun === true);
  if (options.output === "json") {
    for (const outcome of outcomes) context.output.print(`${JSON.stringify(outcome)}\n`);
  } else {
    const lines = outcomes.length === 0 ? ["nothing to release"] : outcomes.map(outcome_line);
    context.output.print(`${lines.join("\n")}\n`);
  }
  return outcomes.some(({ status }) => status === "failed") ? 1 : 0;
}
