import { describe, expect, test } from "bun:test";
import { GrowthTracker } from "../../src/cortex/growth.ts";
import { Mahalanobis } from "../../src/cortex/mahalanobis.ts";
import { Welford } from "../../src/cortex/welford.ts";
import { COURSES } from "../simulation/courses.ts";
import { WARMUP_S, type Watch, watch } from "../simulation/watched.ts";
import { cgroup_sample, MIB, normal, sample } from "./fixtures.ts";

const LONG_MS = 120_000;
const TAU_S = 3600 / Math.LN2;

/** Σ 1/W of what is learned from hour a to hour b after the warm-up: how much of the estimate is exchanged. */
function exchanged(a_h: number, b_h: number): number {
  const weight = (h: number) => 1 - Math.exp(-(WARMUP_S + 3600 * h) / TAU_S);
  return Math.log(weight(b_h) / weight(a_h)) + ((b_h - a_h) * 3600) / TAU_S;
}

describe("an attacker who stays just below θ1", () => {
  const OLD_H = 3;
  const lean = (teaching: "gated" | "hosa", seed: number): Watch =>
    watch(teaching, COURSES.after(OLD_H, COURSES.adversary(0.8)), OLD_H + 2, seed, OLD_H);

  for (const teaching of ["gated", "hosa"] as const) {
    test(
      `walks the baseline of a ${teaching} detector no further than the bound of docs/DETECTION.md`,
      () => {
        const run = lean(teaching, 1);
        for (const hours of [1, 2]) {
          const growth = Math.exp(exchanged(OLD_H, OLD_H + hours));
          const from = OLD_H - 1;
          const sigma = run.sigma[from]!;
          expect(run.sigma[from + hours]!).toBeLessThan(1.01 * growth * sigma);
          const walked = run.mean[from + hours]! - run.mean[from]!;
          expect(walked).toBeLessThan(1.01 * Math.sqrt(1 + 1e-3) * run.theta1 * sigma * (growth - 1));
          // He does try: without the leaning the mean would not have moved.
          expect(walked).toBeGreaterThan(1);
        }
        // What little he was noticed for is not what kept the bound.
        expect(run.alarm_s).toBeLessThan(0.02 * 2 * 3600);
      },
      LONG_MS,
    );
  }
});

describe("the believed spread", () => {
  const settled = (samples: number): { estimate: Welford; metric: Mahalanobis; next: () => number } => {
    const estimate = new Welford(2, 3600);
    const metric = new Mahalanobis([1e-3, 1e-3], 1e-3);
    const next = normal(8);
    for (let k = 0; k < samples; k++) {
      estimate.update([next(), next()], 0.1);
      metric.moved(2, estimate.weight);
      if (k > 8) metric.refresh(estimate);
    }
    return { estimate, metric, next };
  };

  test("of a settled estimate grows by no more than what is exchanged of it, and the rest follows later", () => {
    const { estimate, metric, next } = settled(6000);
    const before = metric.sigma[0]!;
    let allowed = 0;
    for (let k = 0; k < 1000; k++) {
      estimate.update([30 * next(), next()], 0.1);
      metric.moved(900, estimate.weight);
      allowed += 1 / estimate.weight;
      metric.refresh(estimate);
    }
    expect(Math.sqrt(estimate.variance(0))).toBeGreaterThan(5 * before);
    expect(metric.sigma[0]!).toBeLessThanOrEqual(1.01 * before * Math.exp(allowed));
    expect(metric.sigma[0]!).toBeGreaterThan(1.05 * before);
    expect(metric.sigma[1]!).toBeLessThan(1.05);
    // The distance stays finite and true to the believed spread, whatever the estimate has become.
    expect(metric.distance([10 * metric.sigma[0]!, 0], [0, 0])).toBeGreaterThan(9.9);
  });

  test("of a young estimate follows at once", () => {
    const { estimate, metric, next } = settled(1000);
    for (let k = 0; k < 1000; k++) {
      estimate.update([30 * next(), next()], 0.1);
      metric.moved(900, estimate.weight);
      metric.refresh(estimate);
    }
    expect(metric.sigma[0]! / Math.sqrt(estimate.variance(0))).toBeGreaterThan(0.9);
  });

  test("shrinks as the estimate does", () => {
    const { estimate, metric } = settled(6000);
    for (let k = 0; k < 36_000; k++) {
      estimate.update([0, 0], 0.1);
      metric.moved(0, estimate.weight);
      metric.refresh(estimate);
    }
    expect(metric.sigma[0]! / Math.sqrt(estimate.variance(0))).toBeCloseTo(1, 1);
    expect(metric.sigma[0]!).toBeLessThan(0.5);
  });
});

describe("the tail of a growth", () => {
  /** A service at 10 Hz that grows as told; every two seconds of it are calm, as at level 0. Its slow tail at the end. */
  function tail_after(bytes: (t_s: number) => number, until_s: number): number {
    const tracker = new GrowthTracker(3600);
    for (let k = 1; k <= until_s * 10; k++) {
      const t_ns = k * 1e8;
      tracker.update(sample(t_ns, [0], { cgroups: [cgroup_sample(t_ns, bytes(k / 10))] }));
      tracker.learn(k % 20 === 0 ? "close" : "wait");
    }
    const saved = tracker.snapshot().find((one) => one.id === 42)!;
    return Math.max(saved.slow[4], saved.fast[4]);
  }

  test("is not widened by a leak that goes on, however calm the node is meanwhile", () => {
    const leak = (t_s: number) => 100 * MIB + Math.max(0, t_s - 60) * 2 * MIB;
    expect(tail_after(leak, 180)).toBeLessThan(0.5 * MIB);
  });

  test("learns a burst that ends by itself", () => {
    const burst = (t_s: number) => 100 * MIB + Math.min(20, Math.max(0, t_s - 60)) * 2 * MIB;
    expect(tail_after(burst, 180)).toBeGreaterThan(1.8 * MIB);
  });
});
