import { describe, expect, test } from "bun:test";
import { Opinions } from "../../src/cortex/opinions/opinions.ts";
import { opinion_options } from "../../src/cortex/opinions/options.ts";
import { normal, uniform } from "./fixtures.ts";

const WIDTH = 6;
const ROW_S = 60;
const WARMUP_ROWS = 4000;
const DAY_ROWS = 1440;

/** A node with a busy and a few sparse dimensions, which spike now and then as counters of errors do. */
function node(seed: number): (shift: number) => Float64Array {
  const noise = normal(seed);
  const chance = uniform(seed + 1);
  return (shift) => {
    const x = Float64Array.from({ length: WIDTH }, (_, j) => (j < 3 ? 0.02 * noise() : chance() < 0.01 ? chance() : 0));
    for (const j of [0, 3]) x[j]! += shift;
    return x;
  };
}

function learned(next: (shift: number) => Float64Array): Opinions {
  const opinions = new Opinions(new Float64Array(WIDTH).fill(0.01), opinion_options(ROW_S, 0.1, 1 / 86_400));
  for (let row = 0; row < WARMUP_ROWS; row++) opinions.warm(next(0), false);
  opinions.conclude_warmup();
  return opinions;
}

describe("what the second opinions learn", () => {
  test("an incident that returns more often than the promised alarms is as strange the twentieth time as the first", () => {
    const next = node(3);
    const opinions = learned(next);
    const median: number[] = [];
    for (let incident = 0; incident < 20; incident++) {
      for (let row = 0; row < DAY_ROWS / 2 + 37 * (incident % 5); row++) {
        const x = next(0);
        opinions.score(x);
        opinions.learn(x, false);
      }
      const scores: number[] = [];
      for (let row = 0; row < 150; row++) {
        const x = next(1.2);
        scores.push(opinions.score(x));
        opinions.learn(x, false);
      }
      median.push(scores.sort((a, b) => a - b)[75]!);
    }
    expect(median.at(-1)!).toBeGreaterThan(0.7 * median[0]!);
  });

  test("a state that stays is learned in the end", () => {
    const next = node(5);
    const opinions = learned(next);
    let alarms = 0;
    for (let row = 0; row < 3 * DAY_ROWS; row++) {
      const x = next(1.2);
      opinions.score(x);
      if (row >= 2 * DAY_ROWS && opinions.alarm) alarms++;
      opinions.learn(x, false);
    }
    expect(alarms).toBeLessThan(60);
  });
});
