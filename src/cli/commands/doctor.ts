import { examine } from "../../agent/doctor.ts";
import { all_visible } from "../../model/visible.ts";
import { doctor_text } from "../../report/doctor.ts";
import type { Context, ExitCode } from "../context.ts";
import { configured, type GlobalOptions } from "../options.ts";

export async function doctor(options: GlobalOptions, context: Context): Promise<ExitCode> {
  const report = await examine(configured(options));
  const text =
    options.output === "json" ? `${JSON.stringify(report)}\n` : doctor_text(all_visible(report), context.output.paint);
  context.output.print(text);
  return report.usable ? 0 : 3;
}
