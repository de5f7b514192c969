/**
 * Covariance deformation ρ = ‖recent − base‖_F / ‖base‖_F of two n×n matrices, row by row; 0 when both are zero.
 * Compare correlation matrices or covariances in standardized units, or the largest unit decides alone.
 */
export function deformation(recent: ArrayLike<number>, base: ArrayLike<number>): number {
  if (recent.length !== base.length) {
    throw new RangeError(`Cannot compare matrices of ${recent.length} and ${base.length} numbers`);
  }
  let difference = 0;
  let norm = 0;
  for (let k = 0; k < base.length; k++) {
    difference += (recent[k]! - base[k]!) ** 2;
    norm += base[k]! ** 2;
  }
  if (norm === 0) return difference === 0 ? 0 : Number.MAX_VALUE;
  return Math.sqrt(difference / norm);
}
