import { describe, expect, test } from "bun:test";
import { Cortex } from "../../src/cortex/cortex.ts";
import type { CortexOptions } from "../../src/cortex/self.ts";
import { DEFAULT_BUDGETS } from "../../src/cortex/thresholds.ts";
import type { Assessment } from "../../src/model/assessment.ts";
import { cgroup_sample, dimensions, MIB, normal, sample } from "./fixtures.ts";

const N = 6;
const EXTRAS = { search: null, containments: [] };
const OPTIONS: CortexOptions = {
  warmup_s: 60,
  half_life_s: 3600,
  lambda: 1e-3,
  thresholds: "learned",
  budgets: DEFAULT_BUDGETS,
  opinions: null,
};

/** Beats `from`..`to` at 10 Hz of normal noise around 10, plus `shift` in the first dimension. */
function live(
  cortex: Cortex,
  from: number,
  to: number,
  next: () => number,
  level: number | ((assessment: Assessment) => number) = 0,
  shift = 0,
): Assessment {
  let last: Assessment | null = null;
  for (let k = from; k <= to; k++) {
    const common = next();
    const x = Array.from({ length: N }, (_, j) => 10 + next() + 0.8 * common + (j === 0 ? shift : 0));
    const busy = cgroup_sample(k * 1e8, 100 * MIB, { cpu_ns: k * 2e7, io_bytes: 0 });
    last = cortex.assess(sample(k * 1e8, x, { cgroups: [busy] }), EXTRAS);
    cortex.learn(typeof level === "number" ? level : level(last));
  }
  return last!;
}

describe("warm-up", () => {
  test("ends after its learned time, with thresholds from the tail, and is quiet afterwards", () => {
    const cortex = new Cortex(dimensions(N), OPTIONS);
    const next = normal(1);
    const during = live(cortex, 1, 500, next);
    expect(during.warm).toBe(false);
    expect(during.thresholds.source).toBe("warmup");
    const after = live(cortex, 501, 700, next);
    expect(after.warm).toBe(true);
    expect(after.thresholds.source).toBe("learned");
    let beyond = 0;
    live(cortex, 701, 3700, next, (a) => {
      if (a.d_smooth > a.thresholds.theta[0]) beyond += 1;
      return 0;
    });
    expect(beyond).toBe(0);
    expect(cortex.baseline().fit!.samples).toBeGreaterThan(250);
    expect(Math.abs(cortex.baseline().kurtosis / cortex.baseline().normal_kurtosis - 1)).toBeLessThan(0.3);
  });

  test("one gross outlier is left out", () => {
    const cortex = new Cortex(dimensions(N), OPTIONS);
    const next = normal(2);
    live(cortex, 1, 300, next);
    const learned = cortex.baseline().learned_samples;
    live(cortex, 301, 301, next, 0, 1000);
    expect(cortex.baseline().learned_samples).toBe(learned);
    expect(cortex.baseline().mean[0]!).toBeLessThan(11);
  });

  test("fixed thresholds hold from the first beat", () => {
    const cortex = new Cortex(dimensions(N), { ...OPTIONS, thresholds: [3, 5, 7, 9] });
    expect(live(cortex, 1, 1, normal(3)).thresholds).toEqual({ theta: [3, 5, 7, 9], source: "fixed" });
  });
});

describe("learning", () => {
  test("an anomaly is not learned, nor the second after it", () => {
    const cortex = new Cortex(dimensions(N), OPTIONS);
    const next = normal(4);
    live(cortex, 1, 700, next);
    const before = cortex.baseline();
    const during = live(cortex, 701, 1300, next, 1, 40);
    expect(during.d).toBeGreaterThan(20);
    expect(during.dominant[0]).toBe(0);
    expect(during.dominant_resource).toBe("cpu");
    expect(during.phi).toBeGreaterThan(1);
    live(cortex, 1301, 1309, next);
    expect(cortex.baseline().mean).toEqual(before.mean);
    live(cortex, 1310, 1320, next);
    expect(cortex.baseline().learned_samples).toBeGreaterThan(before.learned_samples);
    // The minute of the anomaly forgot nothing.
    expect(cortex.baseline().effective_samples).toBeGreaterThan(before.effective_samples);
  });

  test("beats at 100 Hz are learned ten times a second", () => {
    const cortex = new Cortex(dimensions(N), OPTIONS);
    const next = normal(5);
    for (let k = 1; k <= 1000; k++) {
      cortex.assess(sample(k * 1e7, Array.from({ length: N }, next)), EXTRAS);
      cortex.learn(0);
    }
    expect(cortex.baseline().learned_samples).toBe(100);
  });
});

describe("thresholds after the warm-up", () => {
  test("are fitted again to what was learned since, and saved with it", () => {
    const cortex = new Cortex(dimensions(N), OPTIONS);
    const next = normal(21);
    live(cortex, 1, 700, next);
    const first = cortex.baseline();
    expect(first.fit!.block_s).toBeUndefined();
    const last = live(cortex, 701, 7200, next);
    const then = cortex.baseline();
    expect(then.fit).toMatchObject({ block_s: 2 });
    // Normal noise hardly moves D̄: vigilance comes nearer than its floor.
    expect(then.theta[0]).toBeLessThan(first.theta[0]);
    const basis = ["fitted", "floor", "floor", "floor"] as const;
    expect(last.thresholds).toEqual({ theta: then.theta, source: "learned", basis });
    const saved = JSON.parse(JSON.stringify(cortex.save()));
    const restored = Cortex.restore(dimensions(N), OPTIONS, saved);
    if ("refused" in restored) throw new Error(restored.refused);
    expect(restored.cortex.baseline()).toMatchObject({ theta: then.theta, fit: then.fit });
    expect(restored.cortex.save().tail).toEqual(saved.tail);
    expect(Cortex.restore(dimensions(N), OPTIONS, { ...saved, tail: { maxima: [-1], since_fit: 0 } })).toHaveProperty(
      "refused",
    );
  });

  test("do not change within an episode", () => {
    const cortex = new Cortex(dimensions(N), OPTIONS);
    const next = normal(22);
    live(cortex, 1, 6500, next);
    const before = live(cortex, 6501, 6501, next).thresholds;
    for (let k = 6502; k < 12_000; k += 500) expect(live(cortex, k, k + 499, next, 1).thresholds).toBe(before);
  });

  test("fixed ones stay fixed", () => {
    const cortex = new Cortex(dimensions(N), { ...OPTIONS, thresholds: [3, 5, 7, 9] });
    expect(live(cortex, 1, 8000, normal(23)).thresholds.theta).toEqual([3, 5, 7, 9]);
  });
});

describe("assessment", () => {
  test("is plain JSON whose contributions sum to d²", () => {
    const cortex = new Cortex(dimensions(N), OPTIONS);
    const assessment = live(cortex, 1, 200, normal(6));
    expect(JSON.parse(JSON.stringify(assessment))).toEqual(assessment);
    const sum = assessment.contribution.reduce((total, c) => total + c, 0);
    expect(Math.abs(sum - assessment.d ** 2)).toBeLessThanOrEqual(1e-9 * assessment.d ** 2);
  });

  test("the same samples give the same assessments", () => {
    const one = live(new Cortex(dimensions(N), OPTIONS), 1, 900, normal(7));
    const two = live(new Cortex(dimensions(N), OPTIONS), 1, 900, normal(7));
    expect(two).toEqual(one);
  });

  test("names the cgroup whose own CPU rate changed, not the largest", () => {
    const cortex = new Cortex([{ ...dimensions(1)[0]!, resource: "cpu" }], OPTIONS);
    const next = normal(8);
    let big_ns = 0;
    let small_ns = 0;
    let last: Assessment | null = null;
    for (let k = 1; k <= 700; k++) {
      big_ns += 3e8 * (1 + 0.05 * next());
      small_ns += k > 690 ? 1e8 : 1e6;
      const cgroups = [
        cgroup_sample(k * 1e8, MIB, { id: 2, path: "/big", cpu_ns: big_ns }),
        cgroup_sample(k * 1e8, MIB, { id: 3, path: "/small", cpu_ns: small_ns }),
      ];
      last = cortex.assess(sample(k * 1e8, [next()], { cgroups }), EXTRAS);
      cortex.learn(k > 690 ? 1 : 0);
    }
    expect(last!.changes[0]!.path).toBe("/small");
    expect(last!.changes[0]!.rate).toBeCloseTo(1, 6);
    expect(last!.changes[0]!.baseline_rate).toBeCloseTo(0.01, 3);
  });

  test("refuses a value that is not finite, by name", () => {
    const cortex = new Cortex(dimensions(2), OPTIONS);
    expect(() => cortex.assess(sample(1e8, [1, Number.NaN]), EXTRAS)).toThrow("d1 = NaN");
    expect(() => cortex.assess(sample(1e8, [1]), EXTRAS)).toThrow("2 were announced");
  });
});

describe("the saved self", () => {
  test("restores to the same self and judges alike", () => {
    const cortex = new Cortex(dimensions(N), OPTIONS);
    live(cortex, 1, 900, normal(9));
    const saved = JSON.parse(JSON.stringify(cortex.save()));
    const result = Cortex.restore(dimensions(N), OPTIONS, saved);
    if ("refused" in result) throw new Error(result.refused);
    expect(result.cortex.save()).toEqual(saved);
    const a = live(cortex, 901, 901, normal(10));
    const b = live(result.cortex, 901, 901, normal(10));
    expect(b.warm).toBe(true);
    expect(b.d).toBeCloseTo(a.d, 1);
    expect(b.thresholds).toEqual(a.thresholds);
    // Tails come back when their cgroup is seen again.
    expect(result.cortex.save().growth.map((g) => g.id)).toEqual(saved.growth.map((g: { id: number }) => g.id));
  });

  test("is refused with a reason when it does not fit", () => {
    const cortex = new Cortex(dimensions(N), OPTIONS);
    live(cortex, 1, 900, normal(11));
    const saved = cortex.save();
    const reason = (self: typeof saved, count = N, options = OPTIONS): string => {
      const result = Cortex.restore(dimensions(count), options, self);
      return "refused" in result ? result.refused : "taken";
    };
    expect(reason(saved)).toBe("taken");
    expect(reason({ ...saved, version: 1 })).toContain("version 1");
    expect(reason({ ...saved, warm: false })).toContain("warm-up");
    expect(reason(saved, N + 1)).toContain("7");
    expect(reason({ ...saved, dimensions: saved.dimensions.map((d) => ({ ...d, name: "x" })) })).toContain(
      "here it is d0",
    );
    expect(reason({ ...saved, moments: { ...saved.moments, mean: [] } })).toContain("damaged");
    expect(reason(saved, N, { ...OPTIONS, half_life_s: 60 })).toContain("half-life");
  });
});
