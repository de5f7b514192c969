import type { Assessment } from "../model/assessment.ts";
import type { Harm } from "../model/decision.ts";
import type { DecisionConfig } from "./config.ts";
import type { OutsideStall } from "./state.ts";

export type StallResource = "memory" | "io" | "cpu";
export const STALL_RESOURCES: readonly StallResource[] = ["memory", "io", "cpu"];

/** Time constant of the average: the stalls of a flood come in waves of some tens of ms, and between them nobody stalls. */
const AVERAGE_S = 1;
/** How long the average must be beyond its bound; a second lies behind it already. */
const SUSTAINED_S = 1;
/** A flood that pauses, or whose counts do, is the same flood for so long. */
const PAUSE_S = 1;

/** The least stall share that counts: the learned tail, or the configured floor. */
export function stall_bound(assessment: Assessment, config: DecisionConfig, resource: StallResource): number {
  return Math.max(assessment.stall_tail[resource] ?? 0, config.stall_floor[resource]);
}

/**
 * The node's stall shares averaged while load comes from outside: then whoever stalls is its victim, also the service that answers
 * it. Null without such load, so that nothing else is ever judged by it.
 */
export function average_stall(
  assessment: Assessment,
  outside: boolean,
  before: OutsideStall | null,
  config: DecisionConfig,
  now_ns: number,
): OutsideStall | null {
  const since_s = before === null ? Number.POSITIVE_INFINITY : (now_ns - before.t_ns) / 1e9;
  const kept = since_s <= PAUSE_S ? before : null;
  if (!outside) return kept;
  const weight = kept === null ? 0 : -Math.expm1(-since_s / AVERAGE_S);
  const next = (resource: StallResource) => {
    const from = kept?.[resource] ?? 0;
    return from + weight * ((assessment.stall[resource] ?? 0) - from);
  };
  const averages = { memory: next("memory"), io: next("io"), cpu: next("cpu") };
  const beyond = STALL_RESOURCES.some((each) => averages[each] > stall_bound(assessment, config, each));
  return { t_ns: now_ns, ...averages, since_ns: beyond ? (kept?.since_ns ?? now_ns) : null };
}

/** The witness of harm that load from outside gives; null while it stalls the node too little, or not for long enough. */
export function harm_from_outside(
  assessment: Assessment,
  stall: OutsideStall | null,
  config: DecisionConfig,
  now_ns: number,
): Harm | null {
  if (stall === null || stall.t_ns !== now_ns || stall.since_ns === null) return null;
  const lasted_s = (now_ns - stall.since_ns) / 1e9;
  if (lasted_s < SUSTAINED_S) return null;
  const beyond = STALL_RESOURCES.filter((each) => stall[each] > stall_bound(assessment, config, each));
  const [resource] = beyond.toSorted((one, other) => stall[other] - stall[one]);
  if (resource === undefined) return null;
  const percent = (100 * stall[resource]).toFixed(0);
  return {
    present: true,
    witness: "stall",
    value: stall[resource],
    bound: stall_bound(assessment, config, resource),
    unit: `share of time the node stalls on ${resource}, averaged over ${AVERAGE_S} s`,
    evidence: "strong",
    because: [
      `load from outside has stalled the node on ${resource} for ${lasted_s.toFixed(1)} s, ${percent} % of the time`,
    ],
  };
}
