/** Two-pass weighted mean and covariance: the slow, obvious reference the streaming code is held against. */
export function batch_moments(
  rows: readonly (readonly number[])[],
  weights: readonly number[],
): { mean: number[]; covariance: number[][] } {
  const n = rows[0]!.length;
  const total = weights.reduce((sum, w) => sum + w, 0);
  const squared = weights.reduce((sum, w) => sum + w * w, 0);
  const mean = Array.from(
    { length: n },
    (_, j) => rows.reduce((sum, row, k) => sum + weights[k]! * row[j]!, 0) / total,
  );
  const covariance = Array.from({ length: n }, (_, i) =>
    Array.from({ length: n }, (_, j) => {
      const sum = rows.reduce((s, row, k) => s + weights[k]! * (row[i]! - mean[i]!) * (row[j]! - mean[j]!), 0);
      return sum / (total - squared / total);
    }),
  );
  return { mean, covariance };
}

/** Solve A y = b by Gaussian elimination with partial pivoting. */
export function batch_solve(matrix: readonly (readonly number[])[], right: readonly number[]): number[] {
  const n = right.length;
  const rows = matrix.map((row, i) => [...row, right[i]!]);
  for (let c = 0; c < n; c++) {
    let pivot = c;
    for (let r = c; r < n; r++) if (Math.abs(rows[r]![c]!) > Math.abs(rows[pivot]![c]!)) pivot = r;
    [rows[c], rows[pivot]] = [rows[pivot]!, rows[c]!];
    for (let r = c + 1; r < n; r++) {
      const factor = rows[r]![c]! / rows[c]![c]!;
      for (let k = c; k <= n; k++) rows[r]![k]! -= factor * rows[c]![k]!;
    }
  }
  const solution = new Array<number>(n).fill(0);
  for (let r = n - 1; r >= 0; r--) {
    let rest = rows[r]![n]!;
    for (let k = r + 1; k < n; k++) rest -= rows[r]![k]! * solution[k]!;
    solution[r] = rest / rows[r]![r]!;
  }
  return solution;
}

/** D of `x` by the definition: standardized, regularized, solved densely. */
export function batch_distance(
  x: readonly number[],
  moments: { mean: number[]; covariance: number[][] },
  resolution: number,
  lambda: number,
): number {
  const { mean, covariance } = moments;
  const sigma = covariance.map((row, j) => Math.max(Math.sqrt(Math.max(0, row[j]!)), resolution));
  const z = x.map((value, j) => (value - mean[j]!) / sigma[j]!);
  const matrix = covariance.map((row, i) => row.map((c, j) => (i === j ? 1 + lambda : c / sigma[i]! / sigma[j]!)));
  const solved = batch_solve(matrix, z);
  return Math.sqrt(z.reduce((sum, value, j) => sum + value * solved[j]!, 0));
}
