import { describe, expect, test } from "bun:test";
import { Decimated, quantile_sorted } from "../../src/cortex/quantile.ts";
import { episode_maxima, fit_pareto, fit_tail, return_level } from "../../src/cortex/tail.ts";
import { DEFAULT_BUDGETS, fixed_theta, floor_theta, learn_theta } from "../../src/cortex/thresholds.ts";
import { normal, uniform } from "./fixtures.ts";

const draw = (count: number, next: () => number): number[] => Array.from({ length: count }, next);

describe("generalized Pareto fit", () => {
  test("recovers shape and scale of known tails", () => {
    const next = uniform(1);
    const exponential = fit_pareto(draw(4000, () => -3 * Math.log(1 - next())));
    expect(Math.abs(exponential.shape)).toBeLessThan(0.06);
    expect(Math.abs(exponential.scale - 3)).toBeLessThan(0.2);
    const heavy = fit_pareto(draw(4000, () => (2 * ((1 - next()) ** -0.25 - 1)) / 0.25));
    expect(Math.abs(heavy.shape - 0.25)).toBeLessThan(0.1);
    expect(Math.abs(heavy.scale - 2)).toBeLessThan(0.2);
  });

  test("the return level of independent samples meets its rate within a factor of three", () => {
    // One sample a second: every exceedance is its own episode.
    for (const seed of [1, 2, 3]) {
      const next = uniform(seed);
      const exponential = draw(3000, () => -Math.log(1 - next()));
      const level = return_level(fit_tail(exponential, 1)!, 1e-4);
      // The true level is −ln 10⁻⁴ = 9.21; a factor of three in rate is 1.1.
      expect(Math.abs(level - 9.21)).toBeLessThan(1.1);
    }
  });

  test("a normal tail is never underestimated: the level errs to the quiet side", () => {
    for (const seed of [1, 2, 3, 4]) {
      const level = return_level(fit_tail(draw(3000, normal(seed)), 1)!, 1e-4);
      expect(level).toBeGreaterThan(3.5);
      expect(level).toBeLessThan(6);
    }
  });

  test("neighbouring exceedances are one episode", () => {
    expect(episode_maxima([0, 5, 6, 0, 7, 0, 0, 0, 4], 1, 3)).toEqual([7, 4]);
  });
});

describe("thresholds", () => {
  test("rise strictly above their floors with 300 as with 3000 samples, and stay below the ceiling", () => {
    for (const count of [300, 3000]) {
      for (const seed of [1, 2, 3]) {
        const next = normal(seed);
        const smoothed = draw(count, () => 4.7 + 0.5 * next());
        const { theta, fit } = learn_theta(smoothed, 0.1, 22, DEFAULT_BUDGETS);
        const floor = floor_theta(22);
        expect(fit!.samples).toBe(count);
        for (let k = 0; k < 4; k++) expect(theta[k]!).toBeGreaterThanOrEqual(floor[k]!);
        for (let k = 0; k < 3; k++) expect(theta[k + 1]!).toBeGreaterThan(theta[k]!);
        expect(theta[3]).toBeLessThan(5 * floor[3]);
      }
    }
  });

  test("a warm-up that saw an incident does not leave HOSA blind", () => {
    const next = normal(5);
    const smoothed = draw(1500, () => Math.abs(next()) + 5).map((d, k) => (k % 100 < 3 ? 1000 : d));
    expect(learn_theta(smoothed, 0.1, 22, DEFAULT_BUDGETS).theta[0]).toBeLessThanOrEqual(4 * floor_theta(22)[0]);
  });

  test("without a tail to fit the floors hold", () => {
    expect(learn_theta([1, 2, 3], 0.1, 22, DEFAULT_BUDGETS)).toEqual({ theta: floor_theta(22), fit: null });
    expect(learn_theta(new Array<number>(1000).fill(3), 0.1, 22, DEFAULT_BUDGETS).theta).toEqual(floor_theta(22));
  });

  test("fixed values are taken as they are, or refused", () => {
    expect(fixed_theta([3, 5, 7, 9])).toEqual([3, 5, 7, 9]);
    expect(() => fixed_theta([3, 5, 5, 9])).toThrow("strictly increasing");
    expect(() => fixed_theta([3, 5, 7])).toThrow("give four");
  });
});

test("a decimated record is bounded and keeps the distribution", () => {
  const record = new Decimated(1000);
  const next = uniform(8);
  for (let k = 0; k < 50_000; k++) record.push(next());
  expect(record.values.length).toBeLessThanOrEqual(1000);
  expect(Math.abs(quantile_sorted([...record.values].sort(), 0.9) - 0.9)).toBeLessThan(0.04);
});
