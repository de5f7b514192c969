import { counted } from "../model/counted.ts";
import { level_name } from "../model/level.ts";
import type { Deed, WhatIfSummary } from "../model/what_if.ts";
import { duration_text } from "./number.ts";
import { by_level, type Style } from "./style.ts";

/** What another configuration would have decided, as tables. */
export function what_if_text(summary: WhatIfSummary, paint: Style): string {
  const { changes, differing_decisions: differing, decisions, first_difference: first } = summary;
  const width = Math.max(0, ...changes.map(({ key }) => key.length));
  const changed = changes.map(
    ({ key, recorded, alternative }) => `  ${key.padEnd(width)}  ${recorded} → ${paint.bold(alternative)}`,
  );
  const verdict =
    differing === 0
      ? paint.green("decided the same throughout")
      : paint.yellow(`${differing} of them ${differing === 1 ? "differs" : "differ"}`);
  return `${[
    paint.bold("what if"),
    ...(changed.length === 0 ? ["  no key was changed: the recorded configuration, decided by this version"] : changed),
    `${files(summary)}, ${counted(decisions, "decision")} over ${duration_text(summary.seconds)}: ${verdict}`,
    ...(first === null
      ? []
      : [
          `  first at ${first.wall_time} (${first.file})`,
          `    recorded  ${first.recorded}`,
          `    what if   ${first.alternative}`,
        ]),
    "",
    ...levels(summary, paint),
    "",
    ...deeds(summary, paint),
    "",
    paint.dim(summary.note),
  ].join("\n")}\n`;
}

function files({ flights, audits }: WhatIfSummary): string {
  const some = (count: number, name: string) => (count === 0 ? [] : [`${count} ${name}${count === 1 ? "" : "s"}`]);
  return [...some(flights, "flight"), ...some(audits, "audit")].join(" and ");
}

function levels({ levels: all }: WhatIfSummary, paint: Style): readonly string[] {
  const rows = all.map(({ level, recorded_s, alternative_s }) => {
    const name = by_level(paint, level, `${level} ${level_name(level)}`.padEnd(22));
    return `  ${name}  ${span(recorded_s).padStart(9)}  ${span(alternative_s).padStart(9)}`;
  });
  return [paint.dim(`  ${"level".padEnd(22)}  ${"recorded".padStart(9)}  ${"what if".padStart(9)}`), ...rows];
}

function span(seconds: number): string {
  return seconds === 0 ? "–" : duration_text(seconds);
}

function deeds({ deeds: all, omitted_deeds: omitted }: WhatIfSummary, paint: Style): readonly string[] {
  if (all.length === 0) return ["  nothing was done, and nothing would have been"];
  const names = all.map(({ path, comm }) => (comm === null ? path : `${path} "${comm}"`));
  const width = Math.max(6, ...names.map((name) => name.length));
  const head = `  ${"target".padEnd(width)}  ${"rung".padEnd(15)}  ${"".padEnd(8)}  times  ${"first".padEnd(24)}  ${"last".padEnd(24)}  longest`;
  const rows = all.flatMap(({ rung, recorded, alternative }, i) => {
    const blank = `  ${"".padEnd(width)}  ${"".padEnd(15)}`;
    return [
      `  ${names[i]!.padEnd(width)}  ${rung.padEnd(15)}  recorded  ${deed(recorded)}`,
      `${blank}  what if   ${deed(alternative)}`,
    ];
  });
  return [paint.dim(head), ...rows, ...(omitted > 0 ? [`  … and ${omitted} actions on further targets`] : [])];
}

function deed(one: Deed | null): string {
  if (one === null) return "    –";
  const times = one.times === 0 ? "before" : String(one.times);
  const longest = `${one.open ? "≥ " : ""}${duration_text(one.longest_s)}`;
  return `${times.padStart(5)}  ${one.first.padEnd(24)}  ${one.last.padEnd(24)}  ${longest}`;
}
