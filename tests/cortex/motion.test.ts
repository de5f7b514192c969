import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { Derivative } from "../../src/cortex/derivative.ts";
import { alpha_for, Ewma, LARGEST_ALPHA, SMALLEST_ALPHA } from "../../src/cortex/ewma.ts";
import { uniform } from "./fixtures.ts";

describe("ewma", () => {
  test("agrees with the sum of the weights written out", () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.tuple(fc.double({ min: 0, max: 100, noNaN: true }), fc.double({ min: 0.001, max: 1, noNaN: true })),
          {
            minLength: 2,
            maxLength: 60,
          },
        ),
        (steps) => {
          const ewma = new Ewma(0.6, 0.1);
          for (const [value, dt_s] of steps) ewma.update(value, dt_s);
          let expected = 0;
          let kept = 1;
          for (let k = steps.length - 1; k >= 1; k--) {
            const [value, dt_s] = steps[k]!;
            const keep = 0.4 ** (dt_s / 0.1);
            expected += kept * (1 - keep) * value;
            kept *= keep;
          }
          expected += kept * steps[0]![0];
          expect(Math.abs(ewma.get()! - expected)).toBeLessThanOrEqual(1e-9 * Math.abs(expected) + 1e-12);
        },
      ),
      { numRuns: 60, seed: 3 },
    );
  });

  test("ten beats of 10 ms smooth as one of 100 ms", () => {
    const slow = new Ewma(0.6, 0.1, 0);
    const fast = new Ewma(0.6, 0.1, 0);
    slow.update(1, 0.1);
    for (let k = 0; k < 10; k++) fast.update(1, 0.01);
    expect(fast.get()!).toBeCloseTo(slow.get()!, 12);
  });

  test("the chosen alpha reaches 90 % of a step within 300 ms however noisy the warm-up was", () => {
    for (const variance of [0, 0.01, 0.05, 0.5, 1e6]) {
      const ewma = new Ewma(alpha_for(variance), 0.1, 0);
      for (let k = 0; k < 3; k++) ewma.update(1, 0.1);
      expect(ewma.get()!).toBeGreaterThanOrEqual(0.9 - 1e-12);
    }
    expect(alpha_for(0)).toBe(LARGEST_ALPHA);
    expect(alpha_for(1e6)).toBe(SMALLEST_ALPHA);
  });
});

describe("derivative", () => {
  for (const period_s of [0.1, 0.01]) {
    test(`is exact on a ramp and a parabola with jitter at ${1 / period_s} Hz`, () => {
      const jitter = uniform(9);
      const ramp = new Derivative();
      const parabola = new Derivative();
      let t_s = 1000;
      let middle_s = 0;
      for (let k = 0; k < 200; k++) {
        t_s += period_s * (0.9 + 0.2 * jitter());
        ramp.update(Math.round(t_s * 1e9), 4 - 2.5 * t_s);
        parabola.update(Math.round(t_s * 1e9), 3 * (t_s - 1000) ** 2);
        middle_s = t_s - 0.15;
      }
      expect(ramp.velocity).toBeCloseTo(-2.5, 5);
      expect(ramp.acceleration).toBeCloseTo(0, 3);
      expect(parabola.acceleration).toBeCloseTo(6, 3);
      // The velocity is that of the middle of the window, within half a beat.
      expect(Math.abs(parabola.velocity - 6 * (middle_s - 1000))).toBeLessThan(6 * 0.06);
    });
  }

  test("says nothing before three points, after a gap, or on a repeated timestamp", () => {
    const derivative = new Derivative();
    derivative.update(1e9, 1);
    derivative.update(1.1e9, 2);
    expect(derivative.velocity).toBe(0);
    derivative.update(1.2e9, 3);
    derivative.update(1.2e9, 300);
    expect(derivative.velocity).toBeCloseTo(10, 6);
    derivative.update(4e9, 50);
    expect(derivative.velocity).toBe(0);
    expect(() => derivative.update(5e9, Number.NaN)).toThrow("not finite");
  });
});
