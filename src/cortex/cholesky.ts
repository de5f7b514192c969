/**
 * Turns the lower triangle of a symmetric matrix, row by row in n × n numbers, into its Cholesky factor L, A = L Lᵀ, in place;
 * the upper triangle is not touched. O(n³/6), allocates nothing. False where A is not positive definite: then what is left
 * is no factor.
 *
 * ml-matrix's CholeskyDecomposition, operation by operation, so that both agree to the last bit: of sixteen dimensions that
 * one makes 8 kB of objects and takes 6 µs, more than the rest of the beat in which Σ has moved.
 * Source: Golub and Van Loan 2013, §4.2.5 (by rows).
 */
export function cholesky_in_place(matrix: Float64Array, n: number): boolean {
  let positive_definite = true;
  for (let j = 0; j < n; j++) {
    let squares = 0;
    for (let k = 0; k < j; k++) {
      let sum = 0;
      for (let i = 0; i < k; i++) sum += matrix[k * n + i]! * matrix[j * n + i]!;
      const value = (matrix[j * n + k]! - sum) / matrix[k * n + k]!;
      matrix[j * n + k] = value;
      squares += value * value;
    }
    const rest = matrix[j * n + j]! - squares;
    positive_definite &&= rest > 0;
    matrix[j * n + j] = Math.sqrt(Math.max(rest, 0));
  }
  return positive_definite;
}
