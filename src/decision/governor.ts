import type { GovernorConfig } from "./config.ts";

/**
 * The memory governor's law (docs/CONTAINMENT.md). With M the usage and P = M₀ + plateau·H₀ the plateau, the ceiling asks for
 * dM/dt ≤ (P − M)/τ: usage approaches P exponentially and never passes it. The ceiling is written one look-ahead
 * ahead of usage, never below usage: the kernel would reclaim synchronously inside that write.
 *
 * @param usage_bytes usage now (M)
 * @param plateau_bytes the plateau (P)
 * @param look_ahead_s how long this ceiling must last, usually a few beats
 * @returns the ceiling for memory.high, bytes, a whole number of pages
 */
export function governed_high(
  usage_bytes: number,
  plateau_bytes: number,
  look_ahead_s: number,
  config: GovernorConfig,
): number {
  const room = Math.max(0, plateau_bytes - usage_bytes);
  const allowance = Math.max(config.min_allowance_bytes, room * (1 - Math.exp(-look_ahead_s / config.tau_s)));
  return Math.ceil((usage_bytes + allowance) / 4096) * 4096;
}

/** The plateau for a growth met with `usage` and `headroom` at its onset. */
export function plateau(usage_bytes: number, headroom_bytes: number, config: GovernorConfig): number {
  return usage_bytes + config.plateau_fraction * headroom_bytes;
}
