import { counted } from "../model/counted.ts";
import type { Maybe } from "../model/sample.ts";
import type { LedgerEntry } from "./entry.ts";
import type { CgroupFiles } from "./files.ts";
import { directory_of, locate } from "./locate.ts";
import { held_nice, is_reniced, type Processes, type ThreadIdentity } from "./processes.ts";
import { FileTrouble } from "./trouble.ts";
import type { Undone } from "./undo.ts";

function same_thread(processes: Processes, thread: ThreadIdentity): boolean {
  return processes.thread(thread.pid, thread.tid)?.start_ticks === thread.start_ticks;
}

/**
 * Give every thread its own niceness back. A thread born meanwhile inherited ours and gets its process's, a process that was
 * started in the cgroup meanwhile what most of them had.
 */
export function undo_nice(entry: LedgerEntry, files: CgroupFiles, processes: Processes): Undone {
  const most = Math.max(Number(entry.intended), Number(entry.superseded));
  const reniced = entry.threads.filter((thread) => is_reniced(thread, most));
  const alive = reniced.filter((thread) => same_thread(processes, thread));
  let restored = 0;
  let foreign = 0;
  for (const thread of alive) {
    const nice = processes.nice(thread.tid);
    if (nice === null || thread.nice === null || nice === thread.nice) continue;
    if (nice !== held_nice(entry.intended, thread) && nice !== held_nice(entry.superseded, thread)) {
      foreign += 1;
      continue;
    }
    if (renice(processes, thread.tid, thread.nice)) restored += 1;
  }
  let born = 0;
  if (entry.file === "nice of threads") born = undo_newborn(entry, alive, files, processes);
  const gone = reniced.length - alive.length;
  const also = born === 0 ? "" : `, and of ${born} born meanwhile`;
  const detail = `niceness of ${counted(restored, "thread")} restored${also}, ${gone} gone`;
  if (foreign > 0) {
    const more = `${detail}; another writer changed ${foreign}, left as they are`;
    return { status: "drifted", found: null, written: null, detail: more };
  }
  const status = alive.length === 0 && born === 0 && reniced.length > 0 ? "gone" : "done";
  return { status, found: entry.intended, written: entry.prior, detail };
}

/** False where the thread has exited. */
function renice(processes: Processes, tid: number, nice: number): boolean {
  try {
    processes.set_nice(tid, nice);
    return true;
  } catch (error) {
    if (!(error instanceof FileTrouble && error.vanished)) throw error;
    return false;
  }
}

function undo_newborn(
  entry: LedgerEntry,
  alive: readonly ThreadIdentity[],
  files: CgroupFiles,
  processes: Processes,
): number {
  const intended = Number(entry.intended);
  const known = new Set(entry.threads.map((thread) => thread.tid));
  // The main thread's before those of others: what a thread inherits is seldom that of a special one.
  const of_process = new Map<number, Maybe<number>>();
  for (const { pid, tid, nice } of alive) if (!of_process.has(pid) || tid === pid) of_process.set(pid, nice);
  const known_pids = new Set(entry.threads.map((thread) => thread.pid));
  const usual = most_common(entry.threads, intended);
  const restore = (tid: number, prior: Maybe<number>): boolean =>
    prior !== null && !known.has(tid) && processes.nice(tid) === intended && renice(processes, tid, prior);
  let restored = 0;
  for (const [pid, prior] of of_process) {
    for (const tid of processes.thread_ids(pid)) if (restore(tid, prior)) restored += 1;
  }
  // A target that is one process has no others.
  if (entry.target.pid !== null) return restored;
  for (const tid of threads_in(entry, files)) {
    const leader = processes.leader(tid);
    if (leader !== null && !known_pids.has(leader) && restore(tid, usual)) restored += 1;
  }
  return restored;
}

function threads_in(entry: LedgerEntry, files: CgroupFiles): readonly number[] {
  const path = locate(files, entry.mount, entry.cgroup_id, entry.path);
  if (path === null) return [];
  const text = files.read(`${directory_of(entry.mount, path)}/cgroup.threads`);
  return text.split("\n").filter(Boolean).map(Number);
}

/** The niceness most of the reniced threads had. */
function most_common(threads: readonly ThreadIdentity[], intended: number): Maybe<number> {
  const counts = new Map<number, number>();
  for (const thread of threads) {
    if (is_reniced(thread, intended)) counts.set(thread.nice!, (counts.get(thread.nice!) ?? 0) + 1);
  }
  let most: Maybe<number> = null;
  for (const [nice, count] of counts) if (most === null || count > counts.get(most)!) most = nice;
  return most;
}

/** Let the stopped processes run again. SIGCONT to a running one changes nothing. */
export function undo_stop(entry: LedgerEntry, processes: Processes): Undone {
  const alive = entry.threads.filter((thread) => same_thread(processes, thread));
  for (const thread of alive) processes.signal(thread.pid, "SIGCONT");
  const detail = `SIGCONT sent to ${counted(alive.length, "process", "processes")}, ${entry.threads.length - alive.length} gone`;
  return { status: alive.length === 0 ? "gone" : "done", found: "stopped", written: "running", detail };
}
