import type { Maybe } from "../../model/sample.ts";

/** How long the kernel may take to confirm a freeze: a thread in an uninterruptible sleep cannot be frozen. */
const CONFIRM_MAX_NS = 2e9;

/** A freezer that was asked and has not answered yet. Freezing is asynchronous; thawing takes effect with the write. */
export class Confirmation {
  #asked_ns: Maybe<number> = null;

  get pending(): boolean {
    return this.#asked_ns !== null;
  }

  ask(now_ns: number): void {
    this.#asked_ns = now_ns;
  }

  settle(): void {
    this.#asked_ns = null;
  }

  overdue(now_ns: number): boolean {
    return this.#asked_ns !== null && now_ns - this.#asked_ns > CONFIRM_MAX_NS;
  }
}
