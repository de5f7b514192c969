import { dlopen, type Pointer } from "bun:ffi";
import { readdirSync, readFileSync } from "node:fs";
import type { Maybe } from "../model/sample.ts";
import { KernelError } from "./errors.ts";
import { Alarm, last_errno } from "./libc.ts";
import { compile_native } from "./native.ts";

const libc = dlopen("libc.so.6", {
  sigaction: {
    args: ["i32" /* int signal */, "ptr" /* const struct sigaction *new */, "ptr" /* struct sigaction *old */],
    returns: "i32",
  },
  tgkill: { args: ["i32" /* pid_t process */, "i32" /* pid_t thread */, "i32" /* int signal */], returns: "i32" },
}).symbols;

/** A real-time signal that neither libc nor the runtime uses. */
const SIGNAL = 60;
const SA_RESTART = 0x10000000n;
const ROUNDS_MAX = 200;
const ROUND_MS = 1;

/**
 * The kernel keeps capabilities per thread, and a thread can only give up its own. So every thread of the runtime is sent a signal whose
 * handler does it, as libpsx does. The handler must not enter JavaScript, hence C without a library; it makes two system calls and touches nothing else.
 * It stays installed: a signal that is delivered late would otherwise end the process.
 */
const HANDLER = `
static struct { unsigned version; int pid; } header = { 0x20080522 /* _LINUX_CAPABILITY_VERSION_3 */, 0 };
static struct { unsigned effective, permitted, inheritable; } sets[2];
static long drop(void) {
  long result;
  __asm__ volatile("xorl %%r10d, %%r10d; xorl %%r8d, %%r8d; syscall"
    : "=a"(result) : "a"(157L /* prctl */), "D"(38L /* PR_SET_NO_NEW_PRIVS */), "S"(1L), "d"(0L)
    : "rcx", "r8", "r10", "r11", "memory");
  if (result < 0) return result;
  __asm__ volatile("syscall"
    : "=a"(result) : "a"(126L /* capset */), "D"(&header), "S"(sets) : "rcx", "r11", "memory");
  return result;
}
static void on_signal(int signal) { drop(); }
void *handler_for(unsigned low, unsigned high) {
  sets[0].effective = sets[0].permitted = low;
  sets[1].effective = sets[1].permitted = high;
  return on_signal;
}
int drop_here(void) { return drop(); }
`;

type Handler = ReturnType<typeof load_handler>;

/** Kept for good: the handler's code must outlive every signal on its way. */
let handler: Maybe<Handler> = null;

/** Throws KernelError. */
function load_handler() {
  return compile_native("the signal handler", HANDLER, {
    handler_for: {
      args: ["i32" /* unsigned capabilities 0..31 */, "i32" /* unsigned capabilities 32..63 */],
      returns: "ptr" /* void (*handler)(int) */,
    },
    drop_here: { args: [], returns: "i32" /* 0 or -errno */ },
  });
}

/** Throws KernelError. */
function install(address: Pointer | bigint | null): void {
  if (address === null) throw new KernelError("compile", "the signal handler", "ENOEXEC");
  // struct sigaction of x86-64: handler, mask of 128 bytes, flags, restorer (which libc fills in).
  const action = new BigUint64Array(19);
  action[0] = BigInt(address);
  action[17] = SA_RESTART;
  if (libc.sigaction(SIGNAL, action, null) < 0) {
    throw new KernelError(`handle signal ${SIGNAL} of`, "this process", last_errno());
  }
}

/** A thread that still has more than it should. */
interface Beyond {
  readonly tid: number;
  readonly name: string;
  /** It blocks the signal: nothing here can reach it. */
  readonly deaf: boolean;
}

/** The threads of this process whose permitted capabilities go beyond `kept`; a thread that ends meanwhile is none. */
function threads_beyond(kept: bigint): readonly Beyond[] {
  return readdirSync("/proc/self/task").flatMap((name) => {
    let status: string;
    try {
      status = readFileSync(`/proc/self/task/${name}/status`, "latin1");
    } catch {
      return [];
    }
    if ((set_in(status, "CapPrm") & ~kept) === 0n) return [];
    const deaf = ((set_in(status, "SigBlk") >> BigInt(SIGNAL - 1)) & 1n) === 1n;
    return [{ tid: Number(name), name: /^Name:\s*(.*)$/m.exec(status)?.[1] ?? "?", deaf }];
  });
}

/** A bit set of /proc/PID/status. */
function set_in(status: string, name: string): bigint {
  return BigInt(`0x${new RegExp(`^${name}:\\s*([0-9a-f]+)`, "m").exec(status)?.[1] ?? "0"}`);
}

/**
 * Gives up every capability outside of `kept` (bit n = capability n) in all threads of this process, for good: no program
 * executed later gets them back. Capabilities not held stay not held.
 * @returns names of the threads that still have more: they take no signals. Throws KernelError.
 */
export function drop_capabilities(kept: bigint): readonly string[] {
  const sets = set_in(readFileSync("/proc/self/status", "latin1"), "CapPrm") & kept;
  handler ??= load_handler();
  const [low, high] = [Number(BigInt.asIntN(32, sets)), Number(BigInt.asIntN(32, sets >> 32n))];
  install(handler.symbols.handler_for(low, high));
  const result = handler.symbols.drop_here();
  if (result < 0) throw new KernelError("give up capabilities of", "this process", -result);
  using alarm = new Alarm();
  let beyond = threads_beyond(sets);
  for (let round = 0; beyond.some(({ deaf }) => !deaf) && round < ROUNDS_MAX; round++) {
    for (const { tid, deaf } of beyond) if (!deaf) libc.tgkill(process.pid, tid, SIGNAL);
    alarm.set(ROUND_MS);
    alarm.wait();
    beyond = threads_beyond(sets);
  }
  return beyond.map(({ name }) => name);
}
