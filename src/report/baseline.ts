import type { AuditRecord, BaselineEntry } from "../model/audit.ts";
import { counted } from "../model/counted.ts";
import { clock_text } from "./episode_words.ts";
import { num } from "./number.ts";
import type { Style } from "./style.ts";
import { thresholds_text } from "./thresholds.ts";

/** The learned self: μ and σ per dimension (scaled units), thresholds, and the tail they came from. */
export function explain_baseline(record: AuditRecord & BaselineEntry, paint: Style): string {
  const width = Math.max(9, ...record.dimensions.map((name) => name.length));
  const tail = record.tail;
  return `${[
    `${paint.bold(record.id)}  ${clock_text(record.wall_time)}  baseline from ${counted(record.samples, "sample")}`,
    paint.dim(`  ${"dimension".padEnd(width)} ${"μ".padStart(12)} ${"σ".padStart(12)}`),
    ...record.dimensions.map((name, j) => {
      const mean = num(record.mean[j], 4).padStart(12);
      return `  ${name.padEnd(width)} ${mean} ${num(record.sigma[j], 4).padStart(12)}`;
    }),
    `  thresholds: ${thresholds_text(record.thresholds)}`,
    tail === null
      ? `  tail fit: none (${why_no_fit(record)})`
      : `  tail fit: generalized Pareto beyond ${num(tail.threshold)}, shape ${num(tail.shape, 3)}, scale ${num(tail.scale, 3)}, ` +
        `${counted(tail.episodes, "episode")} (${num(tail.episodes_per_s * 3600, 1)} per hour) in ${tail.samples} ${what(tail.block_s)}`,
  ].join("\n")}\n`;
}

function why_no_fit({ thresholds }: BaselineEntry): string {
  if (thresholds.source === "fixed") return "the thresholds are fixed by the configuration";
  return "too few episodes beyond the start of the tail, so the thresholds are the chi-square floor";
}

function what(block_s: number | undefined): string {
  return block_s === undefined ? "samples" : `maxima of ${block_s} s of learned time`;
}
