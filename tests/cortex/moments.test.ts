import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { CholeskyDecomposition, Matrix } from "ml-matrix";
import { cholesky_in_place } from "../../src/cortex/cholesky.ts";
import { contributions_into, dominant_into, shares } from "../../src/cortex/contribution.ts";
import { Mahalanobis } from "../../src/cortex/mahalanobis.ts";
import { Welford } from "../../src/cortex/welford.ts";
import { batch_distance, batch_moments } from "./batch.ts";
import { normal } from "./fixtures.ts";

const LAMBDA = 1e-3;
const RESOLUTION = 1e-3;

type Kind = "random" | "ill_conditioned" | "constant" | "collinear";

/** Rows of n numbers; dimension 1 is made awkward according to the kind. */
function rows_of(kind: Kind, seed: number, count: number, n: number): number[][] {
  const next = normal(seed);
  return Array.from({ length: count }, () => {
    const row = Array.from({ length: n }, (_, j) => 3 * j + next());
    if (kind === "ill_conditioned") return row.map((value, j) => value * 10 ** ((12 * j) / (n - 1) - 3));
    if (kind === "constant") row[1] = 7.25;
    if (kind === "collinear") row[1] = 2 * row[0]! - 5;
    return row;
  });
}

const inputs = fc.record({
  kind: fc.constantFrom<Kind>("random", "ill_conditioned", "constant", "collinear"),
  seed: fc.integer({ min: 1, max: 1e6 }),
  count: fc.integer({ min: 30, max: 120 }),
  n: fc.integer({ min: 2, max: 8 }),
  half_life_s: fc.constantFrom(null, 1, 60, 3600),
});

function learn(rows: readonly number[][], half_life_s: number | null): { welford: Welford; weights: number[] } {
  const welford = new Welford(rows[0]!.length, half_life_s);
  rows.forEach((row, k) => {
    welford.update(row, k % 3 === 0 ? 0.05 : 0.1);
  });
  let age_s = 0;
  const weights = new Array<number>(rows.length);
  for (let k = rows.length - 1; k >= 0; k--) {
    weights[k] = half_life_s === null ? 1 : 2 ** (-age_s / half_life_s);
    age_s += k % 3 === 0 ? 0.05 : 0.1;
  }
  return { welford, weights };
}

describe("streaming moments agree with the batch", () => {
  test("mean and covariance, with and without forgetting", () => {
    fc.assert(
      fc.property(inputs, ({ kind, seed, count, n, half_life_s }) => {
        const rows = rows_of(kind, seed, count, n);
        const { welford, weights } = learn(rows, half_life_s);
        const { mean, covariance } = batch_moments(rows, weights);
        for (let i = 0; i < n; i++) {
          expect(Math.abs(welford.mean[i]! - mean[i]!)).toBeLessThanOrEqual(1e-9 * Math.abs(mean[i]!) + 1e-12);
          for (let j = 0; j < n; j++) {
            const variance = (k: number): number => Math.max(covariance[k]![k]!, RESOLUTION ** 2);
            const size = Math.sqrt(variance(i) * variance(j));
            expect(Math.abs(welford.covariance(i, j) - covariance[i]![j]!)).toBeLessThanOrEqual(1e-9 * size);
            expect(welford.covariance(i, j)).toBe(welford.covariance(j, i));
          }
        }
      }),
      { numRuns: 60, seed: 1 },
    );
  });

  test("distance, and contributions sum to its square", () => {
    fc.assert(
      fc.property(inputs, ({ kind, seed, count, n, half_life_s }) => {
        const rows = rows_of(kind, seed, count, n);
        const { welford, weights } = learn(rows, half_life_s);
        const metric = new Mahalanobis(new Array<number>(n).fill(RESOLUTION), LAMBDA);
        metric.factorize(welford);
        const x = rows_of(kind, seed + 1, 1, n)[0]!.map((value) => value * 1.5);
        const distance = metric.distance(x, welford.mean);
        const expected = batch_distance(x, batch_moments(rows, weights), RESOLUTION, LAMBDA);
        expect(Math.abs(distance - expected)).toBeLessThanOrEqual(1e-9 * expected);
        const contribution = new Float64Array(n);
        contributions_into(contribution, metric.deviation, metric.weighted);
        const sum = contribution.reduce((total, c) => total + c, 0);
        expect(Math.abs(sum - distance ** 2)).toBeLessThanOrEqual(1e-9 * distance ** 2);
      }),
      { numRuns: 60, seed: 2 },
    );
  });
});

test("a restored estimate goes on exactly as the original would", () => {
  const rows = rows_of("random", 3, 50, 4);
  const { welford } = learn(rows, 60);
  const restored = Welford.restore(JSON.parse(JSON.stringify(welford.snapshot())));
  welford.update(rows[0]!, 0.1);
  restored.update(rows[0]!, 0.1);
  expect(restored.snapshot()).toEqual(welford.snapshot());
});

test("a flicker of a constant dimension is measured against its resolution, not against zero", () => {
  const { welford } = learn(rows_of("constant", 4, 100, 3), null);
  const metric = new Mahalanobis([RESOLUTION, RESOLUTION, RESOLUTION], LAMBDA);
  metric.factorize(welford);
  const x = Array.from(welford.mean);
  x[1]! += 2 * RESOLUTION;
  expect(metric.distance(x, welford.mean)).toBeCloseTo(2, 2);
});

test("non-finite input is refused by name and leaves the estimate as it was", () => {
  const welford = new Welford(2);
  welford.update([1, 2]);
  const before = welford.snapshot();
  expect(() => welford.update([1, Number.NaN])).toThrow("NaN in dimension 1");
  expect(() => welford.update([1])).toThrow("expected 2");
  expect(welford.snapshot()).toEqual(before);
  const metric = new Mahalanobis([1, 1], LAMBDA);
  metric.factorize(welford);
  expect(() => metric.distance([Number.POSITIVE_INFINITY, 0], [0, 0])).toThrow("not finite");
});

test("the factorization is renewed only when the covariance has moved", () => {
  const { welford } = learn(rows_of("random", 5, 100, 3), null);
  const metric = new Mahalanobis([1, 1, 1], LAMBDA);
  expect(metric.refresh(welford)).toBe(true);
  metric.moved(3, 1000);
  expect(metric.refresh(welford)).toBe(false);
  metric.moved(100, 1000);
  expect(metric.refresh(welford)).toBe(false);
  for (let k = 2; k < 10; k++) metric.moved(3, 1000);
  expect(metric.refresh(welford)).toBe(true);
  metric.moved(1e4, 1000);
  expect(metric.refresh(welford)).toBe(true);
});

test("the factor in place is ml-matrix's to the last bit, and what is not positive definite is told", () => {
  const next = normal(11);
  for (const n of [1, 2, 5, 16, 32]) {
    const rows = Array.from({ length: n }, () => Array.from({ length: n }, next));
    const square = new Matrix(rows).mmul(new Matrix(rows).transpose()).add(Matrix.eye(n, n).mul(LAMBDA));
    const matrix = Float64Array.from(square.to1DArray());
    expect(cholesky_in_place(matrix, n)).toBe(true);
    const lower = new CholeskyDecomposition(square).lowerTriangularMatrix;
    for (let i = 0; i < n; i++) {
      for (let j = 0; j <= i; j++) expect(Object.is(matrix[i * n + j], lower.get(i, j))).toBe(true);
    }
  }
  expect(cholesky_in_place(Float64Array.of(1, 2, 2, 1), 2)).toBe(false);
  expect(cholesky_in_place(Float64Array.of(Number.NaN), 1)).toBe(false);
});

test("dominant dimensions come largest first, shares keep their sign", () => {
  const dominant = [0, 0];
  dominant_into(dominant, [1, 9, -2, 9, 4]);
  expect(dominant).toEqual([1, 3]);
  expect(shares([6, -2, 0])).toEqual([1.5, -0.5, 0]);
  expect(shares([0, 0])).toEqual([0, 0]);
});
