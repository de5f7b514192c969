/**
 * c_j = d_j (Σ⁻¹ d)_j, written into `out`; Σ_j c_j = D². A negative c_j is a dimension whose deviation the others explain.
 *
 * @param deviation d (or z), n numbers
 * @param weighted Σ⁻¹ d (or (R + λI)⁻¹ z), n numbers
 */
export function contributions_into(out: Float64Array, deviation: Float64Array, weighted: Float64Array): void {
  for (let j = 0; j < out.length; j++) out[j] = deviation[j]! * weighted[j]!;
}

/** Signed shares c_j / D² for show; all 0 at distance 0. */
export function shares(contribution: ArrayLike<number>): number[] {
  let total = 0;
  for (let j = 0; j < contribution.length; j++) total += contribution[j]!;
  return Array.from(contribution, (c) => (total > 0 ? c / total : 0));
}

/** Indices of the `best.length` largest c_j, largest first; ties go to the lower index. There must be that many. */
export function dominant_into(best: number[], contribution: ArrayLike<number>): void {
  let filled = 0;
  for (let j = 0; j < contribution.length; j++) {
    let place = filled;
    while (place > 0 && contribution[best[place - 1]!]! < contribution[j]!) place -= 1;
    if (place >= best.length) continue;
    if (filled < best.length) filled += 1;
    for (let k = filled - 1; k > place; k--) best[k] = best[k - 1]!;
    best[place] = j;
  }
}
