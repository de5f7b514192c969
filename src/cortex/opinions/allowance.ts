/**
 * How much a beat may do of what is done in pieces, in multiply-adds. A count and not a time, so that the same rows lead to the
 * same self at the same row whenever they are shown again.
 */
export class Allowance {
  #left = 0;
  #owed = 0;

  /** A new beat. @param products its pieces together cost no more, or it is a single one that costs more */
  renew(products: number): void {
    this.#left = products - this.#owed;
    this.#owed = 0;
  }

  /** Ask before each piece: true when it has to wait for the next beat, on whose account it goes then. */
  waits(products: number): boolean {
    const waits = products > this.#left;
    if (waits) this.#owed = products;
    else this.#left -= products;
    return waits;
  }
}
