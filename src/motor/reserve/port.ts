import { closeSync, constants, openSync, readFileSync } from "node:fs";
import { KernelError } from "../../ffi/errors.ts";
import { begin_swapoff, begin_swapon, errand_errno, errand_runs, swapoff, try_lock, unlock } from "../../ffi/swap.ts";
import type { Maybe } from "../../model/sample.ts";
import { FileTrouble } from "../trouble.ts";
import { parse_swaps, type SwapArea } from "./swaps.ts";

/** Everything the reserve asks of the kernel; replaced in tests. Calls throw FileTrouble with the errno. */
export interface SwapPort {
  /** Swap areas that are on. */
  areas(): readonly SwapArea[];
  available_bytes(): number;
  /** Begin, and return at once. One errand at a time. */
  begin_on(path: string): void;
  begin_off(path: string): void;
  running(): boolean;
  /** How the latest errand ended: null when well, otherwise the errno's name. */
  errno(): Maybe<string>;
  /** Waits until everything in it is back in memory: not for the beat. */
  off(path: string): void;
  /** Whoever changes the area holds its file, until given back or until its last thread has ended. Null: somebody else does. */
  hold(path: string): Maybe<() => void>;
}

const SWAPS = "/proc/swaps";
const MEMINFO = "/proc/meminfo";

function code_of(error: unknown): string {
  if (error instanceof KernelError) return error.errno;
  return error instanceof Error && "code" in error ? String(error.code) : String(error);
}

function attempt<T>(verb: string, path: string, call: () => T): T {
  try {
    return call();
  } catch (error) {
    throw new FileTrouble(verb, path, code_of(error));
  }
}

export const kernel_swap: SwapPort = {
  areas: () => parse_swaps(attempt("read", SWAPS, () => readFileSync(SWAPS, "latin1"))),
  available_bytes() {
    const text = attempt("read", MEMINFO, () => readFileSync(MEMINFO, "latin1"));
    return Number(/^MemAvailable:\s+(\d+)/m.exec(text)?.[1] ?? 0) * 1024;
  },
  begin_on: (path) => attempt("swapon", path, () => begin_swapon(path)),
  begin_off: (path) => attempt("swapoff", path, () => begin_swapoff(path)),
  running: errand_runs,
  errno: errand_errno,
  off: (path) => attempt("swapoff", path, () => swapoff(path)),
  hold(path) {
    const fd = attempt("open", path, () => openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW));
    if (!try_lock(fd)) {
      closeSync(fd);
      return null;
    }
    return () => {
      unlock(fd);
      closeSync(fd);
    };
  },
};

/** The same port, with `step` called right before and right after every change: a test stops the motor there. */
export function swap_with_steps(port: SwapPort, step: (name: string) => void): SwapPort {
  const around = (name: string, change: () => void): void => {
    step(`before ${name}`);
    change();
    step(`after ${name}`);
  };
  return {
    areas: () => port.areas(),
    available_bytes: () => port.available_bytes(),
    running: () => port.running(),
    errno: () => port.errno(),
    hold: (path) => port.hold(path),
    begin_on: (path) => around("swapon", () => port.begin_on(path)),
    begin_off: (path) => around("swapoff", () => port.begin_off(path)),
    off: (path) => around("swapoff", () => port.off(path)),
  };
}
