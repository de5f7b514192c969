import type { Outcome } from "../../../src/model/containment.ts";
import type { Decision } from "../../../src/model/decision.ts";
import type { Level } from "../../../src/model/level.ts";
import type { Notice } from "../../../src/model/notice.ts";
import type { ToldBeat } from "../../../src/telemetry/webhook/episode.ts";
import { assessment } from "../metrics/figures.ts";

/** A beat so many seconds after the first. */
export function beat(level: Level, at_s: number, outcomes: readonly Outcome[] = []): ToldBeat {
  const decision: Decision = {
    t_ns: at_s * 1e9,
    level,
    previous_level: level,
    rule: "D̄ 4.50 > θ2 4.00",
    harm: { present: true, witness: "ttf", value: 30, bound: 60, unit: "s", evidence: "strong", because: [] },
    culprit:
      level < 2
        ? null
        : {
            scope: "thread",
            cgroup_id: 7,
            path: "/leaky.service",
            pid: 41,
            tid: 42,
            comm: "leaky",
            change: 12,
            rate: 1,
            baseline_rate: 0,
            share: 0.9,
            protected: null,
            note: "",
          },
    actions: [],
    search: null,
    verdicts: [],
    inaction: "",
    habituates: false,
    beat_period_ms: 10,
  };
  const wall_time = () => new Date(1.8e12 + at_s * 1000).toISOString();
  return { assessment: assessment({ t_ns: decision.t_ns }), decision, outcomes, wall_time };
}

export function notice(over: Partial<Notice> = {}): Notice {
  return {
    episode: "node-1/2027-01-15T08:00:00.000Z",
    status: "firing",
    reason: "begun",
    severity: "warning",
    node: "node-1",
    time: "2027-01-15T08:00:05.000Z",
    began: "2027-01-15T08:00:00.000Z",
    level: 2,
    level_name: "soft containment",
    highest_level: 2,
    d_m: 5,
    d_smooth: 4.5,
    derivative: 0.25,
    dominant_dimension: "memory_growth_bytes_per_s",
    dominant_share: 0.8,
    culprit: { path: "/leaky.service", scope: "thread", pid: 41, tid: 42, comm: "leaky" },
    action: { rung: "thread_hold", verb: "apply", path: "/leaky.service", status: "done" },
    rule: "D̄ 4.50 > θ2 4.00",
    inaction: "",
    dry_run: false,
    severities: ["warning"],
    ...over,
  };
}
