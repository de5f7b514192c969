import { describe, expect, test } from "bun:test";
import { Cortex } from "../../src/cortex/cortex.ts";
import { fast_mcd } from "../../src/cortex/fast_mcd.ts";
import { chi_squared_part, chi_squared_quantile, normal_deviate, normal_part } from "../../src/cortex/quantile.ts";
import { is_incident } from "../../src/cortex/robust.ts";
import { DEFAULT_BUDGETS } from "../../src/cortex/thresholds.ts";
import { dimensions, normal, sample } from "./fixtures.ts";

const N = 5;
const FLOOR = new Float64Array(N).fill(1e-6);

/** Correlated normal rows about 10, 20, 30 …; every `bad`-th row far away, all in the same place. */
function rows_of(count: number, seed: number, bad: number): Float64Array {
  const next = normal(seed);
  const rows = new Float64Array(count * N);
  for (let k = 0; k < count; k++) {
    const common = next();
    for (let j = 0; j < N; j++) {
      rows[k * N + j] = 10 * (j + 1) + (bad > 0 && k % bad === 0 ? 50 - 20 * j : (common + next()) * (j + 1));
    }
  }
  return rows;
}

function covariance_of(rows: Float64Array): number[] {
  const count = rows.length / N;
  const mean = Array.from(
    { length: N },
    (_, j) => rows.filter((_v, at) => at % N === j).reduce((a, b) => a + b) / count,
  );
  return Array.from({ length: N * N }, (_, at) => {
    const [i, j] = [Math.floor(at / N), at % N];
    let sum = 0;
    for (let k = 0; k < count; k++) sum += (rows[k * N + i]! - mean[i]!) * (rows[k * N + j]! - mean[j]!);
    return sum / count;
  });
}

describe("the minimum covariance determinant", () => {
  test("of clean normal rows is close to their covariance", () => {
    const rows = rows_of(500, 1, 0);
    const robust = fast_mcd(rows, 500, FLOOR)!;
    const plain = covariance_of(rows);
    expect(robust.kept).toBeGreaterThan(460);
    for (let at = 0; at < N * N; at++) expect(robust.covariance[at]! / plain[at]!).toBeCloseTo(1, 0.6);
    for (let j = 0; j < N; j++) expect(Math.abs(robust.mean[j]! - 10 * (j + 1))).toBeLessThan(0.3 * (j + 1));
  });

  test("leaves a fifth of rows in one far place out, to the last one", () => {
    const clean = fast_mcd(rows_of(500, 2, 0), 500, FLOOR)!;
    const robust = fast_mcd(rows_of(500, 2, 5), 500, FLOOR)!;
    expect(robust.kept).toBeLessThanOrEqual(400);
    expect(robust.kept).toBeGreaterThan(370);
    for (let j = 0; j < N; j++) {
      expect(Math.abs(robust.mean[j]! - 10 * (j + 1))).toBeLessThan(0.4 * (j + 1));
      expect(robust.covariance[j * N + j]! / clean.covariance[j * N + j]!).toBeWithin(0.6, 1.6);
    }
  });

  test("constant and collinear dimensions, and too few rows", () => {
    const rows = rows_of(200, 3, 0);
    for (let k = 0; k < 200; k++) {
      rows[k * N] = 7;
      rows[k * N + 2] = 3 * rows[k * N + 1]!;
    }
    const robust = fast_mcd(rows, 200, FLOOR)!;
    expect([...robust.mean, ...robust.covariance].every(Number.isFinite)).toBe(true);
    expect(robust.mean[0]).toBe(7);
    expect(fast_mcd(rows, 4 * N - 1, FLOOR)).toBeNull();
  });

  test("the same rows give the same estimate", () => {
    const rows = rows_of(300, 4, 7);
    expect(fast_mcd(rows, 300, FLOOR)).toEqual(fast_mcd(rows, 300, FLOOR));
  });
});

test("the parts of the normal and the χ² distribution are the inverses of their quantiles", () => {
  for (const p of [0.01, 0.5, 0.75, 0.975]) expect(normal_part(normal_deviate(p))).toBeCloseTo(p, 6);
  expect(normal_deviate(0.975)).toBeCloseTo(1.959964, 4);
  for (const n of [3, 8, 21])
    expect(chi_squared_part(n, chi_squared_quantile(n, 1.2))).toBeCloseTo(normal_part(1.2), 6);
});

test("an incident is one stretch of time, bursts are not", () => {
  const flags = (text: string) => Array.from(text, Number);
  expect(is_incident(flags(`${"0".repeat(60)}111101111${"0".repeat(40)}`))).toBe(true);
  expect(is_incident(flags("0000000001".repeat(20)))).toBe(false);
  expect(is_incident(flags(`${"0".repeat(99)}1`))).toBe(false);
  expect(is_incident(new Uint8Array(100))).toBe(false);
});

describe("a self learned", () => {
  const options = {
    warmup_s: 60,
    half_life_s: 3600,
    lambda: 1e-3,
    thresholds: "learned",
    budgets: DEFAULT_BUDGETS,
    opinions: null,
  } as const;

  function learned(is_bad: (row: number) => boolean) {
    const cortex = new Cortex(dimensions(N), options);
    const good = rows_of(700, 5, 0);
    const bad = rows_of(700, 5, 1);
    for (let k = 0; k < 700; k++) {
      const rows = is_bad(k) ? bad : good;
      cortex.assess(sample(k * 1e8, [...rows.subarray(k * N, (k + 1) * N)]), { search: null, containments: [] });
      cortex.learn(0);
    }
    return cortex.baseline();
  }

  test("of normal noise keeps its plain moments", () => {
    expect(learned(() => false).robust).toBeNull();
  });

  test("among rare bursts keeps them: they belong to the node", () => {
    expect(learned((row) => row % 40 === 0).robust).toBeNull();
  });

  test("while an incident lasted is that of the bulk: the deviations are those without it", () => {
    const plain = learned(() => false);
    const incident = learned((row) => row >= 150 && row < 200);
    expect(incident.robust).not.toBeNull();
    for (let j = 0; j < N; j++) expect(incident.sigma[j]! / plain.sigma[j]!).toBeWithin(0.7, 1.4);
  });
});
