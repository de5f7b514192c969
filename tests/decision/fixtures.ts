import type { DecisionConfig } from "../../src/decision/config.ts";
import type { Assessment, GrowthAssessment } from "../../src/model/assessment.ts";
import type { ContainmentObservation } from "../../src/model/containment.ts";
import type { ThreadSearch } from "../../src/model/search.ts";

export const MIB = 1048576;

export const CONFIG: DecisionConfig = {
  period_ms: 100,
  vigilant_period_ms: 10,
  relax_s: 5,
  trend_s: 0.5,
  hold_s: [2, 5, 10, 20],
  habituate: { after_s: 1800, bound: 5, rho: 2, entropy_bits: 1 },
  act: {
    sustained_s: 0.3,
    ttf_horizon_s: 60,
    ttf_critical_s: 2,
    reaction_reserve_s: 5,
    necessity_headroom: 0.5,
    cgroup_warmup_s: 30,
    exec_grace_s: 20,
  },
  hold: {
    thread_share: 0.7,
    rest_min: 0.5,
    touch_s: 0.12,
    attempts: 8,
    probation_s: 3.2,
    probation_headroom: 0.5,
    probe_first_s: 5,
    probe_max_s: 60,
    probe_dose_s: 0.01,
  },
  governor: { free_fraction: 0.85, plateau_fraction: 0.95, tau_s: 60, min_allowance_bytes: 4 * MIB },
  stall_floor: { cpu: 0.3, memory: 0.1, io: 0.2 },
  protect: [],
  prefer: [],
  release: { cooldown_s: 600, contain_again_when_critical: false },
  own_path: "/hosa",
};

/** A quiet, learned node; each test says what is different. */
export function assessment(overrides: Partial<Assessment> = {}): Assessment {
  return {
    t_ns: 1e9,
    dimension_names: ["memory_growth_bytes_per_s", "cpu_busy"],
    x: [0, 0.1],
    mean: [0, 0.1],
    d: 1,
    d_smooth: 1,
    velocity: 0,
    acceleration: 0,
    phi: 0,
    contribution: [0.5, 0.5],
    dominant: [0, 1],
    dominant_resource: "memory",
    thresholds: { theta: [3, 5, 7, 9], source: "fixed" },
    opinions: null,
    warm: true,
    learned_samples: 3000,
    stall: { cpu: 0, memory: 0, io: 0 },
    stall_tail: { cpu: 0.05, memory: 0.01, io: 0.05 },
    leader_stall: null,
    node_ttf: {
      resource: "node_memory",
      cgroup_id: null,
      headroom_bytes: 1500 * MIB,
      slope_bytes_per_s: 0,
      acceleration_bytes_per_s2: 0,
      ttf_s: null,
      ttf_accelerated_s: null,
    },
    growth: [],
    changes: [],
    oom_kills: 0,
    search: null,
    containments: [],
    ...overrides,
  };
}

/** An aged service that leaks at a rate, seen for some time, with the headroom left. */
export function growth(
  rate_bytes_per_s: number,
  sustained_s: number,
  headroom_bytes: number,
  overrides: Partial<GrowthAssessment> = {},
): GrowthAssessment {
  return {
    cgroup_id: 7,
    path: "/payment.slice",
    memory_bytes: 150 * MIB,
    slope_bytes_per_s: rate_bytes_per_s,
    slope_tail_bytes_per_s: 2 * MIB,
    sustained_s,
    gained_bytes: rate_bytes_per_s * sustained_s,
    falling: false,
    age_s: 60,
    exec_age_s: 60,
    ttf: {
      resource: "cgroup_memory",
      cgroup_id: 7,
      headroom_bytes,
      slope_bytes_per_s: rate_bytes_per_s,
      acceleration_bytes_per_s2: 0,
      ttf_s: headroom_bytes / rate_bytes_per_s,
      ttf_accelerated_s: null,
    },
    ...overrides,
  };
}

/** One thread carries the growth, five others serve requests. */
export function search(share = 0.95, overrides: Partial<ThreadSearch> = {}): ThreadSearch {
  return {
    cgroup_id: 7,
    resource: "memory",
    window_s: 0.1,
    threads_searched: 6,
    total_steps_per_s: 500,
    threads: [
      {
        tid: 102,
        pid: 100,
        comm: "cache-filler",
        fault_bytes_per_s: 50 * MIB,
        baseline_fault_bytes_per_s: 0,
        cpu_share: 0.05,
        io_bytes_per_s: 0,
        steps_per_s: 100,
        share,
        age_s: 60,
      },
      {
        tid: 101,
        pid: 100,
        comm: "worker",
        fault_bytes_per_s: 2 * MIB,
        baseline_fault_bytes_per_s: 2 * MIB,
        cpu_share: 0.1,
        io_bytes_per_s: 0,
        steps_per_s: 400,
        share: 1 - share,
        age_s: 60,
      },
    ],
    runtime: null,
    runtime_heap_limit_bytes: null,
    ...overrides,
  };
}

/** A containment in force of which nothing is measured; each test says what is. */
export function observation(
  id: string,
  rung: ContainmentObservation["rung"],
  seen: Partial<ContainmentObservation> = {},
): ContainmentObservation {
  return {
    id,
    rung,
    status: "done",
    detail: "",
    frozen: null,
    alive: true,
    in_force: true,
    memory_bytes: null,
    headroom_bytes: null,
    slope_bytes_per_s: null,
    rest_steps_per_s: null,
    rest_steps_before_per_s: null,
    rest_window_s: null,
    asleep: null,
    stall_full: null,
    ...seen,
  };
}
