import type { GovernorConfig } from "./config.ts";

/** A cgroup that stalls this share of its time gets its allowance twice as fast, while there is headroom to give. */
const STALLED = 0.5;

/** What is known of a governed cgroup when its ceiling is planned. Bytes. */
export interface Governed {
  readonly usage_bytes: number;
  /** To the tightest limit: the cgroup's, an ancestor's, the node's. */
  readonly headroom_bytes: number;
  readonly headroom_at_onset_bytes: number;
}

/**
 * The ceiling that leaves `1 − fraction` of the headroom found at the onset. Re-planned from the headroom of now, so that
 * a neighbour who takes memory lowers it.
 */
export function ceiling_at(fraction: number, seen: Governed): number {
  return seen.usage_bytes + seen.headroom_bytes - (1 - fraction) * seen.headroom_at_onset_bytes;
}

/** The first ceiling: where the free part ends, and one allowance above usage at least, so that nothing is reclaimed. */
export function first_ceiling(seen: Governed, config: GovernorConfig): number {
  return Math.max(ceiling_at(config.free_fraction, seen), seen.usage_bytes + config.min_allowance_bytes);
}

/** The usage has come so near to the ceiling that the kernel slows it down. */
export function binds(ceiling_bytes: number, usage_bytes: number, config: GovernorConfig): boolean {
  return ceiling_bytes - usage_bytes < config.min_allowance_bytes;
}

/**
 * The memory governor's law (docs/CONTAINMENT.md). Below the ceiling h the growth runs free; while it binds, h follows
 * dh/dt = (P − h)/τ toward the plateau P, so usage, which the kernel keeps near h, approaches P and never passes it.
 *
 * @param ceiling_bytes the ceiling in force (h); it never falls, because below usage it would block the writer
 * @param dt_s time since the ceiling was last planned
 * @param stall_full the cgroup's own memory PSI "full" share, null when unknown
 * @returns the next ceiling, bytes
 */
export function next_ceiling(
  ceiling_bytes: number,
  seen: Governed,
  dt_s: number,
  stall_full: number | null,
  config: GovernorConfig,
): number {
  const free = Math.max(ceiling_bytes, ceiling_at(config.free_fraction, seen));
  if (!binds(free, seen.usage_bytes, config)) return free;
  const pace = stall_full !== null && stall_full > STALLED ? 2 : 1;
  const room = Math.max(0, ceiling_at(config.plateau_fraction, seen) - free);
  return free + room * (1 - Math.exp((-dt_s * pace) / config.tau_s));
}
