/**
 * Keys a reload changes while the agent runs (`systemctl reload`, SIGHUP); a name stands for itself and for what is below it. Every
 * other key belongs to something that is opened or learned at the start, and needs a restart.
 */
export const LIVE_KEYS: readonly string[] = [
  "autonomy",
  "max_level",
  "beat",
  "learning.habituate_s",
  "learning.habituate_bound",
  "learning.habituate_rho",
  "learning.habituate_entropy_bits",
  "levels",
  "act",
  "motor.enabled",
  "motor.max_targets_per_minute",
  "motor.cooldown_s",
  "motor.expiry_s",
  "governor",
  "protect",
  "contain_only",
  "prefer",
  "telemetry.heartbeat_s",
  "hooks",
  "log.level",
];

export function is_live(path: string): boolean {
  return LIVE_KEYS.some((name) => path === name || path.startsWith(`${name}.`));
}
