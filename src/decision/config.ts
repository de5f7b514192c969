import type { CeilingReason } from "../model/dial.ts";
import type { Level } from "../model/level.ts";

/** When a calm plateau may be learned as normal. */
export interface HabituationConfig {
  /** It has lasted this long. */
  readonly after_s: number;
  /** D̄ is at most this multiple of θ4. */
  readonly bound: number;
  /** Its covariance and its entropy are near the learned ones. */
  readonly rho: number;
  readonly entropy_bits: number;
}

/** Everything `decide` may know of the configuration: plain JSON, recorded with each decision so it can be re-run. */
export interface DecisionConfig {
  readonly period_ms: number;
  readonly vigilant_period_ms: number;
  /** Level 0 for this long before the beat slows down again. */
  readonly relax_s: number;
  /** A rise counts as a trend when it lasts this long and would carry D̄ a third of θ1 in that time. */
  readonly trend_s: number;
  readonly habituate: HabituationConfig;
  /** Time the condition of a level must be gone before it is left, for levels 1..4. */
  readonly hold_s: readonly [number, number, number, number];
  /** Part of θ1 below which D̄ must fall before level 1 is left; absent in older records: all of it. */
  readonly calm_part?: number;
  readonly act: ActConfig;
  readonly hold: HoldConfig;
  readonly governor: GovernorConfig;
  /** Swap an operator set aside; absent where there is none. */
  readonly reserve?: ReserveConfig;
  /** Part of the new flows level 3 admits at first; absent where the node has no shield. */
  readonly shield?: { readonly admit_share: number };
  /** Share of stalled time that counts as harm when it is also beyond the learned tail; 1 means never alone. */
  readonly stall_floor: { readonly cpu: number; readonly memory: number; readonly io: number };
  /** Cgroup path patterns (`*` within one segment, `**` across) that are never limited. */
  readonly protect: readonly string[];
  /** Cgroup path patterns taken first where candidates tie. */
  readonly prefer: readonly string[];
  /** What an operator released is left alone for so long, unless a critical time to failure may overrule that. */
  readonly release: { readonly cooldown_s: number; readonly contain_again_when_critical: boolean };
  /** HOSA's own cgroup, never limited. */
  readonly own_path: string;
  /** Highest level there may be. Absent in older records: 5. */
  readonly ceiling?: Level;
  /** What bounds it below 5: the dial, or the reboot of a node that was in quarantine. Absent in older records: the latter. */
  readonly ceiling_because?: CeilingReason;
  /** What the motor refuses counts toward level 5 as well as what was seen to fail. */
  readonly refusals_count?: boolean;
}

/** When to act (SPEC §5): strong evidence acts early, weak evidence waits until necessity. */
export interface ActConfig {
  readonly sustained_s: number;
  readonly ttf_horizon_s: number;
  readonly ttf_critical_s: number;
  readonly reaction_reserve_s: number;
  /** Necessity also asks that this part of the headroom found at the onset is already consumed. */
  readonly necessity_headroom: number;
  readonly cgroup_warmup_s: number;
  readonly exec_grace_s: number;
}

/** How a thread is held (docs/CONTAINMENT.md). */
export interface HoldConfig {
  /** Smallest share of the change one thread must carry to be the culprit. */
  readonly thread_share: number;
  /** The rest of the service must keep at least this part of its earlier pace. */
  readonly rest_min: number;
  /** Length of the first, trial hold. */
  readonly touch_s: number;
  /** Freezes tried before a thread is given up as always holding what the others need. */
  readonly attempts: number;
  /** How long a growth may go on, from its onset, to show that it stops by itself. */
  readonly probation_s: number;
  /** Probation also ends when this part of the headroom found at the onset is consumed. */
  readonly probation_headroom: number;
  readonly probe_first_s: number;
  readonly probe_max_s: number;
  readonly probe_dose_s: number;
}

/** Swap an operator set aside for what a governed cgroup pushes out. */
export interface ReserveConfig {
  readonly size_bytes: number;
}

/** How the ceiling of the memory governor is planned; parts of headroom without unit. */
export interface GovernorConfig {
  /** Part of the headroom found at the onset that the growth may use at full speed. */
  readonly free_fraction: number;
  /** Part of it that the growth may use in the end. */
  readonly plateau_fraction: number;
  /** Time constant with which the ceiling rises to the plateau once the usage has reached it. */
  readonly tau_s: number;
  /** The first ceiling lies this far above usage, so that nothing is reclaimed at once. */
  readonly min_allowance_bytes: number;
}
