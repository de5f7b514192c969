import { describe, expect, test } from "bun:test";
import { CONFIG, MIB } from "../decision/fixtures.ts";
import { leak } from "./leak.ts";

const LONG_MS = 120_000;
const LIMITS = [1024 * MIB, null];

describe("a leak against the whole loop, from samples to the first action", () => {
  for (const limit of LIMITS) {
    const where = limit === null ? "without a limit" : "below a limit of 1 GiB";
    test(
      `fast or slow, ${where}, it is seen and acted on before the memory is used up`,
      () => {
        for (const rate of [1.5, 5, 20, 100, 500]) {
          const run = leak(rate * 1e6, limit, CONFIG, 2);
          expect(run.seen_s).not.toBeNull();
          expect(run.acted_s).not.toBeNull();
          expect(run.seen_s!).toBeLessThanOrEqual(run.acted_s!);
          expect(run.left_fraction).toBeGreaterThan(0.02);
        }
      },
      LONG_MS,
    );
  }

  test("a fast one is acted on within a second, with most of the headroom left", () => {
    for (const rate of [50, 100, 200]) {
      const run = leak(rate * 1e6, 1024 * MIB, CONFIG, 3);
      expect(run.acted_s!).toBeLessThan(1);
      expect(run.left_fraction).toBeGreaterThan(0.8);
    }
  });

  test("below half a MiB a second it is not growth for anybody: seen as a shift of the node at most, not acted on", () => {
    expect(leak(0.3e6, 1024 * MIB, CONFIG, 2).acted_s).toBeNull();
  });

  test("the same seed gives the same run", () => {
    expect(leak(20e6, null, CONFIG, 7)).toEqual(leak(20e6, null, CONFIG, 7));
  });
});
