import { held_in_ledger } from "../../agent/release.ts";
import { all_visible, visible } from "../../model/visible.ts";
import { ledger_text, status_text } from "../../report/status.ts";
import { ask_status, connect } from "../agent_client.ts";
import type { Context, ExitCode } from "../context.ts";
import { configured, type GlobalOptions } from "../options.ts";

/** What the agent feels and holds. Exit code 1 when none runs: then the ledger is shown. */
export async function status(options: GlobalOptions, context: Context): Promise<ExitCode> {
  const config = configured(options);
  const { output } = context;
  using client = await connect(config);
  if (client !== null) {
    const answer = await ask_status(client);
    const running = { running: true as const, ...answer };
    if (options.output === "json") output.print_answer("status", running);
    else output.print(status_text(all_visible(answer), output.paint));
    return 0;
  }
  const { ledger_dir } = config.motor;
  const held = held_in_ledger(ledger_dir);
  const silent = { running: false as const, ledger_dir, held };
  if (options.output === "json") output.print_answer("status", silent);
  else output.print(ledger_text(visible(ledger_dir), all_visible(held), output.paint));
  return 1;
}
