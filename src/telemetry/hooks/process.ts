import { writeFileSync } from "node:fs";
import { schedule_as_batch } from "../../ffi/libc.ts";
import { reason_of } from "../../model/errno.ts";
import type { HookResult } from "../../model/hook.ts";
import type { HookJob } from "./queue.ts";
import { environment_of, input_of } from "./words.ts";

export interface ProcessOptions {
  /** CLOCK_MONOTONIC, ns. */
  readonly clock: () => number;
  /** Resolves after so many milliseconds. */
  readonly pause: (ms: number) => Promise<void>;
}

/** A hook that runs. */
export interface HookProcess {
  readonly deadline_ns: number;
  readonly result: Promise<HookResult>;
  /** Ends it and all of its process group, at once; `late`: its time was over. */
  kill(late: boolean): void;
}

/** Of each of standard output and error. Whoever says more finds the pipe closed. */
export const OUTPUT_BYTES_MAX = 2048;
/** What a hook said is still in the pipe when it ends; a process that left its group may keep the pipe open for ever. */
const LAST_OUTPUT_MS = 100;
const ORDINARY_OOM_SCORE = "0";

/**
 * Starts a hook in a session of its own. The runtime uses vfork(2), so this thread stands still until the program has begun: never call it
 * inside a beat. Capabilities that were given up do not come back (PR_SET_NO_NEW_PRIVS), and the agent's immunity from the OOM killer is not passed on.
 */
export function start_hook({ command, timeout_s, call }: HookJob, { clock, pause }: ProcessOptions): HookProcess {
  const began_ns = clock();
  const duration_ms = (): number => Math.round((clock() - began_ns) / 1e6);
  let late = false;
  let child: Bun.Subprocess<Uint8Array, "pipe", "pipe">;
  try {
    child = Bun.spawn([...command], {
      cwd: "/",
      env: environment_of(call),
      stdin: input_of(call),
      stdout: "pipe",
      stderr: "pipe",
      detached: true,
      // Without it the runtime reads ahead as fast as the hook writes, without a bound.
      lazy: true,
    });
  } catch (error) {
    const trouble = `${command[0]} did not begin: ${reason_of(error)}`;
    const result = { exit: null, signal: null, timed_out: false, duration_ms: 0, output: "", trouble };
    return { deadline_ns: Number.POSITIVE_INFINITY, result: Promise.resolve(result), kill: () => {} };
  }
  make_ordinary(child.pid);
  const said = [child.stdout, child.stderr].map((stream) => new Beginning(stream));
  const result = (async (): Promise<HookResult> => {
    const exit = await child.exited;
    // What it left running in the background ends with it.
    kill_group(child.pid);
    await Promise.race([Promise.all(said.map(({ whole }) => whole)), pause(LAST_OUTPUT_MS)]);
    for (const one of said) one.close();
    return {
      exit: child.signalCode === null ? exit : null,
      signal: child.signalCode === null ? null : String(child.signalCode),
      timed_out: late,
      duration_ms: duration_ms(),
      output: said.map(({ text }) => text).join(""),
      trouble: "",
    };
  })();
  return {
    deadline_ns: began_ns + timeout_s * 1e9,
    result,
    kill: (is_late) => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      late ||= is_late;
      kill_group(child.pid);
    },
  };
}

/** The OOM killer should not spare a hook like the agent, and services in trouble should not be preempted by it. */
function make_ordinary(pid: number): void {
  try {
    writeFileSync(`/proc/${pid}/oom_score_adj`, ORDINARY_OOM_SCORE);
    schedule_as_batch(pid);
  } catch {
    // It has ended already, or a sandbox forbids it: then it runs as it was begun.
  }
}

function kill_group(pid: number): void {
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // Nobody of it is left.
  }
}

/** The first bytes of a stream; what comes after them is not read. */
class Beginning {
  readonly whole: Promise<void>;
  readonly close: () => void;
  #bytes = Buffer.alloc(0);

  constructor(stream: ReadableStream<Uint8Array>) {
    const reader = stream.getReader();
    this.close = () => void reader.cancel().catch(() => {});
    this.whole = this.#read(() => reader.read());
  }

  get text(): string {
    return this.#bytes.toString("utf8");
  }

  async #read(next: () => Promise<{ readonly value?: Uint8Array | undefined; readonly done: boolean }>): Promise<void> {
    try {
      while (this.#bytes.length < OUTPUT_BYTES_MAX) {
        const { value, done } = await next();
        if (done || value === undefined) return;
        // A copy: the piece that was read may be a hundred times as large.
        this.#bytes = Buffer.concat([this.#bytes, value.subarray(0, OUTPUT_BYTES_MAX - this.#bytes.length)]);
      }
    } catch {
      // The pipe is closed: what came before counts.
    }
    this.close();
  }
}
