import { decision_config } from "../../src/agent/decision_config.ts";
import { default_config } from "../../src/config/index.ts";
import { decide } from "../../src/decision/decide.ts";
import { initial_state } from "../../src/decision/state.ts";
import type { Assessment } from "../../src/model/assessment.ts";
import type { ActionEntry, AuditEntry, AuditRecord } from "../../src/model/audit.ts";
import type { Outcome } from "../../src/model/containment.ts";
import type { Decision } from "../../src/model/decision.ts";
import type { BeatView } from "../../src/model/view.ts";

const MIB = 1_048_576;

/** A service that leaks 50 MiB/s, two seconds after the onset. */
export function assessment(change: Partial<Assessment> = {}): Assessment {
  const ttf = {
    resource: "cgroup_memory",
    cgroup_id: 77,
    headroom_bytes: 700 * MIB,
    slope_bytes_per_s: 50 * MIB,
    acceleration_bytes_per_s2: 0,
    ttf_s: 14,
    ttf_accelerated_s: 14,
  } as const;
  return {
    t_ns: 12_000_000_000,
    dimension_names: ["cpu_busy_fraction", "memory_growth_bytes_per_s"],
    x: [0.25, 50 * MIB],
    mean: [0.2, 0],
    d: 8.4,
    d_smooth: 7.9,
    velocity: 4.25,
    acceleration: 1.1,
    phi: 0.8,
    contribution: [10.56, 60],
    dominant: [1, 0],
    dominant_resource: "memory",
    thresholds: { theta: [3, 5, 7, 9], source: "fixed" },
    opinions: null,
    warm: true,
    learned_samples: 3000,
    stall: { cpu: 0.01, memory: 0, io: 0 },
    stall_tail: { cpu: 0.2, memory: 0.1, io: 0.2 },
    leader_stall: null,
    node_ttf: {
      ...ttf,
      resource: "node_memory",
      cgroup_id: null,
      headroom_bytes: 4096 * MIB,
      ttf_s: 82,
      ttf_accelerated_s: 82,
    },
    growth: [
      {
        cgroup_id: 77,
        path: "/svc/leaky",
        memory_bytes: 320 * MIB,
        slope_bytes_per_s: 50 * MIB,
        slope_tail_bytes_per_s: MIB,
        sustained_s: 2,
        gained_bytes: 100 * MIB,
        falling: false,
        age_s: 3600,
        exec_age_s: null,
        ttf,
      },
    ],
    changes: [{ cgroup_id: 77, path: "/svc/leaky", rate: 50 * MIB, baseline_rate: 1000, change: 41 }],
    oom_kills: 0,
    search: null,
    containments: [],
    ...change,
  };
}

/** What decide() makes of it, with the input it was given. */
export function decided(change: Partial<Assessment> = {}): { input: ActionEntry["input"]; decision: Decision } {
  const input = {
    assessment: assessment(change),
    state: initial_state(11_900_000_000),
    config: decision_config(default_config(), "/system.slice/hosa.service"),
  };
  return { input, decision: decide(input.assessment, input.state, input.config, input.assessment.t_ns).decision };
}

export function outcome(change: Partial<Outcome> = {}): Outcome {
  return {
    id: "c1",
    verb: "apply",
    rung: "thread_hold",
    target: { cgroup_id: 77, path: "/svc/leaky", pid: 900, tid: 901, comm: "leaker" },
    t_ns: 12_000_000_000,
    status: "done",
    file: "/svc/leaky/hosa.901/cgroup.freeze",
    prior: "0",
    written: "1",
    ledger_id: "4-1",
    detail: "",
    ...change,
  };
}

/** An action on the leaking thread, written out so that the text does not depend on the decision's present rules. */
export function action_entry(): ActionEntry & { readonly t_ns: number } {
  const { input, decision } = decided();
  return {
    t_ns: 12_000_000_000,
    kind: "action",
    input,
    decision: {
      ...decision,
      level: 2,
      previous_level: 1,
      rule: "D̄ 7.90 > θ2 5.00 and rising, with harm",
      harm: {
        present: true,
        witness: "ttf",
        value: 14,
        bound: 60,
        unit: "s",
        evidence: "strong",
        because: ["growth sustained for 2 s"],
      },
      culprit: {
        scope: "thread",
        cgroup_id: 77,
        path: "/svc/leaky",
        pid: 900,
        tid: 901,
        comm: "leaker",
        change: 41,
        rate: 52_428_800,
        baseline_rate: 1000,
        share: 0.97,
        protected: null,
        note: "",
      },
      actions: [
        {
          id: "c1",
          verb: "apply",
          target: outcome().target,
          setting: { rung: "thread_hold", frozen: true },
          reason: "one thread carries 97 % of the growth",
        },
      ],
      inaction: "",
    },
    outcomes: [outcome()],
  };
}

export function record<T extends AuditEntry>(entry: T, seq = 17): AuditRecord & T {
  const envelope = {
    seq,
    wall_time: "2026-01-02T03:04:05.000Z",
    id: `e${seq}`,
    prev: "0".repeat(64),
    hash: "f".repeat(64),
  };
  return { ...envelope, ...entry } as AuditRecord & T;
}

export function view(change: Partial<BeatView> = {}): BeatView {
  return {
    t_ns: 12_300_000_000,
    level: 2,
    level_name: "soft containment",
    d: 8.4,
    d_smooth: 7.9,
    velocity: 4.25,
    acceleration: -1.1,
    phi: 0.8,
    x: { cpu_busy_fraction: 0.25, memory_growth_bytes_per_s: 52_428_800 },
    share: { cpu_busy_fraction: 0.15, memory_growth_bytes_per_s: 0.85 },
    culprit: {
      path: "/svc/leaky",
      cgroup_id: 77,
      pid: 900,
      tid: 901,
      comm: "leaker",
      scope: "thread",
      change: 41,
      protected: null,
      note: "",
    },
    harm: { present: true, witness: "ttf", value: 14, bound: 60, unit: "s", evidence: "strong" },
    contribution: { cpu_busy_fraction: 10.56, memory_growth_bytes_per_s: 60 },
    thresholds: { theta: [3, 5, 7, 9], source: "fixed" },
    warm: true,
    inaction: "",
    actions: [],
    story: { pattern: null, named: null, unnamed: "not_recorded", headline: "The node left its normal state." },
    episode: null,
    changes: { resource: "memory", cgroups: [], tasks: [] },
    ...change,
  };
}
