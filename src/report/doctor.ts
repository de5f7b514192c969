import type { DoctorReport, Finding } from "../model/doctor.ts";
import type { Style } from "./style.ts";

export function doctor_text(report: DoctorReport, paint: Style): string {
  const sections = report.sections.map(({ title, findings }) => {
    const width = Math.max(...findings.map((finding) => finding.what.length), 0);
    return [paint.bold(title), ...findings.flatMap((finding) => finding_lines(finding, width, paint))].join("\n");
  });
  const verdict = report.usable
    ? paint.green("usable: HOSA can run here")
    : paint.red("not usable: HOSA cannot run here until what is marked fatal is mended");
  return `${[...sections, verdict].join("\n\n")}\n`;
}

function finding_lines(finding: Finding, width: number, paint: Style): readonly string[] {
  const mark = { ok: paint.green("ok     "), missing: paint.yellow("missing"), fatal: paint.red("fatal  ") }[
    finding.state
  ];
  const lines = [`  ${mark} ${finding.what.padEnd(width)}  ${finding.detail}`.trimEnd()];
  if (finding.costs !== "") lines.push(`          costs: ${finding.costs}`);
  if (finding.remedy !== "") lines.push(`          do:    ${finding.remedy}`);
  return lines;
}
