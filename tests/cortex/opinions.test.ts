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

function unlearned(): Opinions {
  return new Opinions(new Float64Array(WIDTH).fill(0.01), opinion_options(ROW_S, 0.1, 1 / 86_400));
}

function learned(next: (shift: number) => Float64Array): Opinions {
  const opinions = unlearned();
  for (let row = 0; row < WARMUP_ROWS; row++) opinions.warm(next(0), false);
  opinions.begin();
  opinions.finish();
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

  test("nothing is learned from a history that is nearly all incident: without a threshold it would be taken for normal", () => {
    const next = node(4);
    const opinions = unlearned();
    for (let row = 0; row < WARMUP_ROWS; row++) opinions.warm(next(row % 20 === 0 ? 0 : 1.2), row % 20 !== 0);
    opinions.begin();
    opinions.finish();
    expect(opinions.ready).toBe(false);
    for (let row = 0; row < 2 * WARMUP_ROWS; row++) opinions.warm(next(0), false);
    opinions.begin();
    opinions.finish();
    expect(opinions.ready).toBe(true);
    expect(opinions.theta).toBeFinite();
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

/** Those that learned the same rows and went on, and those of a new run that took up what was saved of them. */
function restarted(went_on: Opinions, missed_rows = 0): Opinions {
  const { rows, odd } = went_on.snapshot();
  const again = unlearned();
  again.take_up(rows, odd, missed_rows);
  return again;
}

const median = (values: readonly number[]) => values.toSorted((a, b) => a - b)[values.length >> 1]!;

describe("opinions taken up by a new run", () => {
  test("judge at once and as those that went on: quiet rows, and an incident", () => {
    const next = node(7);
    const went_on = learned(next);
    for (let row = 0; row < 2 * DAY_ROWS; row++) {
      const x = next(0);
      went_on.score(x);
      went_on.learn(x, false);
    }
    const again = restarted(went_on);
    expect(again.ready).toBe(true);
    expect(again.known_rows).toBe(went_on.known_rows);
    expect(again.theta / went_on.theta).toBeGreaterThan(0.7);
    expect(again.theta / went_on.theta).toBeLessThan(1.4);
    const scores: [number[], number[]] = [[], []];
    const alarms = [0, 0];
    for (let row = 0; row < DAY_ROWS; row++) {
      const x = next(0);
      for (const [k, opinions] of [went_on, again].entries()) {
        scores[k]!.push(opinions.score(x));
        if (opinions.alarm) alarms[k]! += 1;
        opinions.learn(x, false);
      }
    }
    expect(median(scores[1]) / median(scores[0])).toBeGreaterThan(0.8);
    expect(median(scores[1]) / median(scores[0])).toBeLessThan(1.25);
    expect(alarms[1]).toBeLessThan(DAY_ROWS / 100);
    const incident = [went_on, again].map((opinions) => {
      const x = node(8)(1.2);
      return opinions.score(x) / opinions.theta;
    });
    for (const ratio of incident) expect(ratio).toBeGreaterThan(1);
  });

  test("too few rows are a part of the warm-up", () => {
    const next = node(9);
    const opinions = unlearned();
    for (let row = 0; row < 500; row++) opinions.warm(next(0), row % 50 === 0);
    const again = restarted(opinions);
    expect(again.ready).toBe(false);
    expect(again.known_rows).toBe(500);
    for (let row = 500; row < again.needed_rows; row++) again.warm(next(0), false);
    again.begin();
    again.finish();
    expect(again.ready).toBe(true);
  });

  test("the season goes on while nobody looks", () => {
    const period = 240;
    const noise = normal(2);
    const at = (row: number) =>
      Float64Array.from({ length: WIDTH }, () => Math.sin((2 * Math.PI * row) / period) + 0.05 * noise());
    const opinions = unlearned();
    let row = 0;
    for (; row < WARMUP_ROWS; row++) opinions.warm(at(row), false);
    opinions.begin();
    opinions.finish();
    expect(opinions.period_rows).toBe(period);
    row += 100;
    const mean_score = (missed_rows: number) => {
      const again = restarted(opinions, missed_rows);
      let sum = 0;
      for (let k = 0; k < 60; k++) {
        const x = at(row + k);
        sum += again.score(x) / 60;
        again.learn(x, false);
      }
      return sum;
    };
    expect(mean_score(0)).toBeGreaterThan(2 * mean_score(100));
  });
});

describe("a self learned a little with each row", () => {
  test("is there after some hundred rows, and judges as one that was learned at once", () => {
    const next = node(11);
    const opinions = unlearned();
    const at_once = unlearned();
    let row = 0;
    for (; !opinions.ready; row++) {
      const x = next(0);
      for (const each of [opinions, at_once]) each.warm(x, false);
      if (row >= WARMUP_ROWS) opinions.begin();
    }
    expect(row - WARMUP_ROWS).toBeGreaterThan(100);
    expect(row - WARMUP_ROWS).toBeLessThan(1500);
    at_once.begin();
    at_once.finish();
    const scores: [number[], number[]] = [[], []];
    for (let quiet = 0; quiet < DAY_ROWS; quiet++) {
      const x = next(0);
      for (const [k, each] of [opinions, at_once].entries()) {
        scores[k]!.push(each.score(x));
        each.learn(x, false);
      }
    }
    expect(median(scores[0]) / median(scores[1])).toBeGreaterThan(0.9);
    expect(median(scores[0]) / median(scores[1])).toBeLessThan(1.1);
    const incident = next(1.2);
    for (const each of [opinions, at_once]) expect(each.score(incident) / each.theta).toBeGreaterThan(1);
  });

  test("takes the place of one that knows no season, which judges until then", () => {
    const period = 700;
    const noise = normal(13);
    const at = (row: number) =>
      Float64Array.from({ length: WIDTH }, () => Math.sin((2 * Math.PI * row) / period) + 0.1 * noise());
    const opinions = unlearned();
    let row = 0;
    for (; row < opinions.needed_rows; row++) opinions.warm(at(row), false);
    opinions.begin();
    opinions.finish();
    expect(opinions.period_rows).toBeNull();
    const scores: number[] = [];
    for (; row < 2 * DAY_ROWS + period; row++) {
      const x = at(row);
      scores.push(opinions.score(x));
      opinions.learn(x, false);
    }
    expect(Math.abs(opinions.period_rows! / period - 1)).toBeLessThan(0.02);
    expect(scores.every((score) => score > 0)).toBe(true);
  });

  test("waits for normal rows", () => {
    const next = node(17);
    const opinions = unlearned();
    for (let row = 0; row < 2 * DAY_ROWS; row++) {
      opinions.warm(next(1.2), true);
      opinions.begin();
    }
    expect(opinions.ready).toBe(false);
    for (let row = 0; row < DAY_ROWS; row++) {
      if (opinions.ready) break;
      opinions.warm(next(0), false);
      opinions.begin();
    }
    expect(opinions.ready).toBe(true);
  });
});
