import { describe, expect, test } from "bun:test";
import { calibrate, live_judge, markdown, NOISES, noise_source, normal, sample_at } from "../../scripts/calibration.ts";

describe("noise", () => {
  test("normal numbers have the moments of a normal law, two from each pair", () => {
    const next = normal(1);
    const values = Array.from({ length: 20_000 }, next);
    const moment = (k: number) => values.reduce((sum, value) => sum + value ** k, 0) / values.length;
    expect(Math.abs(moment(1))).toBeLessThan(0.03);
    expect(Math.abs(moment(2) - 1)).toBeLessThan(0.05);
    expect(Math.abs(moment(4) - 3)).toBeLessThan(0.3);
    const lag = values.slice(1).reduce((sum, value, k) => sum + value * values[k]!, 0) / values.length;
    expect(Math.abs(lag)).toBeLessThan(0.03);
  });

  test("every kind is repeatable and finite, and the kinds differ", () => {
    const first = (noise: (typeof NOISES)[number], seed: number) => {
      const x = new Float64Array(4);
      const fill = noise_source(noise, seed);
      for (let k = 0; k < 500; k++) fill(x, 3600 * k);
      return [...x];
    };
    for (const noise of NOISES) {
      expect(first(noise, 3)).toEqual(first(noise, 3));
      expect(first(noise, 3).every(Number.isFinite)).toBe(true);
    }
    expect(first("lognormal", 3).every((value) => value > 0)).toBe(true);
    expect(first("lognormal", 3)).not.toEqual(first("gaussian", 3));
  });
});

describe("the count of episodes", () => {
  test("a jump that lasts begins one episode, told by its rule", () => {
    const { step } = live_judge(4);
    const fill = noise_source("gaussian", 5);
    const x = new Float64Array(4);
    const rules: string[] = [];
    for (let k = 1; k <= 4000; k++) {
      fill(x, k / 10);
      if (k > 3800 && k <= 3850) x[0]! += 40;
      const rule = step(sample_at(k, x));
      if (rule !== null && k > 3700) rules.push(rule);
    }
    expect(rules).toHaveLength(1);
    expect(rules[0]).toContain("> θ1");
  });

  test("budget and ratio follow from the beats", () => {
    const row = calibrate("gaussian", 4, 36_000, 1);
    expect(row.budget).toBeCloseTo(1, 9);
    expect(row.ratio).toBeCloseTo(row.episodes, 9);
    expect(row.episodes).toBeLessThanOrEqual(4);
    expect(markdown([row]).split("\n")[2]).toStartWith("| gaussian | 4 | 3.6e+4 | 1.0 |");
  }, 60_000);
});
