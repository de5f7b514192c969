import { CholeskyDecomposition, Matrix } from "ml-matrix";
import { chi_squared_part, chi_squared_quantile, normal_deviate } from "./quantile.ts";

/** Part of the rows the estimate rests on: up to a quarter of them may be anything. */
const SUPPORT = 0.75;
const STARTS = 24;
const FIRST_STEPS = 2;
const BEST_KEPT = 4;
const MOST_STEPS = 20;
/** Keeps a subset of constant or collinear dimensions invertible; standardized units. */
const RIDGE = 1e-3;
/** A row within this part of the χ² distribution belongs to the bulk in the final, reweighted estimate. */
const BULK = 0.975;

export interface RobustEstimate {
  readonly mean: Float64Array;
  /** n × n, row by row, units of x. */
  readonly covariance: Float64Array;
  /** Rows of the bulk, of all rows. */
  readonly kept: number;
  readonly rows: number;
  /** 1 for each row that lies outside the bulk. */
  readonly outside: Uint8Array;
}

interface Subset {
  readonly mean: Float64Array;
  readonly lower: Matrix;
  readonly log_determinant: number;
}

/**
 * Minimum covariance determinant: mean and covariance of the three quarters of the rows that lie closest together, made
 * consistent for a normal distribution, then reweighted with all rows of the bulk. Random starts come from a fixed seed, so
 * the same rows give the same estimate. Source: Rousseeuw and Van Driessen 1999.
 *
 * O(starts · (count n² + n³)); 500 rows of 20 dimensions take some tens of milliseconds.
 *
 * @param x row-major, count × n, finite. @param floor smallest believed standard deviation of each dimension
 * @returns null with fewer than 4 rows per dimension
 */
export function fast_mcd(x: Float64Array, count: number, floor: Float64Array): RobustEstimate | null {
  const n = floor.length;
  if (count < 4 * n) return null;
  const { z, centre, scale } = standardized(x, count, floor);
  const support = Math.floor(SUPPORT * count);
  const distance = new Float64Array(count);
  const random = seeded();
  let best: Subset[] = [];
  for (let start = 0; start < STARTS; start++) {
    let subset = subset_of(z, n, random_rows(count, n + 1, random));
    for (let step = 0; step < FIRST_STEPS; step++) subset = concentrate(z, count, n, subset, support, distance);
    best.push(subset);
    best.sort((a, b) => a.log_determinant - b.log_determinant);
    best = best.slice(0, BEST_KEPT);
  }
  const settled = best.map((subset) => settle(z, count, n, subset, support, distance));
  settled.sort((a, b) => a.log_determinant - b.log_determinant);
  return reweighted(z, count, n, settled[0]!, support, distance, centre, scale);
}

/** Each dimension about its median, in units of its median absolute deviation (its σ where more than half is constant). */
function standardized(x: Float64Array, count: number, floor: Float64Array) {
  const n = floor.length;
  const z = new Float64Array(count * n);
  const centre = new Float64Array(n);
  const scale = new Float64Array(n);
  const column = new Float64Array(count);
  for (let j = 0; j < n; j++) {
    for (let k = 0; k < count; k++) column[k] = x[k * n + j]!;
    column.sort();
    const median = column[count >> 1]!;
    for (let k = 0; k < count; k++) column[k] = Math.abs(x[k * n + j]! - median);
    column.sort();
    centre[j] = median;
    // 1.4826: the deviation of a normal distribution in units of its median absolute deviation.
    scale[j] = Math.max(1.4826 * column[count >> 1]!, floor[j]!);
    for (let k = 0; k < count; k++) z[k * n + j] = (x[k * n + j]! - median) / scale[j]!;
  }
  return { z, centre, scale };
}

function subset_of(z: Float64Array, n: number, rows: ArrayLike<number>): Subset {
  const { mean, covariance } = moments_of(z, n, rows);
  const matrix = new Matrix(n, n);
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < n; j++) matrix.set(i, j, covariance[i * n + j]! + (i === j ? RIDGE : 0));
  }
  const lower = new CholeskyDecomposition(matrix).lowerTriangularMatrix;
  let log_determinant = 0;
  for (let i = 0; i < n; i++) log_determinant += 2 * Math.log(lower.get(i, i));
  return { mean, lower, log_determinant };
}

function moments_of(z: Float64Array, n: number, rows: ArrayLike<number>) {
  const mean = new Float64Array(n);
  const covariance = new Float64Array(n * n);
  for (let k = 0; k < rows.length; k++) for (let j = 0; j < n; j++) mean[j]! += z[rows[k]! * n + j]! / rows.length;
  for (let k = 0; k < rows.length; k++) {
    const at = rows[k]! * n;
    for (let i = 0; i < n; i++) {
      const d = (z[at + i]! - mean[i]!) / rows.length;
      for (let j = 0; j <= i; j++) covariance[i * n + j]! += d * (z[at + j]! - mean[j]!);
    }
  }
  for (let i = 0; i < n; i++) for (let j = 0; j < i; j++) covariance[j * n + i] = covariance[i * n + j]!;
  return { mean, covariance };
}

/** One C-step: the rows nearest to the subset's own centre, in its own metric, are never farther apart than it was. */
function concentrate(z: Float64Array, count: number, n: number, from: Subset, support: number, distance: Float64Array) {
  measure(z, count, n, from, distance);
  return subset_of(z, n, nearest(distance, support));
}

function settle(z: Float64Array, count: number, n: number, from: Subset, support: number, distance: Float64Array) {
  let subset = from;
  for (let step = 0; step < MOST_STEPS; step++) {
    const next = concentrate(z, count, n, subset, support, distance);
    if (next.log_determinant >= subset.log_determinant - 1e-9) return next;
    subset = next;
  }
  return subset;
}

/** Squared distances of all rows, by forward substitution. */
function measure(z: Float64Array, count: number, n: number, { mean, lower }: Subset, distance: Float64Array): void {
  const half = new Float64Array(n);
  for (let k = 0; k < count; k++) {
    let squared = 0;
    for (let i = 0; i < n; i++) {
      let rest = z[k * n + i]! - mean[i]!;
      for (let j = 0; j < i; j++) rest -= lower.get(i, j) * half[j]!;
      half[i] = rest / lower.get(i, i);
      squared += half[i]! * half[i]!;
    }
    distance[k] = squared;
  }
}

function nearest(distance: Float64Array, wanted: number): Uint32Array {
  const order = Uint32Array.from(distance.keys());
  order.sort((a, b) => distance[a]! - distance[b]! || a - b);
  return order.subarray(0, wanted);
}

function reweighted(
  z: Float64Array,
  count: number,
  n: number,
  subset: Subset,
  support: number,
  distance: Float64Array,
  centre: Float64Array,
  scale: Float64Array,
): RobustEstimate {
  measure(z, count, n, subset, distance);
  const consistency = consistency_factor(n, support / count);
  const bound = consistency * chi_squared_quantile(n, normal_deviate(BULK));
  const bulk = Uint32Array.from(distance.keys()).filter((row) => distance[row]! <= bound);
  const rows = bulk.length > n ? bulk : nearest(distance, support);
  const { mean, covariance } = moments_of(z, n, rows);
  const factor = consistency_factor(n, bulk.length > n ? BULK : support / count);
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < n; j++) covariance[i * n + j]! *= factor * scale[i]! * scale[j]!;
  }
  for (let j = 0; j < n; j++) mean[j] = centre[j]! + scale[j]! * mean[j]!;
  const outside = new Uint8Array(count).fill(1);
  for (const row of rows) outside[row] = 0;
  return { mean, covariance, kept: rows.length, rows: count, outside };
}

/** What the covariance of the innermost part of a normal distribution lacks: part / P(χ²ₙ₊₂ ≤ q), q its χ²ₙ quantile. */
function consistency_factor(n: number, part: number): number {
  return part / chi_squared_part(n + 2, chi_squared_quantile(n, normal_deviate(part)));
}

function random_rows(count: number, wanted: number, random: () => number): number[] {
  const rows = new Set<number>();
  while (rows.size < wanted) rows.add(Math.floor(random() * count));
  return [...rows];
}

/** Numerical Recipes' linear congruential generator: enough to pick starts, the same on every run. */
function seeded(): () => number {
  let state = 20_261_122;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 4_294_967_296;
  };
}
