import { with_safe_hooks } from "../../agent/hook_programs.ts";
import { require_trusted_files, with_trusted_places } from "../../agent/trusted_places.ts";
import { is_given, load_sources, render_config } from "../../config/index.ts";
import { visible } from "../../model/visible.ts";
import type { Context, ExitCode } from "../context.ts";
import type { GlobalOptions } from "../options.ts";

export function config_check(options: GlobalOptions, context: Context): ExitCode {
  const { config, files } = load_sources(options.config ?? null);
  require_trusted_files(files.filter((file) => !is_given(file)));
  with_trusted_places(with_safe_hooks(config));
  const text = files.length === 0 ? "ok: no file, the defaults hold" : `ok: ${files.map(visible).join(", ")}`;
  context.output.print(options.output === "json" ? `${JSON.stringify({ ok: true, files })}\n` : `${text}\n`);
  return 0;
}

const HIDDEN = "(hidden)";

/** What is shown lands in tickets and logs: the keys of signatures do not. */
export function config_show(options: GlobalOptions, context: Context): ExitCode {
  const read = load_sources(options.config ?? null).config;
  const webhooks = read.webhooks.map((hook) => ({ ...hook, secret: hook.secret === "" ? "" : HIDDEN }));
  const config = { ...read, webhooks };
  context.output.print(options.output === "json" ? `${JSON.stringify(config)}\n` : render_config(config));
  return 0;
}
