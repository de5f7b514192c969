/** What came of re-running a recorded decision. */
export interface Replay {
  readonly identical: boolean;
  /** First place where the two decisions differ, as `path: recorded ≠ recomputed`; empty when identical. */
  readonly difference: string;
}
