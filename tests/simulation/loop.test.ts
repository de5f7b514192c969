import { describe, expect, test } from "bun:test";
import { CONFIG, MIB } from "../decision/fixtures.ts";
import { type Run, SCENARIOS, simulate } from "./service.ts";

const SEEDS = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10];
const each = (make: (seed: number) => Run) => SEEDS.map(make);
const slope_after = (run: Run, t_s: number) => {
  const from = run.memory_bytes[Math.round(t_s * 100)]!;
  return (run.memory_bytes.at(-1)! - from) / (run.memory_bytes.length / 100 - t_s);
};

describe("the whole decision loop against a simulated service", () => {
  test("a 50 MiB/s leak of one thread is held in time, for good, and the service goes on", () => {
    for (const run of each((seed) => simulate(SCENARIOS.leak(50), CONFIG, seed))) {
      expect(run.killed_s).toBeNull();
      expect(run.acted_s).toBeLessThan(0.7);
      expect(slope_after(run, 5)).toBeLessThan(0.05 * 50 * MIB);
      expect(run.served).toBeGreaterThan(0.98 * run.wanted);
      expect(run.live_at_end).toBe(1);
      expect(run.verdicts.map((v) => v.verdict)).toContain("effective");
    }
  });

  test("where beats come up to 30 ms late, a pulse that ends in time keeps every 5 s of the hold flat", () => {
    for (const run of each((seed) => simulate(SCENARIOS.late(0.001, 120), CONFIG, seed))) {
      expect(run.killed_s).toBeNull();
      const memory = run.memory_bytes.slice(450);
      const most = Math.max(...memory.slice(500).map((bytes, i) => bytes - memory[i]!));
      expect(most).toBeGreaterThan(MIB);
      expect(most).toBeLessThan(0.05 * 50 * MIB * 5);
    }
  });

  test("where pulses end up to 30 ms late too, they get so rare that a leak gains 1 % of what it wants by them", () => {
    for (const run of [1, 2, 3].map((seed) => simulate(SCENARIOS.late(0.03, 600), CONFIG, seed))) {
      expect(run.killed_s).toBeNull();
      // The newest pulse has not been paid for yet.
      const gained = run.memory_bytes.at(-1)! - run.memory_bytes[450]!;
      expect(gained - 50 * MIB).toBeLessThan(0.01 * 50 * MIB * 600);
      expect(run.live_at_end).toBe(1);
    }
  });

  test("a 300 MiB/s leak leaves no time for probation and is held at once", () => {
    for (const run of each((seed) => simulate(SCENARIOS.leak(300), CONFIG, seed))) {
      expect(run.killed_s).toBeNull();
      expect(run.peak_bytes).toBeLessThan(800 * MIB);
      expect(run.served).toBeGreaterThan(0.98 * run.wanted);
    }
  });

  test("an aged service that loads 400 MiB in 3 s ends at most 10 % later and is let go by itself", () => {
    for (const run of each((seed) => simulate(SCENARIOS.reload(400, 3), CONFIG, seed))) {
      expect(run.finished_s).not.toBeNull();
      expect(run.finished_s!).toBeLessThan(3 * 1.1);
      expect(run.max_level).toBeLessThanOrEqual(2);
      expect(run.live_at_end).toBe(0);
      expect(run.verdicts.at(-1)?.verdict).toBe("would_have_stopped");
    }
  });

  test("a thread that holds a lock the others need is caught without it", () => {
    for (const run of each((seed) => simulate(SCENARIOS.lock(0.3), CONFIG, seed))) {
      expect(run.killed_s).toBeNull();
      expect(run.served).toBeGreaterThan(0.95 * run.wanted);
      expect(slope_after(run, 10)).toBeLessThan(0.05 * 50 * MIB);
    }
  });

  test("a thread that never lets go of the lock is given up and the governor takes over", () => {
    for (const run of each((seed) => simulate(SCENARIOS.lock(1), CONFIG, seed))) {
      expect(run.killed_s).toBeNull();
      expect(run.verdicts.map((v) => v.verdict)).toContain("harmful");
    }
  });

  test("a leak in every request is served at full speed while there is headroom, then levels off, never killed", () => {
    for (const run of each((seed) => simulate(SCENARIOS.inline(), CONFIG, seed))) {
      expect(run.killed_s).toBeNull();
      expect(run.peak_bytes).toBeLessThan(1024 * MIB - 0.04 * 874 * MIB);
      // 85 % of the headroom at half a MiB per request, 100 requests a second.
      expect(run.memory_bytes[1400]).toBeGreaterThan((150 + 0.5 * 1400 - 5) * MIB);
      expect(run.served).toBeGreaterThan(0.93 * 2 * 874);
      expect(slope_after(run, 60)).toBeGreaterThan(0);
    }
  });

  test.each([8192, 1000])(
    "with a reserve of %p MiB it is served at full speed for as long as that lasts, never killed",
    (size_mib) => {
      const config = { ...CONFIG, reserve: { size_bytes: size_mib * MIB } };
      for (const run of each((seed) => simulate(SCENARIOS.inline(200), config, seed))) {
        const leaked_mib = Math.min(120 * 50, 0.95 * size_mib + 0.93 * 874);
        expect(run.killed_s).toBeNull();
        expect(run.served * 0.5).toBeGreaterThan(leaked_mib - 60);
        expect(run.swapped_bytes).toBeLessThanOrEqual(0.95 * size_mib * MIB);
        expect(run.peak_bytes).toBeLessThan(1024 * MIB - 0.04 * 874 * MIB);
        expect(run.verdicts.map((v) => v.verdict)).toContain("effective");
        // Nothing flickers: one governor and one reserve, for the whole of it.
        expect(run.live_at_end).toBe(2);
      }
    },
    30_000,
  );

  test("a disk slower than the leak sets the pace, and nobody is killed", () => {
    const config = { ...CONFIG, reserve: { size_bytes: 8192 * MIB } };
    for (const run of each((seed) => simulate(SCENARIOS.inline(20), config, seed))) {
      expect(run.killed_s).toBeNull();
      expect(run.served * 0.5).toBeGreaterThan(0.85 * 874 + 20 * 100);
      expect(run.served * 0.5).toBeLessThan(0.95 * 874 + 20 * 120);
    }
  });

  test("the same seed gives the same run", () => {
    const twice = [simulate(SCENARIOS.lock(0.3), CONFIG, 3), simulate(SCENARIOS.lock(0.3), CONFIG, 3)];
    expect(JSON.stringify(twice[0])).toBe(JSON.stringify(twice[1]));
  });
});
