import { CGROUP_ROW, STARTER_ROW, THREAD_ROW } from "./generated/layout.ts";
import { text_of, u64_of } from "./memory.ts";

const NONE_WORD = 0xffffffff;

/** Rows of one struct in a reused buffer, decoded when asked for. Valid until the next call that fills the buffer. */
class Rows {
  protected view: DataView;
  protected bytes: Uint8Array;
  #count = 0;

  constructor(readonly size_bytes: number) {
    this.bytes = new Uint8Array(0);
    this.view = new DataView(this.bytes.buffer);
  }

  get count(): number {
    return this.#count;
  }

  /** Looks at `count` rows at the beginning of `buffer`. */
  point_at(buffer: ArrayBuffer, count: number): void {
    if (this.view.buffer !== buffer) {
      this.bytes = new Uint8Array(buffer);
      this.view = new DataView(buffer);
    }
    this.#count = count;
  }

  protected u64(index: number, field: number): number {
    return u64_of(this.view, this.base(index) + field);
  }

  protected u32(index: number, field: number): number {
    return this.view.getUint32(this.base(index) + field, true);
  }

  protected text(index: number, field: number, length: number): string {
    return text_of(this.bytes, this.base(index) + field, length);
  }

  /** ~0 means "none" in bpf/wire.h. */
  protected maybe(index: number, field: number): number | null {
    const offset = this.base(index) + field;
    const none = this.view.getUint32(offset, true) === NONE_WORD && this.view.getUint32(offset + 4, true) === NONE_WORD;
    return none ? null : u64_of(this.view, offset);
  }

  protected base(index: number): number {
    if (!(index >= 0 && index < this.#count)) throw new RangeError(`row ${index} of ${this.#count}`);
    return index * this.size_bytes;
  }
}

/** Rows of `struct cgroup_row` (bpf/wire.h). */
export class CgroupRows extends Rows {
  /** Cgroups that the pass met and that may have a row, whether they have one or not. */
  total = 0;

  constructor() {
    super(CGROUP_ROW.size);
  }
  t_ns(i: number): number {
    return this.u64(i, CGROUP_ROW.t_ns);
  }
  id(i: number): number {
    return this.u64(i, CGROUP_ROW.id);
  }
  /** 0 for the root. */
  parent_id(i: number): number {
    return this.u64(i, CGROUP_ROW.parent_id);
  }
  cpu_ns(i: number): number {
    return this.u64(i, CGROUP_ROW.cpu_ns);
  }
  io_bytes(i: number): number {
    return this.u64(i, CGROUP_ROW.io_bytes);
  }
  /** Null where the memory controller is not on cgroup v2, and for the root. */
  memory_bytes(i: number): number | null {
    return this.maybe(i, CGROUP_ROW.memory_bytes);
  }
  /** Its own memory.max; null when unlimited. */
  memory_max(i: number): number | null {
    return this.maybe(i, CGROUP_ROW.memory_max);
  }
  /** Its own memory.high; null when unlimited. */
  memory_high(i: number): number | null {
    return this.maybe(i, CGROUP_ROW.memory_high);
  }
  /** CLOCK_MONOTONIC of the last exec seen inside it; 0 when none was seen. */
  exec_ns(i: number): number {
    return this.u64(i, CGROUP_ROW.exec_ns);
  }
  /** Depth below the root, which is 0. */
  level(i: number): number {
    return this.u32(i, CGROUP_ROW.level);
  }
  populated(i: number): boolean {
    return this.u32(i, CGROUP_ROW.populated) !== 0;
  }
  /** Last component of the path, cut at 95 bytes; empty for the root. */
  name(i: number): string {
    return this.text(i, CGROUP_ROW.name, CGROUP_ROW.name_length);
  }
}

/** Rows of `struct thread_row` (bpf/wire.h). */
export class ThreadRows extends Rows {
  constructor() {
    super(THREAD_ROW.size);
  }
  t_ns(i: number): number {
    return this.u64(i, THREAD_ROW.t_ns);
  }
  cgroup_id(i: number): number {
    return this.u64(i, THREAD_ROW.cgroup_id);
  }
  /** CLOCK_BOOTTIME. */
  start_ns(i: number): number {
    return this.u64(i, THREAD_ROW.start_ns);
  }
  min_faults(i: number): number {
    return this.u64(i, THREAD_ROW.min_faults);
  }
  maj_faults(i: number): number {
    return this.u64(i, THREAD_ROW.maj_faults);
  }
  /** 2 MiB pages faulted in since the probe was loaded. */
  huge_faults(i: number): number {
    return this.u64(i, THREAD_ROW.huge_faults);
  }
  /** Futex calls that wake others, since the thread was first watched. */
  wakes(i: number): number {
    return this.u64(i, THREAD_ROW.wakes);
  }
  cpu_ns(i: number): number {
    return this.u64(i, THREAD_ROW.cpu_ns);
  }
  waits(i: number): number {
    return this.u64(i, THREAD_ROW.waits);
  }
  io_bytes(i: number): number {
    return this.u64(i, THREAD_ROW.io_bytes);
  }
  /** The part of io_bytes that was written. */
  disk_written_bytes(i: number): number {
    return this.u64(i, THREAD_ROW.disk_written_bytes);
  }
  /** Written by write(2) and its like, to files, pipes and sockets, whether or not a disk saw it. */
  written_bytes(i: number): number {
    return this.u64(i, THREAD_ROW.written_bytes);
  }
  /** Such calls, failed ones among them. */
  writes(i: number): number {
    return this.u64(i, THREAD_ROW.writes);
  }
  /** Calls of send(2) and its like since the cgroup of the thread was first asked about. */
  sends(i: number): number {
    return this.u64(i, THREAD_ROW.sends);
  }
  /** Anonymous and swapped pages of its process; null where the kernel does not say. */
  own_pages(i: number): number | null {
    return this.maybe(i, THREAD_ROW.own_pages);
  }
  /** Pages of shared memory and tmpfs its process has mapped. */
  shared_pages(i: number): number {
    return this.u64(i, THREAD_ROW.shared_pages);
  }
  is_kernel(i: number): boolean {
    return this.u32(i, THREAD_ROW.is_kernel) !== 0;
  }
  tid(i: number): number {
    return this.u32(i, THREAD_ROW.tid);
  }
  pid(i: number): number {
    return this.u32(i, THREAD_ROW.pid);
  }
  parent_pid(i: number): number {
    return this.u32(i, THREAD_ROW.parent_pid);
  }
  /** Its process runs the program of its parent, which is alive and has executed no other since. */
  forked(i: number): boolean {
    return this.u32(i, THREAD_ROW.forked) !== 0;
  }
  comm(i: number): string {
    return this.text(i, THREAD_ROW.comm, THREAD_ROW.comm_length);
  }
}

/** Rows of `struct starter_row` (bpf/wire.h). */
export class StarterRows extends Rows {
  constructor() {
    super(STARTER_ROW.size);
  }
  /** CLOCK_BOOTTIME of the process's start. */
  start_ns(i: number): number {
    return this.u64(i, STARTER_ROW.start_ns);
  }
  cgroup_id(i: number): number {
    return this.u64(i, STARTER_ROW.cgroup_id);
  }
  forks(i: number): number {
    return this.u64(i, STARTER_ROW.forks);
  }
  threads(i: number): number {
    return this.u64(i, STARTER_ROW.threads);
  }
  connects(i: number): number {
    return this.u64(i, STARTER_ROW.connects);
  }
  pid(i: number): number {
    return this.u32(i, STARTER_ROW.pid);
  }
  comm(i: number): string {
    return this.text(i, STARTER_ROW.comm, STARTER_ROW.comm_length);
  }
}
