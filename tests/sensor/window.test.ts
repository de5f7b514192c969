import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { Window } from "../../src/sensor/window.ts";

/** Mean of the window's rates while a counter runs through `steps` of 10 ms each, looked at every `every` steps. */
function mean_rate(steps: readonly number[], every: number): number {
  const window = new Window(1);
  let counter = 0;
  let sum = 0;
  let count = 0;
  for (let i = 0; i < steps.length; i++) {
    counter += steps[i]!;
    if (i % every !== 0) continue;
    window.current[0] = counter;
    if (window.advance((i + 1) * 10e6)) {
      sum += window.rate(0);
      count++;
    }
  }
  return sum / count;
}

describe("window", () => {
  test("10 Hz and 100 Hz give the same mean rate", () => {
    // A pattern that repeats every 100 ms: every window of that length must see the same, wherever it begins.
    fc.assert(
      fc.property(fc.array(fc.nat(100000), { minLength: 10, maxLength: 10 }), (pattern) => {
        const steps = Array.from({ length: 400 }, (_, i) => pattern[i % 10]!);
        const expected = pattern.reduce((a, b) => a + b, 0) * 10;
        expect(mean_rate(steps, 1)).toBeCloseTo(expected, 3);
        expect(mean_rate(steps, 10)).toBeCloseTo(expected, 3);
      }),
    );
  });

  test("arbitrary loads between two quiet ends give the same mean", () => {
    fc.assert(
      fc.property(fc.array(fc.nat(1000), { minLength: 960, maxLength: 960 }), (load) => {
        const quiet = new Array<number>(20).fill(0);
        const steps = [...quiet, ...load, ...quiet];
        expect(mean_rate(steps, 1)).toBeCloseTo(mean_rate(steps, 10), 3);
      }),
      { numRuns: 30 },
    );
  });

  test("is always at least 95 ms and, for beats of 10 to 100 ms, less than twice that plus a beat", () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: 1e6, max: 1.05e8, noNaN: true }), { maxLength: 200 }), (gaps) => {
        const window = new Window(1);
        let t_ns = 1e9;
        for (const gap of gaps) {
          t_ns += gap;
          if (!window.advance(t_ns)) continue;
          expect(window.elapsed_s).toBeGreaterThanOrEqual(0.095);
          expect(window.elapsed_s).toBeLessThan(0.095 + 0.105 + 0.0064);
        }
      }),
    );
  });

  test("a counter that goes backwards never gives a negative rate", () => {
    fc.assert(
      fc.property(fc.array(fc.nat(), { minLength: 3, maxLength: 60 }), (values) => {
        const window = new Window(1);
        values.forEach((value, i) => {
          window.current[0] = value;
          if (!window.advance((i + 1) * 50e6)) return;
          const rate = window.rate(0);
          expect(Number.isNaN(rate) || rate >= 0).toBe(true);
        });
      }),
    );
  });

  test("time that stands still or turns back is no reading", () => {
    const window = new Window(1);
    window.advance(1e9);
    expect(window.advance(1.2e9)).toBe(true);
    expect(window.advance(1.2e9)).toBe(false);
    expect(window.advance(1.1e9)).toBe(false);
  });
});
