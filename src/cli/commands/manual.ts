import type { Command } from "commander";
import type { Context, ExitCode } from "../context.ts";
import { completion, type Shell } from "../manual/completion.ts";
import { describe } from "../manual/describe.ts";
import { command_page, config_page } from "../manual/pages.ts";

export const PAGES = ["hosa", "hosa.yaml"] as const;

/** A manual page as roff, from the sources of `--help` and of the configuration's checks. */
export async function man(page: (typeof PAGES)[number], program: Command, context: Context): Promise<ExitCode> {
  const { version, output } = context;
  await output.deliver_document(page === "hosa" ? command_page(describe(program), version) : config_page(version));
  return 0;
}

export async function complete(shell: Shell, program: Command, context: Context): Promise<ExitCode> {
  await context.output.deliver_document(completion(describe(program), shell));
  return 0;
}
