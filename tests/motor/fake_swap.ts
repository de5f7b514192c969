import type { SwapPort } from "../../src/motor/reserve/port.ts";
import type { SwapArea } from "../../src/motor/reserve/swaps.ts";
import { FileTrouble } from "../../src/motor/trouble.ts";

export const MIB = 1048576;
export const AREA = "/disk/hosa.swap";

/** Swap in memory: errands take until `finish` is called, as the kernel's do. */
export class FakeSwap implements SwapPort {
  readonly on = new Map<string, SwapArea>();
  available = 1000 * MIB;
  size_bytes = 4096 * MIB;
  /** How the next errand ends: an errno's name, or null for well. */
  answer: string | null = null;
  /** Somebody else holds the file. */
  held_by_other = false;
  /** The kernel has no thread to give an errand to. */
  refuses = false;
  /** Errands end at once. */
  at_once = false;
  readonly calls: string[] = [];
  #errand: (() => void) | null = null;
  #errno: string | null = null;
  #holds = 0;

  use(used_bytes: number, path = AREA): void {
    this.on.set(path, { path, size_bytes: this.size_bytes, used_bytes, priority: -2 });
  }

  finish(): void {
    this.#errand?.();
    this.#errand = null;
  }

  get holds(): number {
    return this.#holds;
  }

  areas(): readonly SwapArea[] {
    return [...this.on.values()];
  }

  available_bytes(): number {
    return this.available;
  }

  begin_on(path: string): void {
    this.#begin(`on ${path}`, () => this.use(0, path));
  }

  begin_off(path: string): void {
    this.#begin(`off ${path}`, () => this.on.delete(path));
  }

  running(): boolean {
    return this.#errand !== null;
  }

  errno(): string | null {
    return this.#errno;
  }

  off(path: string): void {
    this.calls.push(`off ${path}, waited for`);
    if (!this.on.delete(path)) throw new FileTrouble("swapoff", path, "EINVAL");
  }

  hold(): (() => void) | null {
    if (this.held_by_other) return null;
    this.#holds += 1;
    return () => {
      this.#holds -= 1;
    };
  }

  #begin(call: string, effect: () => void): void {
    if (this.refuses) throw new FileTrouble("begin", call, "EAGAIN");
    if (this.#errand !== null) throw new FileTrouble("begin", call, "EBUSY");
    this.calls.push(call);
    this.#errno = this.answer;
    this.#errand = () => {
      if (this.#errno === null) effect();
    };
    if (this.at_once) this.finish();
  }
}
