import type { Cortex } from "../cortex/cortex.ts";
import { monotonic_ns } from "../ffi/libc.ts";
import { reason_of } from "../model/errno.ts";
import { wall_s } from "./clock.ts";
import { save_rows } from "./rows_file.ts";
import { save_self } from "./self_file.ts";

const EVERY_S = 60;
/** What the opinions learn from is some ten times as large, and ten minutes of it are soon learned again. */
const ROWS_EVERY_S = 600;

/** Keeps on disk what is learned: the self once a minute, what the opinions learn from every ten, both at the end. */
export class Saving {
  readonly #directory: string;
  readonly #cortex: Cortex;
  readonly #warn: (text: string) => void;
  #saved_ns = monotonic_ns();
  #rows_saved_ns = this.#saved_ns;
  /** Two saves at once would write into the same draft. */
  #going: Promise<void> | null = null;

  constructor(directory: string, cortex: Cortex, warn: (text: string) => void) {
    this.#directory = directory;
    this.#cortex = cortex;
    this.#warn = warn;
  }

  /** True once a minute; then something has been set going, beside the beat. @param calm there is time for what takes milliseconds */
  turn(t_ns: number, calm: boolean): boolean {
    if (t_ns - this.#saved_ns < EVERY_S * 1e9) return false;
    this.#saved_ns = t_ns;
    // The disk has not taken the one before yet.
    if (this.#going !== null) return true;
    const rows = calm && t_ns - this.#rows_saved_ns >= ROWS_EVERY_S * 1e9;
    if (rows) this.#rows_saved_ns = t_ns;
    this.#going = this.#save(rows).finally(() => {
      this.#going = null;
    });
    return true;
  }

  /** Never rejects. */
  async finish(): Promise<void> {
    await this.#going;
    await this.#save(true);
  }

  async #save(rows: boolean): Promise<void> {
    await Promise.all([this.#save_self(), rows ? this.#save_rows() : null]);
  }

  async #save_self(): Promise<void> {
    try {
      await save_self(this.#directory, this.#cortex.save());
    } catch (error) {
      this.#warn(`cannot save the learned self: ${reason_of(error)}; a restart will learn anew`);
    }
  }

  async #save_rows(): Promise<void> {
    const learned = this.#cortex.learned_rows();
    if (learned === null) return;
    try {
      await save_rows(this.#directory, learned, wall_s());
    } catch (error) {
      this.#warn(`cannot save what the second opinions learn from: ${reason_of(error)}; a restart will learn it anew`);
    }
  }
}
