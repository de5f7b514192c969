/** What a node is going through, −3 (anomalous silence) to +5 (propagation): a diagnosis beside the level (SPEC §9). */
export interface Regime {
  readonly number: -3 | -2 | -1 | 0 | 1 | 3 | 4 | 5;
  readonly name: string;
  /** The figures that made it so. */
  readonly because: string;
  /** Less severe ones that fit as well: it is ambiguous. */
  readonly also: readonly number[];
}
