import { examine } from "../../agent/doctor.ts";
import type { RunningAgent } from "../../agent/doctor_agent.ts";
import type { Config } from "../../config/index.ts";
import { OperatorError } from "../../model/error.ts";
import { all_visible } from "../../model/visible.ts";
import { doctor_text } from "../../report/doctor.ts";
import { ask_status, connect } from "../agent_client.ts";
import type { Context, ExitCode } from "../context.ts";
import { configured, type GlobalOptions } from "../options.ts";

export async function doctor(options: GlobalOptions, context: Context): Promise<ExitCode> {
  const config = configured(options);
  const report = await examine(config, await running_agent(config));
  if (options.output === "json") context.output.print_answer("doctor", report);
  else context.output.print(doctor_text(all_visible(report), context.output.paint));
  return report.usable ? 0 : 3;
}

/** An agent that may not be asked, or hangs, is a finding and not the end. */
async function running_agent(config: Config): Promise<RunningAgent> {
  try {
    using client = await connect(config);
    return client === null ? null : await ask_status(client);
  } catch (error) {
    if (!(error instanceof OperatorError)) throw error;
    return { refused: error.message };
  }
}
