import { JSCallback, type Pointer } from "bun:ffi";
import { KernelError } from "./errors.ts";
import { checked, checked_pointer, type Libbpf, libbpf } from "./libbpf.ts";

const EINTR = 4;

/** A BPF ring buffer, polled only from the thread that made it: a JSCallback entered from elsewhere crashes the runtime. */
export class RingBuffer implements Disposable {
  readonly #lib: Libbpf;
  #callback: JSCallback | null;
  #ring: Pointer | null = null;

  /** `take` gets the address and size of each record, valid only during the call; it must not throw. Throws KernelError. */
  constructor(map_fd: number, take: (address: Pointer, size: number) => void) {
    this.#lib = libbpf();
    const callback = new JSCallback(
      (_context: Pointer | null, data: Pointer | null, size: number | bigint) => {
        if (data !== null) take(data, Number(size));
        return 0;
      },
      { args: ["ptr" /* void *ctx */, "ptr" /* void *data */, "usize" /* size_t size */], returns: "i32" },
    );
    this.#callback = callback;
    try {
      const ring = this.#lib.ring_buffer__new(map_fd, callback.ptr, null, null);
      this.#ring = checked_pointer(ring, "open", "the ring buffer of the beats");
    } catch (error) {
      callback.close();
      throw error;
    }
  }

  /** Waits up to `timeout_ms` for records, hands each to `take`. Returns their number; 0 on timeout or a signal. */
  poll(timeout_ms: number): number {
    if (this.#ring === null) throw new KernelError("poll", "the ring buffer", "EBADF", "it was disposed of");
    const count = this.#lib.ring_buffer__poll(this.#ring, timeout_ms);
    return count === -EINTR ? 0 : checked(count, "poll", "the ring buffer of the beats");
  }

  [Symbol.dispose](): void {
    if (this.#ring !== null) this.#lib.ring_buffer__free(this.#ring);
    this.#ring = null;
    this.#callback?.close();
    this.#callback = null;
  }
}
