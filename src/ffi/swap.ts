import { dlopen, type Pointer } from "bun:ffi";
import type { Maybe } from "../model/sample.ts";
import { errno_name, KernelError } from "./errors.ts";
import { last_errno } from "./libc.ts";
import { compile_native } from "./native.ts";

const libc = dlopen("libc.so.6", {
  fallocate: {
    args: ["i32" /* int fd */, "i32" /* int mode */, "i64" /* off_t offset */, "i64" /* off_t length */],
    returns: "i32",
  },
  flock: { args: ["i32" /* int fd */, "i32" /* int operation */], returns: "i32" },
  pthread_create: {
    args: [
      "ptr" /* pthread_t *thread */,
      "ptr" /* const pthread_attr_t *attributes */,
      "ptr" /* void *(*start)(void *) */,
      "ptr" /* void *argument */,
    ],
    returns: "i32",
  },
  pthread_detach: { args: ["u64" /* pthread_t thread */], returns: "i32" },
  swapoff: { args: ["ptr" /* const char *path */], returns: "i32" },
}).symbols;

const LOCK_EX = 2;
const LOCK_NB = 4;
const LOCK_UN = 8;
const PATH_BYTES_MAX = 4095;
const SYS_SWAPON = 167n;
const SYS_SWAPOFF = 168n;
const RUNNING = 1n;

/**
 * swapon(2) waits for a disk and swapoff(2) may take minutes: each is made on a thread that enters neither JavaScript nor libc
 * and leaves the kernel's answer where the beat can look. One at a time. Flags 0: the lowest priority of all areas.
 */
const ERRAND = `
static volatile long answer = 0;
static long number;
static char path[${PATH_BYTES_MAX + 1}];
static void *run(void *unused) {
  long result;
  __asm__ volatile("syscall" : "=a"(result) : "a"(number), "D"(path), "S"(0L) : "rcx", "r11", "memory");
  answer = result;
  return 0;
}
void *prepare(long call, const char *of) {
  int i;
  for (i = 0; i < ${PATH_BYTES_MAX} && of[i]; i++) path[i] = of[i];
  path[i] = 0;
  number = call;
  answer = ${RUNNING};
  return run;
}
long outcome(void) { return answer; }
`;

/** Kept for good: a thread may still run in it. */
let native: Maybe<ReturnType<typeof load>> = null;

function load() {
  return compile_native("the errand of the swap area", ERRAND, {
    prepare: { args: ["i64" /* long call */, "ptr" /* const char *path */], returns: "ptr" /* void *(*)(void *) */ },
    outcome: { args: [], returns: "i64" /* 1 while it runs, then 0 or -errno */ },
  });
}

/** Compiles what the errands need, so that none of it is done in need. Throws KernelError. */
export function prepare_errands(): void {
  native ??= load();
}

function begin(call: bigint, operation: string, path: string): void {
  native ??= load();
  const name = Buffer.from(`${path}\0`);
  if (name.length > PATH_BYTES_MAX + 1) throw new KernelError(operation, path, "ENAMETOOLONG");
  if (errand_runs()) throw new KernelError(operation, path, "EBUSY", "the one before has not ended");
  const start = native.symbols.prepare(call, name);
  const thread = new BigUint64Array(1);
  const refused = libc.pthread_create(thread, null, start as Pointer, null);
  if (refused !== 0) throw new KernelError("start a thread to", `${operation} ${path}`, refused);
  libc.pthread_detach(thread[0]!);
}

/** Begins swapon(2) and returns at once. Throws KernelError when it cannot even begin. */
export function begin_swapon(path: string): void {
  begin(SYS_SWAPON, "switch on swap on", path);
}

/** Begins swapoff(2) and returns at once. It ends early (EINTR) when this process does. Throws KernelError. */
export function begin_swapoff(path: string): void {
  begin(SYS_SWAPOFF, "switch off swap on", path);
}

export function errand_runs(): boolean {
  return native !== null && native.symbols.outcome() === RUNNING;
}

/** How the latest errand ended: null when well, otherwise the errno's name. Only once it no longer runs. */
export function errand_errno(): Maybe<string> {
  const result = native === null ? 0n : native.symbols.outcome();
  return result >= 0n ? null : errno_name(Number(-result));
}

/** Waits until everything in the area is back in memory. Not for the beat. Throws KernelError (EINVAL: it is not on, ENOMEM: no room). */
export function swapoff(path: string): void {
  if (libc.swapoff(Buffer.from(`${path}\0`)) < 0) {
    throw new KernelError(
      "switch off swap on",
      path,
      last_errno(),
      "CAP_SYS_ADMIN is needed, and room for what lies in it",
    );
  }
}

/** Whether this process may switch swap on and off: a capability, and in a unit its system call filter. Tried on what is no file. */
export function may_swap(): boolean {
  return libc.swapoff(Buffer.from("/\0")) === 0 || errno_name(last_errno()) !== "EPERM";
}

/** Blocks for the whole file, no holes. Throws KernelError (ENOSPC, EOPNOTSUPP). */
export function allocate(fd: number, size_bytes: number, path: string): void {
  if (libc.fallocate(fd, 0, 0, size_bytes) < 0) {
    throw new KernelError(`allocate ${size_bytes} bytes for`, path, last_errno());
  }
}

/** Exclusive advisory lock of an open file, kept until `unlock` or until every thread of this process has ended; false: somebody has it. */
export function try_lock(fd: number): boolean {
  return libc.flock(fd, LOCK_EX | LOCK_NB) === 0;
}

export function unlock(fd: number): void {
  libc.flock(fd, LOCK_UN);
}
