import type { Outcome } from "../model/containment.ts";
import type { HeldItem } from "../model/control.ts";
import { outcome } from "./explain.ts";
import { shell_word } from "./shell_word.ts";
import type { Style } from "./style.ts";

export function outcome_line(result: Outcome): string {
  return `${result.verb} ${result.rung} ${result.target.path}: ${outcome(result)}`;
}

/** Who it is about, as an operator would name it. */
export function target_text({ target }: Pick<HeldItem, "target">): string {
  const task = target.tid ?? target.pid;
  const comm = target.comm === null ? "" : ` "${target.comm}"`;
  return task === null ? target.path : `${target.path} ${target.tid === null ? "process" : "thread"} ${task}${comm}`;
}

/** One item in two lines: what it is, and the value now beside the one that would be restored. */
export function held_lines(item: HeldItem, paint: Style, more = ""): readonly string[] {
  const ledger = item.ledger_id === null ? "" : `, ledger ${item.ledger_id}`;
  const quarantine = item.quarantine ? paint.red(" quarantine") : "";
  return [
    `  ${paint.bold(item.id)}${ledger}  ${item.rung}${quarantine}  ${target_text(item)}${more}`,
    `      ${item.file}: ${item.now ?? "unreadable now"} → ${item.restores}`,
  ];
}

/** How to release what is held, with names that exist. */
export function release_help(items: readonly HeldItem[]): string {
  const [first] = items;
  const one =
    first === undefined
      ? ""
      : `one: hosa release --id ${first.id}, one cgroup: --target ${shell_word(first.target.path)}, `;
  const quarantine = items.some((item) => item.quarantine) ? "the quarantine: --quarantine, " : "";
  return `${one}${quarantine}everything: hosa release --all`;
}

export function duration(seconds: number): string {
  if (seconds < 120) return `${Number(seconds.toFixed(1))} s`;
  return seconds < 7200 ? `${Math.round(seconds / 60)} min` : `${(seconds / 3600).toFixed(1)} h`;
}
