import { checked, libbpf } from "./libbpf.ts";
import { close, read_into } from "./libc.ts";

const FIRST_BYTES = 64 * 1024;
/** More than is looked at of the threads of a node: a walk over hundreds of thousands of them ends here. */
const LIMIT_BYTES = 2 * 1024 * 1024;

/** A BPF iterator: each run walks the kernel's objects once. The link belongs to the BPF object. */
export class KernelIterator {
  readonly #link_fd: number;
  readonly #name: string;
  #bytes = new Uint8Array(FIRST_BYTES);

  constructor(link_fd: number, name: string) {
    this.#link_fd = link_fd;
    this.#name = name;
  }

  /** What the latest run wrote; replaced when a run needs more room. */
  get buffer(): ArrayBuffer {
    return this.#bytes.buffer;
  }

  /** Returns the number of bytes the programs wrote into `buffer`, the first two MiB of them. Throws KernelError. */
  run(): number {
    const subject = `BPF iterator ${this.#name}`;
    const fd = checked(libbpf().bpf_iter_create(this.#link_fd), "start", subject);
    let filled = 0;
    try {
      for (;;) {
        if (filled === this.#bytes.length && !this.#grow()) return filled;
        const count = read_into(fd, this.#bytes, filled, subject);
        if (count === 0) return filled;
        filled += count;
      }
    } finally {
      close(fd);
    }
  }

  #grow(): boolean {
    if (this.#bytes.length >= LIMIT_BYTES) return false;
    const larger = new Uint8Array(this.#bytes.length * 2);
    larger.set(this.#bytes);
    this.#bytes = larger;
    return true;
  }
}
