/** Shannon entropy in bits of the distribution the counts stand for; 0 when there are none. O(n). */
export function entropy_bits(counts: Float64Array): number {
  let total = 0;
  for (let i = 0; i < counts.length; i++) total += counts[i]!;
  if (!(total > 0)) return 0;
  let bits = 0;
  for (let i = 0; i < counts.length; i++) {
    const share = counts[i]! / total;
    if (share > 0) bits -= share * Math.log2(share);
  }
  return bits;
}
