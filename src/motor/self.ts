import { readFileSync, writeFileSync } from "node:fs";
import { counted } from "../model/counted.ts";
import { reason_of } from "../model/errno.ts";
import type { Absence, Maybe } from "../model/sample.ts";
import { type CgroupFiles, kernel_files, offers } from "./files.ts";
import { directory_of } from "./locate.ts";
import { kernel_processes } from "./processes.ts";
import { FileTrouble } from "./trouble.ts";
import { try_urgency } from "./urgent.ts";

const OOM_SCORE_ADJ = "-999";
const MEMORY_MIN_BYTES = 64 * 1024 * 1024;
const CPU_WEIGHT = "1000";

export interface SelfOptions {
  readonly mount: string;
  /** Locks the pages of this process, e.g. `mlockall_on_fault` of the ffi room; throws when it may not. */
  readonly lock_memory: () => void;
  /** Throws when a pulse may not run as a real-time thread. */
  readonly try_urgency?: () => void;
  readonly files?: CgroupFiles;
  readonly own_cgroup_path?: string;
  readonly oom_score_path?: string;
}

/** What the agent did so that its own medicine and the node's trouble spare it. */
export interface SelfProtection {
  /** One line each: what is in force. */
  readonly done: readonly string[];
  readonly absent: readonly Absence[];
  /** Give back what outlives the process (the cgroup's values), newest first. */
  undo(): void;
}

/** Protect the agent itself: every part is optional and reported. Never throws for what the kernel may answer. */
export function protect_self(options: SelfOptions): SelfProtection {
  const files = options.files ?? kernel_files;
  const done: string[] = [];
  const absent: Absence[] = [];
  const undos: (() => void)[] = [];
  const part = (what: string, costs: string, act: () => string): void => {
    try {
      done.push(act());
    } catch (error) {
      absent.push({ what, why: reason_of(error), costs });
    }
  };
  part("oom_score_adj", "the OOM killer may choose the agent", () =>
    lower_oom_score(options.oom_score_path ?? "/proc/self/oom_score_adj"),
  );
  part("locked memory", "under memory pressure the beat may wait for its own pages", () => {
    options.lock_memory();
    return "memory locked as it is touched (mlockall)";
  });
  part("real-time scheduling of a pulse", "on a busy node a held thread may run longer than its pulse", () => {
    (options.try_urgency ?? try_urgency)();
    return "a pulse runs as a real-time thread (SCHED_FIFO 1)";
  });
  const path = options.own_cgroup_path ?? kernel_processes.own_cgroup_path;
  const directory = directory_of(options.mount, path);
  const shared = sharing(files, directory, path);
  const floors = [
    { file: "memory.min", value: String(MEMORY_MIN_BYTES), costs: "the agent's memory may be reclaimed" },
    { file: "cpu.weight", value: CPU_WEIGHT, costs: "under CPU pressure the beat may come late" },
  ];
  for (const { file, value, costs } of floors) {
    part(`${file} of the agent's cgroup`, costs, () => {
      if (shared !== null) throw new Error(shared);
      return raise(files, `${directory}/${file}`, value, undos);
    });
  }
  return { done, absent, undo: () => undo_all(undos) };
}

function lower_oom_score(path: string): string {
  const before = readFileSync(path, "latin1").trim();
  if (Number(before) <= Number(OOM_SCORE_ADJ)) return `oom_score_adj is ${before} already`;
  try {
    writeFileSync(path, OOM_SCORE_ADJ);
  } catch (error) {
    throw new Error(`write ${OOM_SCORE_ADJ} to ${path}: ${reason_of(error)}; grant CAP_SYS_RESOURCE`);
  }
  return `oom_score_adj ${before} → ${OOM_SCORE_ADJ}`;
}

/** Why the cgroup is not the agent's alone, so that it must not be favoured; null when it is. */
function sharing(files: CgroupFiles, directory: string, path: string): Maybe<string> {
  if (path === "/") return "the agent runs in the root cgroup; start it as a systemd service";
  try {
    const others = files.read(`${directory}/cgroup.procs`).split("\n").filter(Boolean).length - 1;
    return others > 0
      ? `${path} holds ${counted(others, "other process", "other processes")}; start the agent as a systemd service`
      : null;
  } catch (error) {
    if (error instanceof FileTrouble) return error.message;
    throw error;
  }
}

/** Set a floor when it is above what is there; the prior value is kept for the undo. */
function raise(files: CgroupFiles, file: string, value: string, undos: (() => void)[]): string {
  if (!offers(files, file)) throw new Error(`${file} does not exist: its controller is not enabled there`);
  const before = files.read(file).trim();
  if (Number(before) >= Number(value)) return `${file} is ${before} already`;
  files.write(file, value);
  undos.push(() => {
    if (files.read(file).trim() === value) files.write(file, before);
  });
  return `${file} ${before} → ${value}`;
}

function undo_all(undos: (() => void)[]): void {
  for (const undo of undos.reverse()) {
    try {
      undo();
    } catch (error) {
      // At exit there is nobody left to help: the values only favoured a cgroup that ends with the agent.
      if (!(error instanceof FileTrouble)) throw error;
    }
  }
  undos.length = 0;
}
