/** Writes a vector over an array of the same length, as JSON knows it. A loop, because this is done at every beat. */
export function plain_into(out: number[], vector: ArrayLike<number>): void {
  for (let j = 0; j < out.length; j++) out[j] = vector[j]!;
}
