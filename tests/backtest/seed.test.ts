import { describe, expect, test } from "bun:test";
import { CsvBacktest } from "../../src/backtest/csv_backtest.ts";
import type { RowDetector } from "../../src/backtest/detector.ts";
import { DEFAULT_TRAIN } from "../../src/backtest/export_rows.ts";
import { SeedConsensus, seed_parts } from "../../src/backtest/seed/consensus.ts";
import { default_config } from "../../src/config/index.ts";
import { seeded } from "../simulation/service.ts";

const names = ["z_score", "iqr_fence", "isolation_forest"];

/** A detector that has learned 600 rows of two columns: one uniform in 0..1, one always 5. */
function learned(detector: RowDetector): RowDetector {
  const random = seeded(3);
  for (let row = 0; row < 600; row++) detector.learn(Float64Array.of(random(), 5));
  detector.finish_warmup();
  return detector;
}

describe("each part of the seed", () => {
  test.each(names)("%s: a usual row is below its bound, a far one above; it says which column", (name) => {
    const detector = learned(seed_parts(2).find((one) => one.name === name)!);
    expect(detector.score(Float64Array.of(0.5, 5))).toMatchObject({ alarm: false, level: 0 });
    const far = detector.score(Float64Array.of(50, 5));
    expect(far).toMatchObject({ alarm: true, level: 1 });
    expect(far.score).toBeGreaterThan(detector.threshold);
    expect(far.contribution[0]!).toBeGreaterThan(far.contribution[1]!);
  });

  test("z-score and fence have known answers", () => {
    const z = seed_parts(1)[0]!;
    for (const value of [1, 2, 3, 4, 5]) z.learn(Float64Array.of(value));
    expect(z.score(Float64Array.of(3 + 3 * Math.sqrt(2.5))).score).toBeCloseTo(1, 12);
    const fence = seed_parts(1)[1]!;
    for (let value = 0; value <= 100; value++) fence.learn(Float64Array.of(value));
    fence.finish_warmup();
    expect(fence.score(Float64Array.of(75 + 75)).score).toBeCloseTo(1, 12);
    expect(fence.score(Float64Array.of(25 - 150)).score).toBeCloseTo(2, 12);
    expect(fence.score(Float64Array.of(60)).score).toBe(0);
  });

  test("a column that does not move has no infinite score, and no rows are no crash", () => {
    for (const detector of [...seed_parts(2).map(learned), learned(new SeedConsensus(2))]) {
      const { score } = detector.score(Float64Array.of(0.5, 6));
      expect(Number.isFinite(score)).toBe(true);
    }
    for (const detector of seed_parts(1)) {
      detector.finish_warmup();
      expect(Number.isNaN(detector.score(Float64Array.of(1)).score)).toBe(false);
    }
  });
});

test("the consensus is the middle of the three: in alarm where at least two are", () => {
  const random = seeded(5);
  const together = learned(new SeedConsensus(2));
  const apart = seed_parts(2).map(learned);
  for (let row = 0; row < 200; row++) {
    const x = Float64Array.of(random() < 0.8 ? random() : 3 * random(), random() < 0.1 ? 5.2 : 5);
    const scores = apart.map((one) => one.score(x).score).sort((a, b) => a - b);
    const { score, alarm } = together.score(x);
    expect(score).toBe(scores[1]!);
    expect(alarm).toBe(scores.filter((one) => one > 1).length >= 2);
  }
});

test("beside ours: the same rows give the same scores, and ours are the same with and without it", async () => {
  const random = seeded(9);
  const lines = ["split,label,a,b"];
  for (let row = 0; row < 900; row++) {
    const event = row >= 700 && row < 720;
    const a = random() + random();
    lines.push(`${row < 500 ? "train" : "test"},${event ? 1 : 0},${a.toFixed(4)},${(event ? 5 : 2 * a).toFixed(4)}`);
  }
  const judged = async (with_seed: boolean) => {
    const backtest = new CsvBacktest("s.csv", {
      config: default_config(),
      row_interval_s: 300,
      asked_alarms_per_day: 1,
      budget_hours_per_day: 1,
      train: DEFAULT_TRAIN,
      with_seed,
      with_views: true,
    });
    const views = await backtest.take(lines);
    return { views, ...(await backtest.finish()).result };
  };
  const [alone, beside, again] = [await judged(false), await judged(true), await judged(true)];
  expect(again).toEqual(beside);
  expect(beside.summary).toEqual(alone.summary);
  expect(beside.views.map(({ seed: _seed, ...ours }) => ours)).toEqual([...alone.views]);
  expect(beside.beside.map(({ detector }) => detector)).toEqual(["seed", "z_score", "iqr_fence", "isolation_forest"]);
  expect(beside.views[210]!.seed!.score).toBeGreaterThan(0);
});
