import { expect, test } from "bun:test";
import { Beat, type BeatParts, type BeatResult } from "../../src/agent/beat.ts";
import { ContainmentWatch } from "../../src/agent/containment_watch.ts";
import { OwnStall } from "../../src/agent/own_stall.ts";
import { replay } from "../../src/agent/replay.ts";
import { Cortex } from "../../src/cortex/cortex.ts";
import type { AuditEntry } from "../../src/model/audit.ts";
import type { Sample } from "../../src/model/sample.ts";
import { RecordingMotor } from "../../src/motor/recording.ts";
import { CONFIG, MIB, search } from "../decision/fixtures.ts";
import { DIMENSIONS, NO_WATCH, node, QUIET_S, WARMUP_S } from "./node.ts";

function run(
  seed: number,
  samples: Iterator<Sample> = node(seed),
  more: Partial<BeatParts> = {},
): { entries: AuditEntry[]; results: BeatResult[]; motor: RecordingMotor } {
  const entries: AuditEntry[] = [];
  const results: BeatResult[] = [];
  const motor = new RecordingMotor({
    enabled_rungs: ["thread_hold", "memory_governor"],
    max_targets_per_minute: 6,
    cooldown_s: 5,
    expiry_s: 30,
    mount: null,
    protect: [],
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
    ...more,
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

/** The same node, of which the leak is taken by no cgroup: its service stays as it is, and its memory goes. */
function* taken_by_kernel(seed: number): Generator<Sample> {
  let lost = 0;
  for (const sample of node(seed)) {
    const [service] = sample.cgroups;
    const leaked = Math.max(0, (service?.memory_bytes ?? 0) - 151 * MIB);
    lost = Math.max(lost, 3 * leaked);
    const { total_bytes, available_bytes } = sample.node_memory;
    const cgroups = sample.cgroups.map((one) => ({ ...one, memory_bytes: (one.memory_bytes ?? 0) - leaked }));
    yield { ...sample, cgroups, node_memory: { total_bytes, available_bytes: available_bytes - lost } };
  }
}

test("what the kernel takes is read only where the node grows by more than its cgroups do, and is what is blamed then", () => {
  const wanted: boolean[] = [];
  const takes = [{ use: "huge pages" as const, bytes_per_s: 150 * MIB }];
  const kernel_memory = {
    observe: (_t_ns: number, asked: boolean) => {
      wanted.push(asked);
      return asked ? { window_s: 1, takes } : null;
    },
  };
  const quiet = run(3, node(3), { kernel_memory });
  expect(quiet.results.length).toBe(wanted.length);
  // The service's own limit is what runs out first there, and it explains how the node grows.
  expect(wanted.slice(0, QUIET_S * 10).some(Boolean)).toBe(false);
  wanted.length = 0;
  const { results, motor } = run(3, taken_by_kernel(3), { kernel_memory });
  expect(wanted.slice(0, QUIET_S * 10).some(Boolean)).toBe(false);
  expect(wanted.some(Boolean)).toBe(true);
  const blamed = results.filter(({ decision }) => decision.culprit?.scope === "kernel");
  expect(blamed.length).toBeGreaterThan(5);
  expect(motor.actions).toEqual([]);
});
