import { counted } from "../model/counted.ts";
import type { LedgerEntry } from "./entry.ts";
import type { CgroupFiles } from "./files.ts";
import { is_single } from "./one_cpu.ts";
import type { Processes, ThreadIdentity } from "./processes.ts";
import { FileTrouble } from "./trouble.ts";
import type { Undone } from "./undo.ts";

function exists(files: CgroupFiles, directory: string): boolean {
  try {
    files.inode(directory);
    return true;
  } catch (error) {
    if (error instanceof FileTrouble && error.vanished) return false;
    throw error;
  }
}

/**
 * Gives back whatever lives in the child beside the held thread: threads and processes it made while it ran there, which the next
 * freeze would hold with it.
 */
export function return_others(files: CgroupFiles, child: string, home: string, tid: number): void {
  for (const one of thread_ids(files, `${child}/cgroup.threads`)) {
    if (one !== String(tid)) unless_vanished(() => files.write(`${home}/cgroup.threads`, one));
  }
}

/** A call that may find its object gone; anything else still throws. */
function unless_vanished(call: () => void): void {
  try {
    call();
  } catch (error) {
    if (!(error instanceof FileTrouble && error.vanished)) throw error;
  }
}

function thread_ids(files: CgroupFiles, file: string): readonly string[] {
  // A child whose type was not yet written ("domain invalid") answers EOPNOTSUPP: no thread can be in it.
  try {
    return files.read(file).split("\n").filter(Boolean);
  } catch (error) {
    if (error instanceof FileTrouble && error.unsupported) return [];
    throw error;
  }
}

/**
 * Thaw the child cgroup, give every thread in it back to its home, remove it. Thaw comes first: a frozen thread holds whatever
 * locks it held, and moving it changes nothing about that.
 */
export function undo_hold(entry: LedgerEntry, home: string, files: CgroupFiles, processes: Processes): Undone {
  const child = `${home}/${entry.file}`;
  if (!exists(files, child)) {
    for (const thread of entry.threads) give_cpus_back(thread, processes);
    return { status: "done", found: null, written: null, detail: `${entry.file} is already removed` };
  }
  unless_vanished(() => files.write(`${child}/cgroup.freeze`, "0"));
  for (const thread of entry.threads) give_cpus_back(thread, processes);
  const held = thread_ids(files, `${child}/cgroup.threads`);
  for (const tid of held) unless_vanished(() => files.write(`${home}/cgroup.threads`, tid));
  try {
    unless_vanished(() => files.remove_directory(child));
  } catch (error) {
    if (!(error instanceof FileTrouble) || error.code !== "EBUSY") throw error;
    const detail = `thawed; ${entry.file} is still busy (a thread is leaving it), its removal is tried again`;
    return { status: "pending", found: held.join(" "), written: null, detail };
  }
  const type = home_type(files, home);
  const alive = entry.threads.filter((thread) => processes.thread(thread.pid, thread.tid) !== null).length;
  const detail = `thawed, ${counted(held.length, "thread")} returned (${alive} of ${entry.threads.length} alive), ${entry.file} removed; type ${type}`;
  return { status: "done", found: held.join(" "), written: type, detail };
}

/** A pulse that was cut off by the agent's end left the thread on one CPU. */
function give_cpus_back(thread: ThreadIdentity, processes: Processes): void {
  // Ledgers of an older version do not know of CPUs.
  const prior = thread.affinity ?? null;
  if (prior === null || is_single(prior)) return;
  if (processes.thread(thread.pid, thread.tid)?.start_ticks !== thread.start_ticks) return;
  const now = processes.affinity(thread.tid);
  if (now !== null && is_single(now)) unless_vanished(() => processes.set_affinity(thread.tid, prior));
}

/** cgroup.type; the root has none. */
export function home_type(files: CgroupFiles, home: string): string {
  try {
    return files.read(`${home}/cgroup.type`).trim();
  } catch (error) {
    if (error instanceof FileTrouble && error.code === "ENOENT") return "root";
    throw error;
  }
}
