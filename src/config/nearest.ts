/** Levenshtein distance, O(|a|·|b|). */
function edit_distance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const current = [i];
    for (let j = 1; j <= b.length; j++) {
      const substitution = previous[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      current.push(Math.min(previous[j]! + 1, current[j - 1]! + 1, substitution));
    }
    previous = current;
  }
  return previous[b.length]!;
}

/** The accepted word nearest to what was written, or null when none is near enough to be meant. */
export function nearest(written: string, accepted: readonly string[]): string | null {
  if (written.length > 64) return null;
  let best: string | null = null;
  let best_distance = Math.max(2, Math.floor(written.length / 3)) + 1;
  for (const word of accepted) {
    const distance = edit_distance(written.toLowerCase(), word);
    if (distance < best_distance) {
      best = word;
      best_distance = distance;
    }
  }
  return best;
}
