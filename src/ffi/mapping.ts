import { type Pointer, toArrayBuffer } from "bun:ffi";
import { KernelError } from "./errors.ts";
import { map_shared, page_size_bytes, unmap } from "./libc.ts";

/** A BPF map in our memory. Its buffer must not be touched after disposing; holders go through `buffer`, which checks. */
export class Mapping implements Disposable {
  readonly #size_bytes: number;
  #address: Pointer | null;
  #buffer: ArrayBuffer;

  /** Throws KernelError. */
  constructor(fd: number, size_bytes: number, writable: boolean, name: string, offset_bytes = 0) {
    const page = page_size_bytes();
    this.#size_bytes = Math.ceil(size_bytes / page) * page;
    this.#address = map_shared(fd, this.#size_bytes, writable, `BPF map ${name}`, offset_bytes);
    this.#buffer = toArrayBuffer(this.#address, 0, size_bytes);
  }

  get buffer(): ArrayBuffer {
    if (this.#address === null) throw new KernelError("use", "a mapped BPF map", "EBADF", "it was disposed of");
    return this.#buffer;
  }

  [Symbol.dispose](): void {
    if (this.#address === null) return;
    const address = this.#address;
    this.#address = null;
    this.#buffer = new ArrayBuffer(0);
    unmap(address, this.#size_bytes);
  }
}
