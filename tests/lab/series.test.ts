import { describe, expect, test } from "bun:test";
import type { LoadSecond, SliceSample } from "../../lab/records.ts";
import { acked_per_s, full_stall_share, quantile_us, stable_from_ms } from "../../lab/series.ts";

const MIB = 1024 ** 2;

function memory(mb_at: (t_s: number) => number, duration_s: number): SliceSample[] {
  return Array.from({ length: duration_s * 20 }, (_, i) => ({
    t_ms: i * 50,
    slice: "payment.slice",
    memory_bytes: mb_at(i / 20) * MIB,
    oom_kills: 0,
    psi_some_us: 0,
    psi_full_us: i * 500,
    populated: true,
    swap_bytes: 0,
  }));
}

function second(t_ms: number, acked: number, bucket = 80): LoadSecond {
  return { t_ms, sent: acked, acked, failed: 0, worst_us: 1000, histogram: new Map([[bucket, acked]]) };
}

describe("stable_from_ms", () => {
  test("is the moment at which the growth ends for good", () => {
    const stable = stable_from_ms(
      memory((t) => 100 + 50 * Math.min(t, 3), 20),
      0,
      50 * MIB,
    );
    // A window may still hold 5 % of the leak's rate: a quarter of a second of it in five.
    expect(stable).toBeGreaterThanOrEqual(2700);
    expect(stable).toBeLessThanOrEqual(3000);
  });

  test("a pause shorter than the rest does not count", () => {
    const paused = (t: number): number => 100 + 50 * (t < 3 ? t : t < 12 ? 3 : Math.min(t - 9, 5));
    const stable = stable_from_ms(memory(paused, 30), 0, 50 * MIB);
    expect(stable).toBeGreaterThan(13_000);
  });

  test("a leak that goes on is never stable", () => {
    expect(
      stable_from_ms(
        memory((t) => 100 + 50 * t, 15),
        0,
        50 * MIB,
      ),
    ).toBeNull();
  });

  test("a series shorter than one window says nothing", () => {
    expect(
      stable_from_ms(
        memory(() => 100, 4),
        0,
        50 * MIB,
      ),
    ).toBeNull();
  });

  test("a slow growth below a twentieth of the leak is stable at once", () => {
    expect(
      stable_from_ms(
        memory((t) => 100 + 2 * t, 15),
        1000,
        50 * MIB,
      ),
    ).toBe(1000);
  });
});

test("full_stall_share is the stalled part of the time since a moment", () => {
  // 500 µs of every 50 ms sample.
  expect(
    full_stall_share(
      memory(() => 1, 10),
      2000,
    ),
  ).toBeCloseTo(0.01, 6);
  expect(full_stall_share([], 0)).toBeNull();
});

describe("quantile_us", () => {
  test("is the upper bound of the bucket in which the quantile lies", () => {
    const seconds = [second(0, 98, 80), second(1000, 2, 96)];
    expect(quantile_us(seconds, 0.5)).toBeCloseTo(2 ** (81 / 32), 6);
    expect(quantile_us(seconds, 0.99)).toBeCloseTo(2 ** (97 / 32), 6);
  });

  test("is null without answers", () => {
    expect(quantile_us([], 0.99)).toBeNull();
  });
});

test("acked_per_s counts whole seconds only", () => {
  const seconds = [second(0, 100), second(1000, 50), second(2000, 0), second(3000, 100)];
  expect(acked_per_s(seconds, 500, 3000)).toBe(25);
  expect(acked_per_s(seconds, 0, 900)).toBeNull();
});
