import { describe, expect, test } from "bun:test";
import { return_level, type TailFit } from "../../src/cortex/tail.ts";
import { ThetaLearner } from "../../src/cortex/theta_learner.ts";
import { DEFAULT_BUDGETS, floor_theta, refitted_theta } from "../../src/cortex/thresholds.ts";
import { normal } from "./fixtures.ts";

const THETA1 = 5;

/** Blocks of 2 s at a rate, all of one level; the values of one block are the same at every rate. */
function blocks(
  learner: ThetaLearner,
  from_block: number,
  count: number,
  value: (block: number) => number,
  level = 0,
  period_s = 0.1,
): number {
  let due = 0;
  const beats = Math.round(2 / period_s);
  for (let b = from_block; b < from_block + count; b++) {
    for (let k = 0; k < beats; k++) {
      const d = k === 3 ? value(b) : 1;
      if (learner.follow(b * 2e9 + k * period_s * 1e9, d, level, THETA1)) due += 1;
    }
  }
  return due;
}

const wave = (block: number) => 2 + (block % 10) / 10;

describe("the learner of θ", () => {
  test("learns the same maxima at 10 and at 100 Hz", () => {
    const slow = new ThetaLearner();
    const fast = new ThetaLearner();
    blocks(slow, 0, 50, wave);
    blocks(fast, 0, 50, wave, 0, 0.01);
    expect(slow.snapshot().maxima).toEqual(fast.snapshot().maxima);
    expect(slow.snapshot().maxima.slice(0, 3)).toEqual([2, 2.1, 2.2]);
  });

  test("asks for a fit when 300 blocks are known, then every 150 more", () => {
    const learner = new ThetaLearner();
    expect(blocks(learner, 0, 300, wave)).toBe(0);
    // Due until it is done, once for every block.
    expect(blocks(learner, 300, 2, wave)).toBe(2);
    learner.fit();
    expect(blocks(learner, 302, 149, wave)).toBe(0);
    expect(blocks(learner, 451, 1, wave)).toBe(1);
  });

  test("keeps a bounded number, the newest", () => {
    const learner = new ThetaLearner();
    blocks(learner, 0, 9000, (block) => block);
    const { maxima } = learner.snapshot();
    expect(maxima).toHaveLength(8192);
    expect(maxima.at(-1)).toBe(8998);
    expect(maxima[0]).toBe(8998 - 8191);
  });

  test("an alarm teaches one value, bounded, however long and high it is", () => {
    const learner = new ThetaLearner();
    blocks(learner, 0, 10, () => 2);
    blocks(learner, 10, 100, (block) => (block === 12 ? 50 : 7), 1);
    blocks(learner, 110, 3, () => 2);
    const { maxima } = learner.snapshot();
    expect(maxima).toHaveLength(10 + 1 + 2);
    expect(Math.max(...maxima)).toBe(2 * THETA1);
  });

  test("only the beginning of an alarm teaches", () => {
    const learner = new ThetaLearner();
    blocks(learner, 0, 20, (block) => (block < 6 ? 6 : 9), 1);
    blocks(learner, 20, 2, () => 2);
    expect(learner.snapshot().maxima).toEqual([6, 2]);
  });

  test("what reached level 2 teaches nothing", () => {
    const learner = new ThetaLearner();
    blocks(learner, 0, 3, () => 6, 1);
    blocks(learner, 3, 1, () => 8, 2);
    blocks(learner, 4, 3, () => 6, 1);
    blocks(learner, 7, 2, () => 2);
    expect(learner.snapshot().maxima).toEqual([2]);
  });

  test("no fit is due above level 0", () => {
    const learner = new ThetaLearner();
    blocks(learner, 0, 300, wave);
    expect(blocks(learner, 300, 50, () => 6, 1)).toBe(0);
    expect(blocks(learner, 350, 1, () => 2, 0)).toBe(1);
  });

  test("a saved learner goes on where it was, and refuses what is no distance", () => {
    const one = new ThetaLearner();
    blocks(one, 0, 400, wave);
    const two = new ThetaLearner(JSON.parse(JSON.stringify(one.snapshot())));
    expect(two.snapshot()).toEqual(one.snapshot());
    expect(two.fit()).toEqual(one.fit());
    expect(() => new ThetaLearner({ maxima: [1, Number.NaN], since_fit: 0 })).toThrow("block maximum");
  });
});

describe("the fit", () => {
  test("promises what a normal tail then keeps, on average within a factor of two", () => {
    const levels = [1, 2, 3, 4, 5, 6, 7, 8].map((seed) => {
      const next = normal(seed);
      const learner = new ThetaLearner();
      blocks(learner, 0, 8192, () => Math.abs(5 + next()));
      const fit = learner.fit();
      expect(fit).toMatchObject({ block_s: 2, samples: 8191, episodes: 200 });
      return return_level(fit, 1 / 7200) - 5;
    });
    const mean = levels.reduce((sum, level) => sum + level, 0) / levels.length;
    // Once in 3600 blocks: 3.45 standard deviations; twice and half as often: 3.26 and 3.64.
    expect(mean).toBeGreaterThan(3.26);
    expect(mean).toBeLessThan(3.64);
  });

  const fit = (threshold: number): TailFit => {
    return { threshold, shape: 0, scale: 0.2, episodes: 200, episodes_per_s: 0.0125, samples: 8192, block_s: 2 };
  };

  test("takes θ1 below its floor, never θ2 to θ4, and never below half of it", () => {
    const floor = floor_theta(8);
    const theta = refitted_theta(fit(4), 8, DEFAULT_BUDGETS);
    expect(theta[0]).toBeLessThan(floor[0]);
    expect(theta.slice(1)).toEqual(floor.slice(1));
    expect(refitted_theta(fit(0.1), 8, DEFAULT_BUDGETS)[0]).toBeCloseTo(0.5 * floor[0], 9);
  });

  test("a bad hour cannot blind: the ceiling stays, and θ rises strictly", () => {
    const floor = floor_theta(8);
    const theta = refitted_theta(fit(1000), 8, DEFAULT_BUDGETS);
    expect(theta[0]).toBeCloseTo(4 * floor[0], 9);
    for (let k = 0; k < 3; k++) expect(theta[k + 1]!).toBeGreaterThan(theta[k]!);
  });
});
