import type { Assessment, GrowthAssessment } from "../model/assessment.ts";
import type { Excuse } from "../model/decision.ts";
import type { Maybe } from "../model/sample.ts";

/** A cgroup that carries less of the node's growth than this would be held for what others do. */
export const PART_OF_NODE = 1 / 3;

/** How fast the node itself runs out of memory, bytes/s. */
export function node_slope({ growth, node_ttf }: Assessment): number {
  let slope = node_ttf.slope_bytes_per_s;
  for (const one of growth) if (one.path === "/") slope = Math.max(slope, one.slope_bytes_per_s);
  return slope;
}

/** The growth has no nearer limit than the node's memory, and carries too small a part of what the node loses; null otherwise. */
export function small_part_of_node(
  { path, ttf, slope_bytes_per_s }: GrowthAssessment,
  node_slope_bytes_per_s: number,
): Maybe<Excuse> {
  if (path === "/" || ttf.resource !== "node_memory") return null;
  if (slope_bytes_per_s >= PART_OF_NODE * node_slope_bytes_per_s) return null;
  return { code: "small_part_of_node", slope_bytes_per_s, node_slope_bytes_per_s };
}
