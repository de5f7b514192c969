import type { Thresholds } from "../model/assessment.ts";
import { num } from "./number.ts";

/** How each threshold came about, in words. */
const WORDS = {
  fitted: "fitted to this node",
  floor: "the chi-square floor, not fitted",
  ceiling: "at the ceiling of what is fitted",
  spaced: "kept apart from the one below",
  fixed: "fixed by the configuration",
  warmup: "provisional until the warm-up has ended",
} as const;

/** `θ1 7.36, θ2 8.62: the chi-square floor, not fitted; θ3 …`; thresholds of one kind are told together. */
export function thresholds_text({ theta, source, basis }: Thresholds): string {
  const kinds = basis ?? theta.map(() => (source === "learned" ? null : source));
  const groups: { kind: (typeof kinds)[number]; values: string[] }[] = [];
  for (const [i, value] of theta.entries()) {
    const text = `θ${i + 1} ${num(value)}`;
    const last = groups.at(-1);
    if (last !== undefined && last.kind === kinds[i]) last.values.push(text);
    else groups.push({ kind: kinds[i] ?? null, values: [text] });
  }
  // Older records do not say which of the learned ones are the floor.
  const told = ({ kind, values }: (typeof groups)[number]) =>
    `${values.join(", ")}: ${kind === null ? "learned" : WORDS[kind]}`;
  return groups.map(told).join("; ");
}
