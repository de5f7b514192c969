import type { PartOutcome } from "../model/containment.ts";
import { counted } from "../model/counted.ts";
import type { Maybe } from "../model/sample.ts";
import type { LedgerEntry } from "./entry.ts";
import type { CgroupFiles } from "./files.ts";
import { directory_of, locate } from "./locate.ts";
import { act_on_each, parts_sentence, refusals } from "./parts.ts";
import { held_nice, is_reniced, type Processes, type ThreadIdentity } from "./processes.ts";
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
  let foreign = 0;
  const ours: { readonly tid: number; readonly prior: number }[] = [];
  for (const thread of alive) {
    const nice = processes.nice(thread.tid);
    if (nice === null || thread.nice === null || nice === thread.nice) continue;
    const is_ours = nice === held_nice(entry.intended, thread) || nice === held_nice(entry.superseded, thread);
    if (is_ours) ours.push({ tid: thread.tid, prior: thread.nice });
    else foreign += 1;
  }
  const parts = act_on_each(
    ours,
    ({ tid }) => `thread ${tid}`,
    ({ tid, prior }) => processes.set_nice(tid, prior),
  );
  const restored = parts.filter(({ status }) => status === "done").length;
  const newborn = entry.file === "nice of threads" ? undo_newborn(entry, alive, files, processes) : [];
  const born = newborn.filter(({ status }) => status === "done").length;
  const gone = reniced.length - alive.length;
  const also = born === 0 ? "" : `, and of ${born} born meanwhile`;
  const detail = `niceness of ${counted(restored, "thread")} restored${also}, ${gone} gone`;
  const not = refusals([...parts, ...newborn]);
  if (not.length > 0) {
    const more = `${detail}; not restored: ${parts_sentence(not)}`;
    return { status: "failed", found: entry.intended, written: entry.prior, detail: more };
  }
  if (foreign > 0) {
    const more = `${detail}; another writer changed ${foreign}, left as they are`;
    return { status: "drifted", found: null, written: null, detail: more };
  }
  const status = alive.length === 0 && born === 0 && reniced.length > 0 ? "gone" : "done";
  return { status, found: entry.intended, written: entry.prior, detail };
}

/** What became of each of those born meanwhile. */
function undo_newborn(
  entry: LedgerEntry,
  alive: readonly ThreadIdentity[],
  files: CgroupFiles,
  processes: Processes,
): readonly PartOutcome[] {
  const intended = Number(entry.intended);
  const known = new Set(entry.threads.map((thread) => thread.tid));
  // The main thread's before those of others: what a thread inherits is seldom that of a special one.
  const of_process = new Map<number, Maybe<number>>();
  for (const { pid, tid, nice } of alive) if (!of_process.has(pid) || tid === pid) of_process.set(pid, nice);
  const known_pids = new Set(entry.threads.map((thread) => thread.pid));
  const usual = most_common(entry.threads, intended);
  const wanted = new Map<number, number>();
  const want = (tid: number, prior: Maybe<number>): void => {
    if (prior !== null && !known.has(tid) && processes.nice(tid) === intended) wanted.set(tid, prior);
  };
  for (const [pid, prior] of of_process) for (const tid of processes.thread_ids(pid)) want(tid, prior);
  // A target that is one process has no others.
  const others = entry.target.pid === null ? threads_in(entry, files) : [];
  for (const tid of others) {
    const leader = processes.leader(tid);
    if (leader !== null && !known_pids.has(leader)) want(tid, usual);
  }
  return act_on_each(
    [...wanted],
    ([tid]) => `thread ${tid}`,
    ([tid, prior]) => processes.set_nice(tid, prior),
  );
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
  const parts = act_on_each(
    alive,
    ({ pid }) => `process ${pid}`,
    ({ pid }) => processes.signal(pid, "SIGCONT"),
  );
  const not = refusals(parts);
  const sent = parts.filter(({ status }) => status === "done").length;
  const detail = `SIGCONT sent to ${counted(sent, "process", "processes")}, ${entry.threads.length - sent - not.length} gone`;
  if (not.length > 0) {
    const more = `${detail}; not sent: ${parts_sentence(not)}`;
    return { status: "failed", found: "stopped", written: "running", detail: more };
  }
  return { status: alive.length === 0 ? "gone" : "done", found: "stopped", written: "running", detail };
}
