import { page_size_bytes, wait_readable } from "./libc.ts";
import { Mapping } from "./mapping.ts";
import { set_u64, u64_of } from "./memory.ts";

/** Flags in the length word of a record's header: still being written, thrown away by its writer. */
const BUSY = 0x80000000;
const DISCARDED = 0x40000000;
const HEADER_BYTES = 8;

/**
 * A BPF ring buffer read in place: one page with the consumer's position, one with the producer's, then the data mapped
 * twice in a row, so that no record is ever cut. There is no callback from C in it, whose cold code costs more than a beat.
 * Layout: kernel/bpf/ringbuf.c; ring_buffer__poll of libbpf reads it the same way.
 */
export class RingBuffer implements Disposable {
  readonly #fd: number;
  readonly #size_bytes: number;
  readonly #consumer: Mapping;
  readonly #producer: Mapping;
  readonly #consumed: DataView;
  readonly #data: DataView;
  readonly #data_offset: number;
  readonly #take: (record: DataView, offset: number, size: number) => void;
  #position: number;

  /**
   * @param size_bytes max_entries of the map: a power of two, whole pages
   * @param take gets each record in place, valid only during the call. @throws {KernelError}
   */
  constructor(map_fd: number, size_bytes: number, take: (record: DataView, offset: number, size: number) => void) {
    const page = page_size_bytes();
    const subject = "the ring buffer of the beats";
    using undo = new DisposableStack();
    this.#fd = map_fd;
    this.#size_bytes = size_bytes;
    this.#take = take;
    this.#consumer = undo.use(new Mapping(map_fd, page, true, subject));
    // The producer's page and the data are one read-only mapping.
    this.#producer = undo.use(new Mapping(map_fd, page + 2 * size_bytes, false, subject, page));
    this.#consumed = new DataView(this.#consumer.buffer);
    this.#data = new DataView(this.#producer.buffer);
    this.#data_offset = page;
    this.#position = u64_of(this.#consumed, 0);
    undo.move();
  }

  /** Waits up to `timeout_ms` for records, hands each to `take`. Returns their number; 0 on timeout or a signal. */
  poll(timeout_ms: number): number {
    // The pages are gone after disposing; the mapping's own check names that.
    void this.#consumer.buffer;
    if (!wait_readable(this.#fd, timeout_ms)) return 0;
    let count = 0;
    const produced = u64_of(this.#data, 0);
    while (this.#position < produced) {
      const at = this.#data_offset + (this.#position % this.#size_bytes);
      // A plain load is enough on x86, and Atomics.load is no load: compiled, it writes, and the pages are read-only.
      const length = this.#data.getUint32(at, true);
      if (length >= BUSY) break;
      const size = length & ~DISCARDED;
      if (length < DISCARDED) {
        this.#take(this.#data, at + HEADER_BYTES, size);
        count++;
      }
      this.#position += Math.ceil((size + HEADER_BYTES) / 8) * 8;
      set_u64(this.#consumed, 0, this.#position);
    }
    return count;
  }

  [Symbol.dispose](): void {
    this.#producer[Symbol.dispose]();
    this.#consumer[Symbol.dispose]();
  }
}
