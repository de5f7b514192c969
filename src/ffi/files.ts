import { KernelError } from "./errors.ts";
import { close, open_for_reading, pread_into } from "./libc.ts";

const FIRST_BYTES = 4096;
const LIMIT_BYTES = 1024 * 1024;

let cut = 0;

/** Readings of kept files that ended at the bound of 1 MiB, in this process. */
export function cut_readings(): number {
  return cut;
}

/** A file of /proc, /sys or cgroupfs that is opened once and read again and again. */
export class KeptFile implements Disposable {
  readonly path: string;
  #fd: number;
  #buffer = new Uint8Array(FIRST_BYTES);

  private constructor(path: string, fd: number) {
    this.path = path;
    this.#fd = fd;
  }

  /** Null when the file cannot be opened: absent on this host, or not ours to read. */
  static open(path: string): KeptFile | null {
    try {
      return new KeptFile(path, open_for_reading(path));
    } catch (error) {
      if (error instanceof KernelError) return null;
      throw error;
    }
  }

  /** The content, up to 1 MiB, as a view of a reused buffer: valid until the next read. Throws KernelError (ENODEV: removed). */
  read(): Uint8Array {
    if (this.#fd < 0) throw new KernelError("read", this.path, "EBADF", "it was disposed of");
    let filled = 0;
    for (;;) {
      if (filled === this.#buffer.length && !this.#grow()) {
        cut += 1;
        return this.#buffer;
      }
      const room = filled === 0 ? this.#buffer : this.#buffer.subarray(filled);
      const count = pread_into(this.#fd, room, filled, this.path);
      // Less than asked for is no end: a file of many records gives as many whole ones as fit into a page.
      if (count === 0) return this.#buffer.subarray(0, filled);
      filled += count;
    }
  }

  #grow(): boolean {
    if (this.#buffer.length >= LIMIT_BYTES) return false;
    const larger = new Uint8Array(this.#buffer.length * 2);
    larger.set(this.#buffer);
    this.#buffer = larger;
    return true;
  }

  [Symbol.dispose](): void {
    if (this.#fd < 0) return;
    close(this.#fd);
    this.#fd = -1;
  }
}
