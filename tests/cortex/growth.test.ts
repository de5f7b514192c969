import { describe, expect, test } from "bun:test";
import { CalmClock } from "../../src/cortex/calm.ts";
import { GrowthTracker } from "../../src/cortex/growth.ts";
import { time_to_exhaustion } from "../../src/cortex/growth_entry.ts";
import type { GrowthAssessment } from "../../src/model/assessment.ts";
import type { CgroupSample } from "../../src/model/sample.ts";
import { cgroup_sample, MIB, sample, saw_tooth } from "./fixtures.ts";

const WARM_S = 90;

interface Beat {
  readonly after_s: number;
  readonly growth: GrowthAssessment | undefined;
}

/**
 * A service with saw-tooth memory is learned for 90 s, then `extra_bytes` (of seconds since then) is added for 8 s.
 * Returns the beats after the onset; learning stops when growth is reported after it, as the level would rise.
 */
function run(seed: number, extra_bytes: (after_s: number) => number, quiet = false, period_s = 0.1): Beat[] {
  const tracker = new GrowthTracker(3600);
  const clock = new CalmClock();
  const noise = saw_tooth(seed);
  const beats: Beat[] = [];
  for (let k = 1; k * 0.1 < WARM_S + 8; k++) {
    for (let part = 0; part < (k * 0.1 < WARM_S ? 1 : Math.round(0.1 / period_s)); part++) {
      const t_s = k * 0.1 + part * period_s;
      const after_s = t_s - WARM_S;
      const bytes = Math.round((quiet ? 100 * MIB : noise(t_s)) + (after_s > 0 ? extra_bytes(after_s) : 0));
      const changed = !quiet || after_s > 0 || k === 1;
      const cgroups: CgroupSample[] = changed ? [cgroup_sample(t_s * 1e9, bytes)] : [];
      const now = sample(t_s * 1e9, [0], { cgroups });
      tracker.update(now);
      const growth = tracker.assess(now).find((g) => g.cgroup_id === 42);
      tracker.learn(clock.advance(t_s * 1e9, after_s <= 0 || growth === undefined));
      if (after_s > 0) beats.push({ after_s, growth });
    }
  }
  return beats;
}

const first = (beats: readonly Beat[]): Beat =>
  beats.find((b) => b.growth !== undefined && b.growth.sustained_s >= 0.3)!;

describe("leaks in a busy service", () => {
  for (const [rate, latest_s] of [
    [300, 0.7],
    [50, 1.2],
    [2, 5],
  ] as const) {
    for (const period_s of [0.1, 0.01]) {
      test(`${rate} MiB/s is seen within ${latest_s} s at ${1 / period_s} Hz`, () => {
        for (const seed of [1, 2, 3]) {
          const beats = run(seed, (after_s) => rate * MIB * after_s, false, period_s);
          expect(first(beats)?.after_s ?? Number.POSITIVE_INFINITY).toBeLessThan(latest_s);
          const last = beats.at(-1)!.growth!;
          expect(last.sustained_s).toBeGreaterThan(1);
          expect(last.slope_tail_bytes_per_s).not.toBeNull();
          expect(Math.abs(last.slope_bytes_per_s / (rate * MIB) - 1)).toBeLessThan(0.4);
        }
      });
    }
  }

  test("the leak cannot teach its own tail", () => {
    const beats = run(4, (after_s) => 50 * MIB * after_s);
    const tails = beats.flatMap((b) => (b.growth === undefined ? [] : [b.growth.slope_tail_bytes_per_s!]));
    expect(Math.max(...tails)).toBeLessThan(40 * MIB);
  });

  test("a leak that stops is falling, then silent", () => {
    const beats = run(5, (after_s) => 50 * MIB * Math.min(after_s, 2));
    expect(
      beats.filter((b) => b.after_s > 2 && b.after_s < 3).some((b) => b.growth === undefined || b.growth.falling),
    ).toBe(true);
    expect(beats.at(-1)!.growth).toBeUndefined();
  });
});

test("after a restart a cgroup is as old as it was watched, whatever the date of its directory says", () => {
  const before = new GrowthTracker(3600);
  const clock = new CalmClock();
  for (let k = 1; k <= 600; k++) {
    before.update(sample(k * 1e8, [0], { cgroups: [cgroup_sample(k * 1e8, 100 * MIB)] }));
    before.learn(clock.advance(k * 1e8, true));
  }
  const after = new GrowthTracker(3600, before.snapshot());
  let growth: GrowthAssessment | undefined;
  for (let k = 1; k <= 10; k++) {
    const young = { ...cgroup_sample(k * 1e8, (100 + 5 * k) * MIB), age_s: k / 10 };
    const now = sample(k * 1e8, [0], { cgroups: [young] });
    after.update(now);
    growth = after.assess(now).find((one) => one.cgroup_id === 42);
  }
  expect(growth?.slope_tail_bytes_per_s).not.toBeNull();
  expect(growth?.age_s).toBeGreaterThan(50);
});

describe("benign growth", () => {
  test("requests alone, and one step of 20 MiB on top, are not reported as sustained", () => {
    for (const seed of [6, 7, 8]) {
      expect(run(seed, () => 0).some((b) => b.growth !== undefined)).toBe(false);
      expect(run(seed, () => 20 * MIB).some((b) => (b.growth?.sustained_s ?? 0) > 0.5)).toBe(false);
    }
  });
});

test("a quiet cgroup that starts to leak is exact: slope, gain, time to failure", () => {
  const beats = run(9, (after_s) => 50 * MIB * after_s, true);
  const { after_s, growth } = beats.find((b) => b.after_s > 3)!;
  expect(growth!.slope_bytes_per_s / MIB).toBeCloseTo(50, 3);
  expect(growth!.slope_tail_bytes_per_s).toBe(MIB);
  expect(growth!.ttf.resource).toBe("cgroup_memory");
  expect(growth!.ttf.ttf_s!).toBeCloseTo((924 - 50 * after_s) / 50, 3);
  expect(growth!.ttf.acceleration_bytes_per_s2).toBe(0);
  expect(Math.abs(growth!.gained_bytes / MIB - 50 * after_s)).toBeLessThan(15);
});

test.each([
  ["shrinks with it, what it takes runs out", 100, 10],
  ["does not shrink, it takes page cache, and nothing runs out", 0, null],
])("a cgroup without a limit that grows while the node's available memory %s", (_name, shrinks_mib_per_s, seconds) => {
  const tracker = new GrowthTracker(3600);
  let last: readonly GrowthAssessment[] = [];
  for (let k = 1; k <= 20; k++) {
    const t_ns = k * 1e8;
    const unlimited = { memory_limit_bytes: null, memory_headroom_bytes: null };
    const cgroup = cgroup_sample(t_ns, k * 10 * MIB, unlimited);
    const node_memory = { total_bytes: 4096 * MIB, available_bytes: (1200 - (k / 10) * shrinks_mib_per_s) * MIB };
    const now = sample(t_ns, [0], { cgroups: [cgroup], node_memory });
    tracker.update(now);
    last = tracker.assess(now);
  }
  const own = last.find((growth) => growth.cgroup_id === 42)!;
  expect(own.slope_bytes_per_s / MIB).toBeCloseTo(100, 3);
  if (seconds === null) expect(own.ttf.ttf_s).toBeNull();
  else expect(own.ttf.ttf_s!).toBeCloseTo(seconds, 3);
});

test("the slope decays to nothing when no more samples come", () => {
  const tracker = new GrowthTracker(3600);
  for (let k = 1; k <= 20; k++)
    tracker.update(sample(k * 1e8, [0], { cgroups: [cgroup_sample(k * 1e8, k * 10 * MIB)] }));
  expect(tracker.assess(sample(20e8, [0]))).toHaveLength(1);
  for (let k = 21; k <= 26; k++) tracker.update(sample(k * 1e8, [0]));
  expect(tracker.assess(sample(26e8, [0]))).toHaveLength(0);
});

test("a parent that grows only with its child is left out, and the tracker is bounded", () => {
  const tracker = new GrowthTracker(3600);
  let last: readonly GrowthAssessment[] = [];
  for (let k = 1; k <= 10; k++) {
    const t_ns = k * 1e8;
    const many = Array.from({ length: 1100 }, (_, id) => cgroup_sample(t_ns, MIB, { id: 1000 + id, path: `/c${id}` }));
    const leak = k * 10 * MIB;
    const slice = cgroup_sample(t_ns, leak + MIB, { id: 7, path: "/system.slice" });
    const now = sample(t_ns, [0], { cgroups: [...(k === 1 ? many : []), slice, cgroup_sample(t_ns, leak)] });
    tracker.update(now);
    last = tracker.assess(now);
  }
  expect(tracker.size).toBeLessThanOrEqual(1024);
  expect(last.map((g) => g.cgroup_id)).toEqual([42]);
});

test("of 5000 cgroups that all change at every beat the one that leaks is found, and the others are counted", () => {
  const tracker = new GrowthTracker(3600);
  const found: number[] = [];
  for (let k = 1; k <= 200; k++) {
    const t_ns = k * 1e8;
    // Each of the others goes up and down by 128 KiB.
    const others = Array.from({ length: 5000 }, (_, i) =>
      cgroup_sample(t_ns, 8 * MIB + (k % 2) * 131_072, { id: 1000 + i, path: `/c${i}` }),
    );
    others[4500] = cgroup_sample(t_ns, 8 * MIB + k * 5 * MIB, { id: 5500, path: "/c4500" });
    const now = sample(t_ns, [0], { cgroups: others });
    tracker.update(now);
    if (tracker.assess(now).some(({ cgroup_id }) => cgroup_id === 5500)) found.push(k);
  }
  expect(found.length).toBeGreaterThan(10);
  expect(found.at(-1)).toBe(200);
  expect(tracker.size).toBe(1024);
  expect(tracker.crowding.refused).toBeGreaterThan(3900);
});

test("growths beyond the eight most urgent are counted", () => {
  const tracker = new GrowthTracker(3600);
  let listed = 0;
  for (let k = 1; k <= 20; k++) {
    const t_ns = k * 1e8;
    const cgroups = Array.from({ length: 11 }, (_, i) =>
      cgroup_sample(t_ns, k * 5 * MIB, { id: 50 + i, path: `/c${i}` }),
    );
    const now = sample(t_ns, [0], { cgroups });
    tracker.update(now);
    listed = tracker.assess(now).length;
  }
  expect([listed, tracker.cut]).toEqual([8, 3]);
});

test("time to exhaustion solves h = v t + a t² / 2", () => {
  expect(time_to_exhaustion(100, 10, 0)).toBe(10);
  expect(time_to_exhaustion(100, 0, 0)).toBeNull();
  expect(time_to_exhaustion(100, 0, 2)).toBeCloseTo(10, 9);
  expect(time_to_exhaustion(100, 10, -10)).toBeNull();
  expect(time_to_exhaustion(100, 10, 1e-9)).toBeCloseTo(10, 6);
});
