import type { Maybe } from "../model/sample.ts";

/** Time between two looks at the API server. */
const LOOK_NS = 30e9;
/** The taint has to be gone at so many looks in a row, after it was seen to stand: one that never got there was taken off by nobody. */
const LOOKS = 2;

export interface TaintWatchParts {
  /** The node that carries a taint of ours, by the ledger; null where none does. */
  readonly tainted: () => Maybe<string>;
  /** Whether it still does; rejects where the API server does not answer. */
  readonly stands: (node: string) => Promise<boolean>;
  /** Somebody took it off: the quarantine is over. */
  readonly gone: () => void;
}

/**
 * In a cluster the way back from level 5 may be that somebody takes the taint off (SPEC §8). Looked at beside the beat; an API server
 * that does not answer says nothing.
 */
export class TaintWatch {
  readonly #parts: TaintWatchParts;
  #next_ns: Maybe<number> = null;
  #stood = false;
  #missing = 0;
  #looking = false;

  constructor(parts: TaintWatchParts) {
    this.#parts = parts;
  }

  /** At every beat of level 5; the first look comes after a while, when the taint has been set. */
  at_level_5(t_ns: number): void {
    this.#next_ns ??= t_ns + LOOK_NS;
    if (t_ns < this.#next_ns || this.#looking) return;
    this.#next_ns = t_ns + LOOK_NS;
    const node = this.#parts.tainted();
    if (node === null) return;
    this.#looking = true;
    this.#parts
      .stands(node)
      .then((stands) => {
        // Level 5 may have been left while the API server was asked.
        if (this.#next_ns === null) return;
        this.#stood ||= stands;
        this.#missing = stands || !this.#stood ? 0 : this.#missing + 1;
        if (this.#missing === LOOKS) this.#parts.gone();
      })
      .catch(() => {
        this.#missing = 0;
      })
      .finally(() => {
        this.#looking = false;
      });
  }

  /** Level 5 was left. */
  reset(): void {
    this.#next_ns = null;
    this.#stood = false;
    this.#missing = 0;
  }
}
