import { expect, test } from "bun:test";
import { patterns } from "../../src/report/pattern.ts";
import { assessment } from "./fixtures.ts";

/** A deviation of D = 10 in which each named dimension has a value and a part of D². */
function deviating(parts: Readonly<Record<string, readonly [value: number, share: number]>>, phi = 1) {
  const names = Object.keys(parts);
  return assessment({
    dimension_names: names,
    x: names.map((name) => parts[name]![0]),
    mean: names.map(() => 0),
    contribution: names.map((name) => 100 * parts[name]![1]),
    d: 10,
    d_smooth: 10,
    phi,
    growth: [],
  });
}

const named = (...given: Parameters<typeof deviating>) => patterns(deviating(...given)).map(({ name }) => name);

test("a leak is what grows without end, also while D̄ is still normal", () => {
  expect(patterns(assessment()).map(({ name }) => name)).toEqual(["resource leak"]);
  expect(patterns(assessment({ d_smooth: 1 }))[0]!.because).toBe("/svc/leaky grows 50.0 MiB/s and would run out");
});

test("within θ1 a growth has a name, and nothing else has", () => {
  const quiet = deviating({ cpu_busy_fraction: [0.01, 0.9] }, -2);
  expect(patterns({ ...quiet, d_smooth: 1 }).map(({ name }) => name)).toEqual(["normal"]);
  expect(patterns({ ...quiet, d_smooth: 1, growth: assessment().growth }).map(({ name }) => name)).toEqual([
    "resource leak",
  ]);
});

test("within θ1 and without growth it is normal", () => {
  expect(patterns(assessment({ d_smooth: 1, growth: [] })).map(({ name }) => name)).toEqual(["normal"]);
});

test.each([
  ["CPU-bound", { cpu_busy_fraction: [0.99, 0.7] }],
  ["CPU-bound", { pressure_cpu_fraction: [0.4, 0.6], cpu_busy_fraction: [0.5, 0.1] }],
  ["I/O-bound", { block_latency_ms: [40, 0.5], pressure_io_fraction: [0.3, 0.2] }],
  ["memory pressure", { reclaim_stalls_per_s: [80, 0.6], pressure_memory_fraction: [0.05, 0.1] }],
  ["thrashing", { major_faults_per_s: [900, 0.5], pressure_memory_fraction: [0.4, 0.3] }],
  ["interrupt storm", { kernel_user_ratio: [6, 0.8] }],
] as const)("%s: %j", (name, parts) => {
  expect(named(parts)).toEqual([name]);
});

test("fewer switches and an idle processor, and nobody waits for memory or a disk: a deadlock", () => {
  const parts = { cpu_busy_fraction: [0.01, 0.5], context_switches_per_s: [12, 0.4] } as const;
  expect(named(parts, -2)).toEqual(["deadlock"]);
  expect(named({ ...parts, pressure_io_fraction: [0.6, 0.05] }, -2)).toEqual([]);
  expect(named(parts, 1)).toEqual([]);
});

test("what has no common name gets none", () => {
  expect(named({ tcp_retransmits_per_s: [900, 0.9], cpu_busy_fraction: [0.3, 0.1] })).toEqual([]);
});

test("several hold at once: a leak that has begun to thrash", () => {
  const thrashing = deviating({ major_faults_per_s: [900, 0.5], pressure_memory_fraction: [0.4, 0.3] });
  const names = patterns({ ...thrashing, growth: assessment().growth }).map(({ name }) => name);
  expect(names).toEqual(["resource leak", "thrashing"]);
});
