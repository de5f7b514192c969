import { dlopen, FFIType, type Pointer, read } from "bun:ffi";
import { readFileSync } from "node:fs";
import { KernelError } from "./errors.ts";

const libc = dlopen("libc.so.6", {
  __errno_location: { args: [], returns: "ptr" },
  clock_gettime: { args: ["i32" /* clockid_t clock */, "ptr" /* struct timespec *time */], returns: "i32" },
  close: { args: ["i32" /* int fd */], returns: "i32" },
  fsync: { args: ["i32" /* int fd */], returns: "i32" },
  getpagesize: { args: [], returns: "i32" },
  geteuid: { args: [], returns: "u32" },
  kill: { args: ["i32" /* pid_t pid */, "i32" /* int signal */], returns: "i32" },
  madvise: {
    args: ["ptr" /* void *address */, "usize" /* size_t length */, "i32" /* int advice */],
    returns: "i32",
  },
  malloc_trim: { args: ["usize" /* size_t pad */], returns: "i32" },
  mlockall: { args: ["i32" /* int flags */], returns: "i32" },
  mmap: {
    args: [
      "ptr" /* void *address */,
      "usize" /* size_t length */,
      "i32" /* int protection */,
      "i32" /* int flags */,
      "i32" /* int fd */,
      "i64" /* off_t offset */,
    ],
    returns: "i64" /* void *, or -1 */,
  },
  munmap: { args: ["ptr" /* void *address */, "usize" /* size_t length */], returns: "i32" },
  open: { args: ["ptr" /* const char *path */, "i32" /* int flags */, "u32" /* mode_t mode */], returns: "i32" },
  poll: {
    args: ["ptr" /* struct pollfd *fds */, "u64" /* nfds_t nfds */, "i32" /* int timeout */],
    returns: "i32",
  },
  pread: {
    args: ["i32" /* int fd */, "buffer" /* void *buffer */, "usize" /* size_t count */, "i64" /* off_t offset */],
    returns: FFIType.i64_fast,
  },
  read: {
    args: ["i32" /* int fd */, "buffer" /* void *buffer */, "usize" /* size_t count */],
    returns: FFIType.i64_fast,
  },
  sched_getaffinity: {
    args: ["i32" /* pid_t tid */, "usize" /* size_t size */, "ptr" /* cpu_set_t *mask */],
    returns: "i32",
  },
  sched_getparam: {
    args: ["i32" /* pid_t tid */, "ptr" /* struct sched_param *parameters */],
    returns: "i32",
  },
  sched_getscheduler: { args: ["i32" /* pid_t tid */], returns: "i32" },
  sched_setaffinity: {
    args: ["i32" /* pid_t tid */, "usize" /* size_t size */, "ptr" /* const cpu_set_t *mask */],
    returns: "i32",
  },
  sched_setscheduler: {
    args: ["i32" /* pid_t tid */, "i32" /* int policy */, "ptr" /* const struct sched_param *parameters */],
    returns: "i32",
  },
  timerfd_create: { args: ["i32" /* clockid_t clock */, "i32" /* int flags */], returns: "i32" },
  timerfd_settime: {
    args: [
      "i32" /* int fd */,
      "i32" /* int flags */,
      "ptr" /* const struct itimerspec *new */,
      "ptr" /* struct itimerspec *old */,
    ],
    returns: "i32",
  },
  setpriority: {
    args: ["i32" /* int which */, "u32" /* id_t who */, "i32" /* int priority */],
    returns: "i32",
  },
  write: { args: ["i32" /* int fd */, "ptr" /* const void *buffer */, "usize" /* size_t count */], returns: "i64" },
}).symbols;

const O_RDONLY = 0;
const O_WRONLY = 1;
const O_NONBLOCK = 0o4000;
const O_CLOEXEC = 0o2000000;
const EINTR = 4;
const POLLIN = 1;
const MCL_CURRENT = 1;
const MCL_FUTURE = 2;
const MCL_ONFAULT = 4;
const CLOCK_MONOTONIC = 1;
const PRIO_PROCESS = 0;
const SCHED_FIFO = 1;
const SCHED_RR = 2;
const SCHED_BATCH = 3;
const SCHED_RESET_ON_FORK = 0x40000000;
const MADV_DONTNEED = 4;
const TFD_CLOEXEC = O_CLOEXEC;
const PROT_READ = 1;
const PROT_WRITE = 2;
const MAP_SHARED = 1;
const CPU_MASK_BYTES = 128;

const errno_address = libc.__errno_location();
const timespec = new Uint32Array(4);
/** struct pollfd: fd, then events in the low half and what came in the high half. */
const poll_request = new Int32Array(2);

/** errno of the latest libc or libbpf call of this thread. */
export function last_errno(): number {
  return errno_address === null ? 0 : read.i32(errno_address, 0);
}

function succeeded(result: number | bigint, operation: string, subject: string, hint?: string): number {
  const number = Number(result);
  if (number < 0) throw new KernelError(operation, subject, last_errno(), hint);
  return number;
}

function c_string(text: string): Buffer {
  return Buffer.from(`${text}\0`);
}

/** CLOCK_MONOTONIC, ns: the clock the kernel's records are stamped with. */
export function monotonic_ns(): number {
  libc.clock_gettime(CLOCK_MONOTONIC, timespec);
  return (timespec[0]! + timespec[1]! * 4294967296) * 1e9 + timespec[2]!;
}

/** Keep every page in memory once it has been touched. Throws KernelError (EPERM, ENOMEM). */
export function mlockall_on_fault(): void {
  const hint = "grant CAP_IPC_LOCK or raise the memlock limit";
  succeeded(libc.mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT), "mlockall", "of this process", hint);
}

/** Gives freed C memory back to the kernel: loading BPF objects frees some 10 MB that would stay resident for good. */
export function trim_malloc(): void {
  libc.malloc_trim(0);
}

/** Lets go of resident pages; those of a file come back from the page cache when they are touched. Throws KernelError. */
export function drop_pages(address: number, size_bytes: number): void {
  const subject = `${size_bytes} bytes at ${address.toString(16)}`;
  succeeded(libc.madvise(address as Pointer, size_bytes, MADV_DONTNEED), "drop the pages of", subject);
}

/** Throws KernelError. */
export function fsync(fd: number): void {
  succeeded(libc.fsync(fd), "fsync", `fd ${fd}`);
}

/** Opens for reading, close-on-exec. Returns the fd; throws KernelError. */
export function open_for_reading(path: string): number {
  return succeeded(libc.open(c_string(path), O_RDONLY | O_CLOEXEC, 0), "open", path);
}

export function close(fd: number): void {
  libc.close(fd);
}

/** One write(2) of the whole text to an existing file (a cgroup file): never creates, never truncates. Throws KernelError. */
export function write_file(path: string, text: string): void {
  const fd = succeeded(libc.open(c_string(path), O_WRONLY | O_CLOEXEC | O_NONBLOCK, 0), "open for writing", path);
  const bytes = Buffer.from(text);
  try {
    const written = succeeded(libc.write(fd, bytes, bytes.length), `write "${text.trim()}" to`, path);
    if (written < bytes.length)
      throw new KernelError(`write "${text.trim()}" to`, path, "EIO", "the write was cut short");
  } finally {
    libc.close(fd);
  }
}

/** read(2) into `buffer` from `offset` on. Returns the bytes read, 0 at the end; throws KernelError. */
export function read_into(fd: number, buffer: Uint8Array, offset: number, subject: string): number {
  const room = offset === 0 ? buffer : buffer.subarray(offset);
  return succeeded(libc.read(fd, room, room.length), "read", subject);
}

/** Waits until `fd` can be read, up to `timeout_ms`; false on timeout or a signal. Throws KernelError. */
export function wait_readable(fd: number, timeout_ms: number): boolean {
  poll_request[0] = fd;
  poll_request[1] = POLLIN;
  const count = libc.poll(poll_request, 1, timeout_ms);
  if (count < 0 && last_errno() !== EINTR) throw new KernelError("wait for", `fd ${fd}`, last_errno());
  return count > 0;
}

/** pread(2) of `buffer.length` bytes at `offset` of the file. Returns the bytes read; throws KernelError. */
export function pread_into(fd: number, buffer: Uint8Array, offset: number, subject: string): number {
  return succeeded(libc.pread(fd, buffer, buffer.length, offset), "read", subject);
}

/** Signal 0 only asks whether the process exists. Throws KernelError (ESRCH, EPERM). */
export function kill(pid: number, signal: number): void {
  if (!Number.isInteger(pid) || pid <= 1) throw new KernelError(`send signal ${signal} to`, `pid ${pid}`, "EINVAL");
  succeeded(libc.kill(pid, signal), `send signal ${signal} to`, `pid ${pid}`);
}

/** Nice value of one thread (-20..19); 0 is the caller. Throws KernelError. */
export function setpriority(tid: number, nice: number): void {
  succeeded(libc.setpriority(PRIO_PROCESS, tid, nice), `set nice ${nice} of`, `thread ${tid}`);
}

/** SCHED_BATCH for one thread: it gets its share but never preempts anybody when it wakes. Throws KernelError. */
export function schedule_as_batch(tid: number): void {
  const parameters = new Int32Array([0]);
  succeeded(libc.sched_setscheduler(tid, SCHED_BATCH, parameters), "schedule as batch", `thread ${tid}`);
}

/** How a thread is scheduled: policy with its flags as in linux/sched.h, and the real-time priority (0 for the others). */
export interface Scheduling {
  readonly policy: number;
  readonly priority: number;
}

/** First come, first served, ahead of every ordinary thread of its CPU; what it starts meanwhile is ordinary again. */
export const REAL_TIME: Scheduling = { policy: SCHED_FIFO | SCHED_RESET_ON_FORK, priority: 1 };

export function is_real_time({ policy }: Scheduling): boolean {
  const plain = policy & ~SCHED_RESET_ON_FORK;
  return plain === SCHED_FIFO || plain === SCHED_RR;
}

/** Scheduling of the calling thread. Throws KernelError. */
export function scheduling(): Scheduling {
  const parameters = new Int32Array(1);
  const policy = succeeded(libc.sched_getscheduler(0), "read the scheduling", "of this thread");
  succeeded(libc.sched_getparam(0, parameters), "read the scheduling", "of this thread");
  return { policy, priority: parameters[0]! };
}

/** Changes the scheduling of the calling thread; its nice value stays. Throws KernelError (EPERM). */
export function set_scheduling({ policy, priority }: Scheduling): void {
  const hint = "grant CAP_SYS_NICE; with CONFIG_RT_GROUP_SCHED its cgroup needs a real-time budget too";
  succeeded(
    libc.sched_setscheduler(0, policy, new Int32Array([priority])),
    `set the scheduling policy ${policy}`,
    "of this thread",
    hint,
  );
}

/** One timer of the kernel. It runs from `set` on, whatever keeps the caller from waiting for it. */
export class Alarm implements Disposable {
  readonly #fd = succeeded(libc.timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC), "create", "a timer");
  readonly #expirations = new Uint8Array(8);

  /** Throws KernelError. */
  set(duration_ms: number): void {
    const after_ns = Math.max(1, Math.round(duration_ms * 1e6));
    // struct itimerspec: interval and value, each as seconds and nanoseconds of 64 bits.
    const times = new BigInt64Array([0n, 0n, BigInt(Math.floor(after_ns / 1e9)), BigInt(after_ns % 1e9)]);
    succeeded(libc.timerfd_settime(this.#fd, 0, times, null), "set", "a timer");
  }

  /** Stands still until it has expired, or a signal interrupts the wait. */
  wait(): void {
    libc.read(this.#fd, this.#expirations, this.#expirations.length);
  }

  [Symbol.dispose](): void {
    libc.close(this.#fd);
  }
}

export function page_size_bytes(): number {
  return libc.getpagesize();
}

export function geteuid(): number {
  return libc.geteuid();
}

/** Effective capabilities of this process as the bit set /proc/self/status shows; bit n = capability n. */
export function effective_capabilities(): bigint {
  const hex = /^CapEff:\s*([0-9a-f]+)/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1];
  return hex === undefined ? 0n : BigInt(`0x${hex}`);
}

/** Number (as in linux/capability.h) → whether this process may use it now. CAP_SYS_ADMIN 21, CAP_PERFMON 38, CAP_BPF 39. */
export function has_capability(number: number): boolean {
  return ((effective_capabilities() >> BigInt(number)) & 1n) === 1n;
}

/** Shared mapping of a kernel object. The address stays valid until `unmap`. Throws KernelError. */
export function map_shared(
  fd: number,
  size_bytes: number,
  writable: boolean,
  subject: string,
  offset_bytes = 0,
): Pointer {
  const protection = writable ? PROT_READ | PROT_WRITE : PROT_READ;
  const address = libc.mmap(null, size_bytes, protection, MAP_SHARED, fd, offset_bytes);
  return succeeded(address, "map into memory", subject) as Pointer;
}

export function unmap(address: Pointer, size_bytes: number): void {
  libc.munmap(address, size_bytes);
}

/** CPUs a thread (0: the caller) may use, one bit each, lowest first. Throws KernelError (ESRCH). */
export function cpu_affinity(tid: number): Uint8Array {
  const mask = new Uint8Array(CPU_MASK_BYTES);
  succeeded(libc.sched_getaffinity(tid, CPU_MASK_BYTES, mask), "read the CPU affinity", `of thread ${tid}`);
  return mask;
}

/** @param mask as of `cpu_affinity`. Throws KernelError (ESRCH, EPERM, EINVAL: no CPU of it is left). */
export function set_cpu_affinity(tid: number, mask: Uint8Array): void {
  succeeded(libc.sched_setaffinity(tid, mask.length, mask), "set the CPU affinity", `of thread ${tid}`);
}

/** Runs this thread once on every CPU it may use, so that each of them goes through the scheduler. Bounded by 1,024 CPUs. */
export function visit_cpus(): void {
  const allowed = cpu_affinity(0);
  const one = new Uint8Array(CPU_MASK_BYTES);
  for (let cpu = 0; cpu < CPU_MASK_BYTES * 8; cpu++) {
    if (((allowed[cpu >> 3]! >> (cpu & 7)) & 1) === 0) continue;
    one.fill(0);
    one[cpu >> 3] = 1 << (cpu & 7);
    libc.sched_setaffinity(0, CPU_MASK_BYTES, one);
  }
  set_cpu_affinity(0, allowed);
}
