import { Allowance } from "../../src/cortex/opinions/allowance.ts";

/** What every call was charged, and the largest of all pieces. */
export class Charged extends Allowance {
  readonly calls: number[] = [];
  largest_piece = 0;
  #carried = 0;

  override renew(products: number): void {
    super.renew(products);
    this.calls.push(this.#carried);
    this.#carried = 0;
  }

  override waits(products: number): boolean {
    const waits = super.waits(products);
    this.largest_piece = Math.max(this.largest_piece, products);
    if (waits) this.#carried = products;
    else this.calls[this.calls.length - 1]! += products;
    return waits;
  }
}
