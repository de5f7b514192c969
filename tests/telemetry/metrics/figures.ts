import type { Assessment } from "../../../src/model/assessment.ts";
import type { Outcome, Rung } from "../../../src/model/containment.ts";
import type { MetricFigures } from "../../../src/telemetry/metrics/catalogue.ts";
import { Tally } from "../../../src/telemetry/metrics/tally.ts";

export function assessment(over: Partial<Assessment> = {}): Assessment {
  return {
    t_ns: 1e9,
    dimension_names: ["cpu_busy_fraction", "memory_growth_bytes_per_s"],
    x: [0.5, 2e6],
    mean: [0.1, 3],
    d: 5,
    d_smooth: 4.5,
    velocity: 0.25,
    acceleration: -0.5,
    phi: 1.5,
    contribution: [5, 20],
    dominant: [1, 0],
    dominant_resource: "memory",
    thresholds: { theta: [3, 4, 5, 6], source: "learned" },
    opinions: { score: 2, theta: 9, votes: { isolation: 1.5, zscore: 0.5 }, decide: false },
    warm: true,
    learned_samples: 3000,
    stall: { cpu: 0.1, memory: null, io: 0 },
    stall_tail: { cpu: null, memory: null, io: null },
    leader_stall: null,
    node_ttf: {
      resource: "node_memory",
      cgroup_id: null,
      headroom_bytes: 1e9,
      slope_bytes_per_s: 1e7,
      acceleration_bytes_per_s2: 0,
      ttf_s: 100,
      ttf_accelerated_s: null,
    },
    growth: [],
    changes: [],
    oom_kills: 0,
    search: null,
    containments: [],
    ...over,
  };
}

export function outcome(rung: Rung, status: Outcome["status"] = "done", over: Partial<Outcome> = {}): Outcome {
  return {
    id: `c-${rung}`,
    verb: "apply",
    rung,
    target: { cgroup_id: 7, path: "/leaky.service", pid: null, tid: null, comm: null },
    t_ns: 1e9,
    status,
    file: null,
    prior: null,
    written: null,
    ledger_id: null,
    detail: "",
    ...over,
  };
}

/** Every family of metrics has a value. */
export function figures(over: Partial<MetricFigures> = {}): MetricFigures {
  const tally = new Tally();
  tally.note({ verdicts: [{ id: "c-freeze", verdict: "no_effect", detail: "" }] }, [outcome("freeze", "refused")]);
  const histogram = {
    buckets: [
      { at_most: 0.001, count: 3 },
      { at_most: 0.002, count: 5 },
    ],
    count: 6,
    sum: 0.0125,
  };
  return {
    version: "0.1.0",
    dial: { autonomy: "correction", max_level: 4, acts: true, tells: true, dry_run: false },
    engine: { state: "degraded", lost: ["shield: no interface has a default route"] },
    pause: { left_s: 1200, reason: 'disk "sda"' },
    would_do: 0,
    assessment: assessment(),
    level: 2,
    live: ["memory_governor"],
    tally,
    beats: { count: 6, lost: 1, missed: 2, age_s: 0.05, period_s: 0.01, cost: histogram, lateness: histogram },
    audit: { written: 12, dropped: 0 },
    webhooks: [{ name: "1", delivered: 2, failed_attempts: 1, dropped: 0, waiting: 1 }],
    hooks: { hooks: [{ hook: "pre 1", runs: { ok: 3, failed: 1, late: 0, not_run: 0 } }], dropped: 2 },
    process: { resident_bytes: 4e7, cpu_s: 1.25 },
    ...over,
  };
}
