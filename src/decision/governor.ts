import type { GovernorConfig } from "./config.ts";

/** A cgroup that stalls this share of its time gets its allowance twice as fast, while there is headroom to give. */
const STALLED = 0.5;

/**
 * The memory governor's law (docs/CONTAINMENT.md). The ceiling h follows dh/dt = (P − h)/τ toward the plateau P, whatever
 * the usage does below it: so usage, which the kernel keeps at h, approaches P exponentially and never passes it.
 *
 * @param ceiling_bytes the ceiling in force (h)
 * @param plateau_bytes the plateau (P); a ceiling beyond it stays, because lowering it below usage would block the writer
 * @param dt_s time since the ceiling was last planned
 * @param stall_full the cgroup's own memory PSI "full" share, null when unknown
 * @returns the next ceiling, bytes
 */
export function next_ceiling(
  ceiling_bytes: number,
  plateau_bytes: number,
  dt_s: number,
  stall_full: number | null,
  config: GovernorConfig,
): number {
  const pace = stall_full !== null && stall_full > STALLED ? 2 : 1;
  const room = Math.max(0, plateau_bytes - ceiling_bytes);
  return ceiling_bytes + room * (1 - Math.exp((-dt_s * pace) / config.tau_s));
}

/**
 * The plateau: usage plus what may still be used, keeping (1 − plateau_fraction) of the headroom found at the onset.
 * Re-planned from the headroom of now, so that a neighbour who takes memory lowers it.
 */
export function plateau(
  usage_bytes: number,
  headroom_bytes: number,
  headroom_at_onset_bytes: number,
  config: GovernorConfig,
): number {
  return usage_bytes + headroom_bytes - (1 - config.plateau_fraction) * headroom_at_onset_bytes;
}

/** The first ceiling: one allowance above usage, so that nothing is reclaimed at once. */
export function first_ceiling(usage_bytes: number, config: GovernorConfig): number {
  return usage_bytes + config.min_allowance_bytes;
}
