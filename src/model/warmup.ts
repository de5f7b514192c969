/** How much of the warm-up is over: only time at level 0 or 1 counts, so what is left is the least that it takes. */
export interface WarmupProgress {
  readonly learned_s: number;
  readonly total_s: number;
}
