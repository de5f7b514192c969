/**
 * Load direction φ = (1/n) Σ s_j z_j: positive under load, negative in unusual silence.
 * Takes n signs (−1, 0 or 1) and n deviations in standard deviations.
 */
export function load_direction(load_sign: ArrayLike<number>, deviation: ArrayLike<number>): number {
  let sum = 0;
  for (let j = 0; j < deviation.length; j++) sum += load_sign[j]! * deviation[j]!;
  return deviation.length > 0 ? sum / deviation.length : 0;
}
