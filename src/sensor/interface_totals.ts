import { parse_net_dev } from "./net_dev.ts";

/** Interfaces followed at most. */
const MOST = 4096;

/** One reading: parallel lists, in the order of the file. */
interface Reading {
  readonly names: number[];
  readonly rx: number[];
  readonly tx: number[];
}

/**
 * Packets of all interfaces but lo as two counters that never jump: an interface that comes brings all it ever counted, and one
 * that goes takes it away, so each counts from its second reading on, for what it grew by. On a node whose containers come and
 * go there may be no two readings of the same interfaces.
 */
export class InterfaceTotals {
  /** Interfaces beyond the bound at the latest reading. */
  left_out = 0;
  #before: Reading = { names: [], rx: [], tx: [] };
  #now: Reading = { names: [], rx: [], tx: [] };
  #rx = 0;
  #tx = 0;

  /** A parser of /proc/net/dev. @param into packets received and sent since the first reading */
  readonly parse = (bytes: Uint8Array, into: Float64Array): boolean => {
    const { names, rx, tx } = this.#now;
    names.length = rx.length = tx.length = 0;
    this.left_out = 0;
    if (!parse_net_dev(bytes, this.#note)) return false;
    this.#add();
    [this.#before, this.#now] = [this.#now, this.#before];
    into[0] = this.#rx;
    into[1] = this.#tx;
    return true;
  };

  readonly #note = (name: number, rx: number, tx: number): void => {
    const { names } = this.#now;
    if (names.length >= MOST) {
      this.left_out += 1;
      return;
    }
    names.push(name);
    this.#now.rx.push(rx);
    this.#now.tx.push(tx);
  };

  #add(): void {
    const { names, rx, tx } = this.#now;
    const before = this.#before;
    let at = 0;
    for (let i = 0; i < names.length; i++) {
      // The file keeps its order: the search is needed only behind an interface that came or went.
      if (before.names[at] !== names[i]) at = before.names.indexOf(names[i]!);
      if (at >= 0) {
        // A counter that fell was set back.
        this.#rx += Math.max(0, rx[i]! - before.rx[at]!);
        this.#tx += Math.max(0, tx[i]! - before.tx[at]!);
      }
      at++;
    }
  }
}
