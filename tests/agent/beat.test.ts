import { expect, test } from "bun:test";
import { Beat, type BeatResult } from "../../src/agent/beat.ts";
import { ContainmentWatch, type WatchPort } from "../../src/agent/containment_watch.ts";
import { OwnStall } from "../../src/agent/own_stall.ts";
import { replay } from "../../src/agent/replay.ts";
import { Cortex } from "../../src/cortex/cortex.ts";
import type { AuditEntry } from "../../src/model/audit.ts";
import type { Dimension } from "../../src/model/dimension.ts";
import type { CgroupSample, Sample } from "../../src/model/sample.ts";
import { RecordingMotor } from "../../src/motor/recording.ts";
import { CONFIG, MIB, search } from "../decision/fixtures.ts";
import { seeded } from "../simulation/service.ts";

const DIMENSIONS: readonly Dimension[] = [
  {
    name: "memory_growth_bytes_per_s",
    unit: "bytes/s",
    resource: "memory",
    load_sign: 1,
    scale: "linear",
    resolution: 2e6,
  },
  {
    name: "memory_used_fraction",
    unit: "fraction",
    resource: "memory",
    load_sign: 1,
    scale: "linear",
    resolution: 0.01,
  },
  { name: "cpu_busy_fraction", unit: "fraction", resource: "cpu", load_sign: 1, scale: "linear", resolution: 0.02 },
  { name: "switches_per_s", unit: "1/s", resource: "cpu", load_sign: 1, scale: "log1p", resolution: 0.3 },
];
const NO_WATCH: WatchPort = { rest_steps: () => 0, asleep: () => null, stall_full_us: () => 0, forget: () => {} };
const WARMUP_S = 30;
const QUIET_S = 60;
const LEAK_S = 5;

/** An invented node: a service of 150 MiB under 1 GiB that begins to leak 50 MiB/s; everything from a seed. */
function* node(seed: number): Generator<Sample> {
  const random = seeded(seed);
  const noise = (size: number) => (random() + random() + random() - 1.5) * size;
  let leaked = 0;
  for (let beat = 0; beat < (QUIET_S + LEAK_S) * 10; beat++) {
    const leaking = beat >= QUIET_S * 10;
    if (leaking) leaked += 5 * MIB;
    const t_ns = (beat + 1) * 100e6;
    const memory_bytes = 150 * MIB + leaked + noise(MIB / 4);
    const service: CgroupSample = {
      id: 7,
      parent_id: 1,
      path: "/payment.slice",
      t_ns,
      memory_bytes,
      memory_limit_bytes: 1024 * MIB,
      memory_headroom_bytes: 1024 * MIB - memory_bytes,
      cpu_ns: beat * 1e7,
      io_bytes: 0,
      age_s: 600,
      exec_age_s: null,
    };
    yield {
      t_ns,
      sequence: beat,
      dimensions: DIMENSIONS,
      x: Float64Array.of(
        (leaking ? 50 * MIB : 0) + noise(2e6),
        0.3 + leaked / (2048 * MIB),
        0.1 + noise(0.02),
        900 + noise(90),
      ),
      node_memory: { total_bytes: 2048 * MIB, available_bytes: 1400 * MIB - leaked },
      stall: { cpu: 0.01, memory: 0, io: 0 },
      cgroups: [service],
      cgroups_at_ns: t_ns,
      gone: [],
      oom_kills: 0,
    };
  }
}

function run(seed: number): { entries: AuditEntry[]; results: BeatResult[]; motor: RecordingMotor } {
  const entries: AuditEntry[] = [];
  const results: BeatResult[] = [];
  const samples = node(seed);
  const motor = new RecordingMotor({
    enabled_rungs: ["thread_hold", "memory_governor"],
    max_targets_per_minute: 6,
    cooldown_s: 5,
    expiry_s: 30,
    protected_ids: () => null,
  });
  const beat = new Beat({
    sense: () => samples.next().value ?? null,
    search_threads: () => search(),
    cortex: new Cortex(DIMENSIONS, {
      warmup_s: WARMUP_S,
      half_life_s: 3600,
      lambda: 1e-3,
      thresholds: "learned",
      budgets: { vigilance_per_s: 1 / 3600, intervention_per_s: 1 / 2.6e6 },
      opinions: null,
    }),
    config: CONFIG,
    motor,
    watch: new ContainmentWatch(NO_WATCH, false),
    own_stall: new OwnStall({ stall_some_us: () => 0, leave: () => {} }),
    record: (entry) => entries.push(JSON.parse(JSON.stringify(entry))),
  });
  for (let result = beat.step(); result !== null; result = beat.step()) results.push(result);
  return { entries, results, motor };
}

test("from samples to a decided, recorded action: a leak is seen, its thread named and held, nothing before", () => {
  for (const seed of [1, 2, 3, 4, 5]) {
    const { results, motor } = run(seed);
    const onset_ns = (QUIET_S * 10 + 1) * 100e6;
    const early = results.filter((one) => one.assessment.warm && one.assessment.t_ns < onset_ns);
    expect(early.filter((one) => one.decision.level > 1)).toEqual([]);
    const seen = results.find((one) => one.assessment.t_ns >= onset_ns && one.decision.level >= 1);
    expect((seen!.assessment.t_ns - onset_ns) / 1e9).toBeLessThanOrEqual(0.3);
    const first = motor.actions[0];
    expect(first).toMatchObject({
      verb: "apply",
      target: { tid: 102 },
      setting: { rung: "thread_hold", frozen: true },
    });
    const acted = results.find((one) => one.decision.actions.length > 0);
    expect((acted!.assessment.t_ns - onset_ns) / 1e9).toBeLessThanOrEqual(0.8);
  }
});

test("every recorded decision, read back from JSON, decides the same again", () => {
  const { entries } = run(1);
  const decided = entries.filter((entry) => entry.kind === "action" || entry.kind === "transition");
  expect(decided.length).toBeGreaterThan(2);
  for (const entry of decided) expect(replay(entry)).toEqual({ identical: true, difference: "" });
});

test("a record that was changed does not", () => {
  const { entries } = run(1);
  const entry = entries.find((one) => one.kind === "action");
  if (entry?.kind !== "action") throw new Error("no action was recorded");
  const forged = { ...entry, decision: { ...entry.decision, level: 0 as const } };
  expect(replay(forged)).toMatchObject({ identical: false });
  const { assessment } = entry.input;
  const shifted = { ...entry, input: { ...entry.input, assessment: { ...assessment, d_smooth: 0.1 } } };
  expect(replay(shifted)).toMatchObject({ identical: false });
});

test("the same node gives the same record, to the byte", () => {
  expect(JSON.stringify(run(3).entries)).toBe(JSON.stringify(run(3).entries));
});
