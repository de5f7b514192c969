import { KernelError } from "./errors.ts";
import { checked, libbpf } from "./libbpf.ts";
import { close, read_into } from "./libc.ts";

const FIRST_BYTES = 64 * 1024;
const LIMIT_BYTES = 16 * 1024 * 1024;

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

  /** Returns the number of bytes the programs wrote into `buffer`, at most 16 MiB. Throws KernelError. */
  run(): number {
    const subject = `BPF iterator ${this.#name}`;
    const fd = checked(libbpf().bpf_iter_create(this.#link_fd), "start", subject);
    let filled = 0;
    try {
      for (;;) {
        if (filled === this.#bytes.length) this.#grow(subject);
        const count = read_into(fd, this.#bytes, filled, subject);
        if (count === 0) return filled;
        filled += count;
      }
    } finally {
      close(fd);
    }
  }

  #grow(subject: string): void {
    if (this.#bytes.length >= LIMIT_BYTES) {
      throw new KernelError("read", subject, "ENOSPC", `more than ${LIMIT_BYTES} bytes; ask for one cgroup`);
    }
    const larger = new Uint8Array(this.#bytes.length * 2);
    larger.set(this.#bytes);
    this.#bytes = larger;
  }
}
