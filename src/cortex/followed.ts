/**
 * A bounded set of entries by id, in the order they came. When full, the one that was seen longest ago gives way.
 * Beside the map stands a list, because going through a map makes objects, and this is gone through at every beat.
 */
export class Followed<T extends { readonly id: number }> {
  readonly #most: number;
  readonly #seen_ns: (entry: T) => number;
  readonly #by_id = new Map<number, T>();
  readonly #all: T[] = [];

  /** @param seen_ns when an entry was last seen */
  constructor(most: number, seen_ns: (entry: T) => number) {
    this.#most = most;
    this.#seen_ns = seen_ns;
  }

  get size(): number {
    return this.#all.length;
  }

  get all(): readonly T[] {
    return this.#all;
  }

  get(id: number): T | undefined {
    return this.#by_id.get(id);
  }

  /** An entry whose id is not there yet. */
  add(entry: T): void {
    if (this.#all.length >= this.#most) this.#forget_stalest();
    this.#by_id.set(entry.id, entry);
    this.#all.push(entry);
  }

  delete(id: number): void {
    const entry = this.#by_id.get(id);
    if (entry === undefined) return;
    this.#by_id.delete(id);
    this.#all.splice(this.#all.indexOf(entry), 1);
  }

  #forget_stalest(): void {
    let stalest: T | null = null;
    let oldest_ns = Number.POSITIVE_INFINITY;
    for (const entry of this.#all) {
      const seen_ns = this.#seen_ns(entry);
      if (seen_ns >= oldest_ns) continue;
      oldest_ns = seen_ns;
      stalest = entry;
    }
    if (stalest !== null) this.delete(stalest.id);
  }
}
