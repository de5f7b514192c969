import { type Config, ceiling_reason, dial_of, type Started } from "../config/index.ts";
import type { DecisionConfig } from "../decision/config.ts";
import type { Level } from "../model/level.ts";
import { protected_patterns } from "./protected_patterns.ts";

/** Without saying how it was started, an agent is the service. */
const AS_SERVICE: Started = { service: true, dry_run: false };

/**
 * A D̄ that lies near θ1 crosses it again and again: on a busy node 16 times in 170 s, with a line and a record each. It scatters by
 * less than this from beat to beat.
 */
const CALM_PART = 0.85;

/**
 * The part of the configuration the decision may know, in its units.
 * @param shielded the node has a network shield
 * @param reserved the swap that was set aside can be used
 */
export function decision_config(
  config: Config,
  own_path: string,
  shielded = false,
  reserved = config.reserve.path !== "",
  dial = dial_of(config, AS_SERVICE),
): DecisionConfig {
  const { act, beat, governor, learning, levels } = config;
  const bound = ceiling_reason(dial);
  return {
    period_ms: beat.period_ms,
    vigilant_period_ms: beat.vigilant_period_ms,
    relax_s: beat.relax_s,
    trend_s: levels.trend_s,
    hold_s: levels.hold_s,
    calm_part: CALM_PART,
    habituate: {
      after_s: learning.habituate_s,
      bound: learning.habituate_bound,
      rho: learning.habituate_rho,
      entropy_bits: learning.habituate_entropy_bits,
    },
    act: {
      sustained_s: act.sustained_ms / 1000,
      ttf_horizon_s: act.ttf_horizon_s,
      ttf_critical_s: act.ttf_critical_s,
      reaction_reserve_s: act.reaction_reserve_s,
      necessity_headroom: act.necessity_headroom,
      cgroup_warmup_s: act.warmup_cgroup_s,
      exec_grace_s: act.exec_grace_s,
    },
    hold: {
      thread_share: act.thread_share,
      rest_min: act.rest_min,
      touch_s: act.touch_ms / 1000,
      attempts: act.touch_attempts,
      probation_s: act.probation_s,
      probation_headroom: act.probation_headroom,
      probe_first_s: act.probe_first_s,
      probe_max_s: act.probe_max_s,
      probe_dose_s: act.probe_dose_ms / 1000,
    },
    governor,
    ...(reserved ? { reserve: { size_bytes: config.reserve.size_bytes } } : {}),
    ...(shielded ? { shield: { admit_share: config.shield.admit_share } } : {}),
    stall_floor: { cpu: act.stall_floor_cpu, memory: act.stall_floor_memory, io: act.stall_floor_io },
    protect: protected_patterns(config),
    prefer: config.prefer,
    release: {
      cooldown_s: config.control.release_cooldown_s,
      contain_again_when_critical: config.control.contain_again_when_critical,
    },
    own_path,
    ceiling: dial.max_level,
    ...(bound === null ? {} : { ceiling_because: bound }),
    ...(config.quarantine.count_refusals ? { refusals_count: true } : {}),
  };
}

/** After the reboot of a node that was in quarantine the agent may choose no level above this one. */
export function bounded_by(rules: DecisionConfig, ceiling: Level): DecisionConfig {
  if (ceiling >= (rules.ceiling ?? 5)) return rules;
  return { ...rules, ceiling, ceiling_because: "conservative" };
}
