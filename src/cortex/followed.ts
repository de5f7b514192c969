/** Followed for so long, an entry that does not stand out has had its turn. */
const TURN_NS = 2e9;
/** Places given away at one look: each of them costs a walk through all entries. */
const GIVEN_AT_ONCE = 64;

/** What became of those for which there were too few places. */
export interface Crowding {
  /** Gave their place to others, ever: what was learned of them is lost. */
  readonly replaced: number;
  /** Found none at the latest look. */
  readonly refused: number;
}

/**
 * A bounded set of entries by id, in the order they came. When full, the one that was seen longest ago gives way; where all are seen at
 * every look, those that stand out keep their places and the others take turns.
 * Beside the map stands a list, because going through a map makes objects, and this is gone through at every beat.
 */
export class Followed<T extends { readonly id: number }> {
  readonly #most: number;
  readonly #seen_ns: (entry: T) => number;
  readonly #stands_out: (entry: T) => boolean;
  readonly #by_id = new Map<number, T>();
  readonly #all: T[] = [];
  /** When each of them came, in their order. */
  readonly #since_ns: number[] = [];
  #look_ns = Number.NEGATIVE_INFINITY;
  #given = 0;
  /** At the present look no more places are to be had. */
  #closed = false;
  /** Those that asked for a place at the present look, and where the ones begin whose turn it is to get one. */
  #asked = 0;
  #next = 0;
  /** Entries that found no place at the latest look at which any did not. */
  #refused = 0;
  /** Entries that gave their place to another one, ever. */
  replaced = 0;

  /** @param seen_ns when an entry was last seen @param stands_out it must not give way to one of which nothing is known */
  constructor(most: number, seen_ns: (entry: T) => number, stands_out: (entry: T) => boolean) {
    this.#most = most;
    this.#seen_ns = seen_ns;
    this.#stands_out = stands_out;
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

  /** How many found no place at the look of that time. */
  refused_at(look_ns: number): number {
    return look_ns === this.#look_ns ? this.#refused : 0;
  }

  /**
   * Whether one more can be added, for which another may have to give way.
   * @param look_ns the look that brings it @param before_ns the look before: what was seen at neither has not changed
   */
  has_place(look_ns: number, before_ns: number): boolean {
    if (this.#all.length < this.#most || this.#make_room(look_ns, before_ns)) return true;
    this.#refused += 1;
    return false;
  }

  /** An entry whose id is not there yet; `has_place` comes first. */
  add(entry: T, look_ns: number): void {
    this.#by_id.set(entry.id, entry);
    this.#all.push(entry);
    this.#since_ns.push(look_ns);
  }

  delete(id: number): void {
    const entry = this.#by_id.get(id);
    if (entry !== undefined) this.#remove(this.#all.indexOf(entry));
  }

  /** They ask in the same order at each look: those that came behind the last one that was given a place are first at the next look. */
  #make_room(look_ns: number, before_ns: number): boolean {
    if (look_ns !== this.#look_ns) this.#begin_look(look_ns);
    const place = this.#asked++;
    if (this.#closed || place < this.#next) return false;
    const at = this.#who_gives_way(look_ns, before_ns);
    this.#given += 1;
    this.#next = place + 1;
    this.#closed = at < 0 || this.#given >= GIVEN_AT_ONCE;
    if (at < 0) return false;
    this.#remove(at);
    this.replaced += 1;
    return true;
  }

  #begin_look(look_ns: number): void {
    if (this.#next >= this.#asked) this.#next = 0;
    this.#look_ns = look_ns;
    this.#asked = 0;
    this.#given = 0;
    this.#refused = 0;
    this.#closed = false;
  }

  /** Place of the stalest one, or of the one that has had its turn the longest; -1: none gives way. */
  #who_gives_way(look_ns: number, before_ns: number): number {
    let stalest = -1;
    let oldest_ns = before_ns;
    let turned = -1;
    for (let at = 0; at < this.#all.length; at++) {
      const entry = this.#all[at]!;
      const seen_ns = this.#seen_ns(entry);
      if (seen_ns < oldest_ns) {
        oldest_ns = seen_ns;
        stalest = at;
      }
      if (turned < 0 && this.#since_ns[at]! <= look_ns - TURN_NS && !this.#stands_out(entry)) turned = at;
    }
    return stalest >= 0 ? stalest : turned;
  }

  #remove(at: number): void {
    this.#by_id.delete(this.#all[at]!.id);
    this.#all.splice(at, 1);
    this.#since_ns.splice(at, 1);
  }
}
