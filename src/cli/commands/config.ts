import { with_safe_hooks } from "../../agent/hook_programs.ts";
import { require_trusted_files, with_trusted_places } from "../../agent/trusted_places.ts";
import { is_given, load_sources, render_config } from "../../config/index.ts";
import { visible } from "../../model/visible.ts";
import { to_ascii } from "../../report/ascii.ts";
import type { Screen } from "../../report/screen.ts";
import type { Context, ExitCode } from "../context.ts";
import type { GlobalOptions } from "../options.ts";

export function config_check(options: GlobalOptions, context: Context): ExitCode {
  const { config, files } = load_sources(options.config ?? null);
  require_trusted_files(files.filter((file) => !is_given(file)));
  with_trusted_places(with_safe_hooks(config));
  const text = files.length === 0 ? "ok: no file, the defaults hold" : `ok: ${files.map(visible).join(", ")}`;
  if (options.output === "json") context.output.print_answer("config_check", { ok: true, files });
  else context.output.print(`${text}\n`);
  return 0;
}

const HIDDEN = "(hidden)";

/** What is shown lands in tickets and logs: the keys of signatures do not. */
export async function config_show(options: GlobalOptions, context: Context): Promise<ExitCode> {
  const read = load_sources(options.config ?? null).config;
  const webhooks = read.webhooks.map((hook) => ({ ...hook, secret: hook.secret === "" ? "" : HIDDEN }));
  const config = { ...read, webhooks };
  if (options.output === "json") context.output.print_json(config);
  else await context.output.deliver_document(shown(render_config(config), context.output.screen));
  return 0;
}

/** Where the locale is not UTF-8: comments in ASCII for people, values (always in quotes then) escaped as YAML has it, so that they stay the same. */
function shown(yaml: string, { ascii }: Screen): string {
  if (!ascii) return yaml;
  return yaml
    .split("\n")
    .map((line) => (/^ *#/.test(line) ? to_ascii(line) : line.replace(/\P{ASCII}/gu, escaped)))
    .join("\n");
}

function escaped(character: string): string {
  const hex = character.codePointAt(0)!.toString(16);
  return hex.length <= 4 ? `\\u${hex.padStart(4, "0")}` : `\\U${hex.padStart(8, "0")}`;
}
