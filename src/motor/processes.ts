import { readdirSync, readFileSync } from "node:fs";
import { getPriority, setPriority } from "node:os";
import { KernelError } from "../ffi/errors.ts";
import { Alarm, cpu_affinity, monotonic_ns, set_cpu_affinity } from "../ffi/libc.ts";
import type { ManagerFacts, ProcessFacts } from "../model/precondition.ts";
import type { Maybe } from "../model/sample.ts";
import { find_manager } from "./manager.ts";
import { type Depth, type Described, ProcessReader } from "./process_facts.ts";
import { FileTrouble } from "./trouble.ts";
import { type UnitSettings, unit_settings } from "./unit_files.ts";
import { urgently } from "./urgent.ts";

/** A thread, told apart from a later one with the same number by its start time. */
export interface ThreadIdentity {
  readonly pid: number;
  readonly tid: number;
  /** Field 22 of /proc/TID/stat: clock ticks after boot. */
  readonly start_ticks: number;
  /** Nice value before the motor touched it; null where the entry is not about niceness. */
  readonly nice: Maybe<number>;
  /** CPUs it could use before the motor touched it; null where the entry does not touch them. */
  readonly affinity: Maybe<CpuMask>;
}

/** CPUs as hexadecimal bytes, the lowest CPUs first: plain JSON for the ledger. */
export type CpuMask = string;

/** Niceness a thread has while an entry intends `intended`: never less nice than it was by itself. */
export function held_nice(intended: string, thread: ThreadIdentity): number {
  return Math.max(Number(intended), thread.nice ?? Number(intended));
}

/** It was less nice by itself than an entry intends; the others of the entry are only known. */
export function is_reniced(thread: ThreadIdentity, intended: number): boolean {
  return thread.nice !== null && thread.nice < intended;
}

/** What /proc says about one thread now. */
export interface ThreadState {
  readonly start_ticks: number;
  /** "R", "S", "D", "T", "Z" … */
  readonly state: string;
  /** Path in the v2 hierarchy, "/" for the root. */
  readonly cgroup_path: string;
}

/** The process table, as far as the motor needs it. */
export interface Processes {
  thread(pid: number, tid: number): Maybe<ThreadState>;
  /** Leader of the thread; null when gone. */
  leader(tid: number): Maybe<number>;
  thread_ids(pid: number): readonly number[];
  nice(tid: number): Maybe<number>;
  set_nice(tid: number, nice: number): void;
  /** CPUs the thread may use; null when it is gone. */
  affinity(tid: number): Maybe<CpuMask>;
  set_affinity(tid: number, mask: CpuMask): void;
  signal(pid: number, name: "SIGSTOP" | "SIGCONT"): void;
  /** Starts a timer of a few milliseconds; what it returns waits on the spot until it has expired. */
  alarm_in(duration_ms: number): () => void;
  /** Does a work of a few milliseconds ahead of every ordinary thread, where that is allowed. Returns its length, ms. */
  urgently(work: () => void): number;
  readonly own_pid: number;
  readonly own_cgroup_path: string;
  /** What a remedy has to know of a process; null when it is gone. @param path its cgroup @param known what was found of it before */
  describe(pid: number, path: string, depth: Depth, known?: Maybe<ProcessFacts>): Maybe<Described>;
  /** The service manager of the node; null: none that is known. */
  readonly manager: Maybe<ManagerFacts>;
  /** What the files of a unit say. */
  unit(name: string): UnitSettings;
}

function proc(path: string): Maybe<string> {
  try {
    return readFileSync(`/proc/${path}`, "latin1");
  } catch {
    return null;
  }
}

function v2_path(cgroup_file: string): Maybe<string> {
  for (const line of cgroup_file.split("\n")) if (line.startsWith("0::")) return line.slice(3);
  return null;
}

function errno_name(error: unknown): string {
  return typeof error === "object" && error !== null && "code" in error ? String(error.code) : String(error);
}

/** Kept open once it was needed: a pulse must not wait for its own preparations. */
let alarm: Maybe<Alarm> = null;

const reader = new ProcessReader();
/** A node does not change its service manager while it runs. */
let manager: Maybe<{ readonly found: Maybe<ManagerFacts> }> = null;

/** The kernel's process table in /proc. */
export const kernel_processes: Processes = {
  thread(pid, tid) {
    const stat = proc(`${pid}/task/${tid}/stat`);
    const cgroup = proc(`${pid}/task/${tid}/cgroup`);
    if (stat === null || cgroup === null) return null;
    // The command name may hold spaces and parentheses: the fields start after the last ")".
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    const cgroup_path = v2_path(cgroup);
    if (cgroup_path === null) return null;
    return { state: fields[0] ?? "", start_ticks: Number(fields[19]), cgroup_path };
  },
  leader(tid) {
    const status = proc(`${tid}/status`);
    const line = status?.split("\n").find((each) => each.startsWith("Tgid:"));
    return line === undefined ? null : Number(line.slice(5));
  },
  thread_ids(pid) {
    try {
      return readdirSync(`/proc/${pid}/task`).map(Number);
    } catch {
      return [];
    }
  },
  nice(tid) {
    try {
      return getPriority(tid);
    } catch {
      return null;
    }
  },
  set_nice(tid, nice) {
    try {
      setPriority(tid, nice);
    } catch (error) {
      throw new FileTrouble(`set nice ${nice} of`, `thread ${tid}`, errno_name(error));
    }
  },
  affinity(tid) {
    try {
      return Buffer.from(cpu_affinity(tid)).toString("hex");
    } catch {
      return null;
    }
  },
  set_affinity(tid, mask) {
    try {
      set_cpu_affinity(tid, Buffer.from(mask, "hex"));
    } catch (error) {
      throw new FileTrouble("set the CPU affinity of", `thread ${tid}`, errno_name(error));
    }
  },
  signal(pid, name) {
    try {
      process.kill(pid, name);
    } catch (error) {
      throw new FileTrouble(`send ${name} to`, `process ${pid}`, errno_name(error));
    }
  },
  alarm_in(duration_ms) {
    try {
      alarm ??= new Alarm();
      alarm.set(duration_ms);
    } catch (error) {
      throw new FileTrouble("set", "a timer", error instanceof KernelError ? error.errno : String(error));
    }
    const running = alarm;
    return () => running.wait();
  },
  urgently(work) {
    return urgently(() => {
      const began_ns = monotonic_ns();
      work();
      return (monotonic_ns() - began_ns) / 1e6;
    });
  },
  own_pid: process.pid,
  /** Read at each look: where the agent has moved into the node's cgroup namespace, it is another one. */
  get own_cgroup_path() {
    return v2_path(proc("self/cgroup") ?? "") ?? "/";
  },
  describe: (pid, path, depth, known) => reader.describe(pid, path, depth, known),
  get manager() {
    manager ??= { found: find_manager() };
    return manager.found;
  },
  unit: (name) => unit_settings(name),
};

/** The same processes, with `step` called right before and right after every change: a test stops the motor there. */
export function processes_with_steps(processes: Processes, step: (name: string) => void): Processes {
  const around = (name: string, change: () => void): void => {
    step(`before ${name}`);
    change();
    step(`after ${name}`);
  };
  return {
    alarm_in: (duration_ms) => processes.alarm_in(duration_ms),
    urgently: (work) => processes.urgently(work),
    own_pid: processes.own_pid,
    own_cgroup_path: processes.own_cgroup_path,
    describe: (pid, path, depth, known) => processes.describe(pid, path, depth, known),
    manager: processes.manager,
    unit: (name) => processes.unit(name),
    thread: (pid, tid) => processes.thread(pid, tid),
    leader: (tid) => processes.leader(tid),
    thread_ids: (pid) => processes.thread_ids(pid),
    nice: (tid) => processes.nice(tid),
    set_nice: (tid, nice) => around(`nice ${tid}`, () => processes.set_nice(tid, nice)),
    affinity: (tid) => processes.affinity(tid),
    set_affinity: (tid, mask) => around(`affinity ${tid}`, () => processes.set_affinity(tid, mask)),
    signal: (pid, name) => around(`${name} ${pid}`, () => processes.signal(pid, name)),
  };
}
