import { examine } from "../../agent/doctor.ts";
import { all_visible } from "../../model/visible.ts";
import { doctor_text } from "../../report/doctor.ts";
import type { Context, ExitCode } from "../context.ts";
import { configured, type GlobalOptions } from "../options.ts";

export async function doctor(options: GlobalOptions, context: Context): Promise<ExitCode> {
  const report = await examine(configured(options));
  if (options.output === "json") context.output.print_answer("doctor", report);
  else context.output.print(doctor_text(all_visible(report), context.output.paint));
  return report.usable ? 0 : 3;
}
