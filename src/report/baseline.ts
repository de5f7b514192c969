import type { AuditRecord, BaselineEntry } from "../model/audit.ts";
import { counted } from "../model/counted.ts";
import { num } from "./number.ts";
import type { Style } from "./style.ts";

/** The learned self: μ and σ per dimension (scaled units), thresholds, and the tail they came from. */
export function explain_baseline(record: AuditRecord & BaselineEntry, paint: Style): string {
  const width = Math.max(9, ...record.dimensions.map((name) => name.length));
  const { theta, source } = record.thresholds;
  const tail = record.tail;
  return `${[
    `${paint.bold(record.id)}  ${record.wall_time}  baseline from ${counted(record.samples, "sample")}`,
    paint.dim(`  ${"dimension".padEnd(width)} ${"μ".padStart(12)} ${"σ".padStart(12)}`),
    ...record.dimensions.map((name, j) => {
      const mean = num(record.mean[j], 4).padStart(12);
      return `  ${name.padEnd(width)} ${mean} ${num(record.sigma[j], 4).padStart(12)}`;
    }),
    `  thresholds (${source}): ${theta.map((value, i) => `θ${i + 1} ${num(value)}`).join(", ")}`,
    tail === null
      ? "  tail fit: none (fixed thresholds, or too few episodes beyond the start of the tail)"
      : `  tail fit: generalized Pareto beyond ${num(tail.threshold)}, shape ${num(tail.shape, 3)}, scale ${num(tail.scale, 3)}, ` +
        `${counted(tail.episodes, "episode")} (${num(tail.episodes_per_s * 3600, 1)} per hour) in ${tail.samples} ${what(tail.block_s)}`,
  ].join("\n")}\n`;
}

function what(block_s: number | undefined): string {
  return block_s === undefined ? "samples" : `maxima of ${block_s} s of learned time`;
}
