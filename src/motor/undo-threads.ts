import type { LedgerEntry } from "./entry.ts";
import { held_nice, type Processes, type ThreadIdentity } from "./processes.ts";
import type { Undone } from "./undo.ts";

function same_thread(processes: Processes, thread: ThreadIdentity): boolean {
  return processes.thread(thread.pid, thread.tid)?.start_ticks === thread.start_ticks;
}

/** Give every thread its own niceness back; a thread born meanwhile inherited ours and gets its leader's. */
export function undo_nice(entry: LedgerEntry, processes: Processes): Undone {
  const intended = Number(entry.intended);
  const alive = entry.threads.filter((thread) => same_thread(processes, thread));
  let restored = 0;
  let foreign = 0;
  for (const thread of alive) {
    const nice = processes.nice(thread.tid);
    if (nice === null || thread.nice === null || nice === thread.nice) continue;
    if (nice !== held_nice(entry.intended, thread) && nice !== held_nice(entry.superseded, thread)) {
      foreign += 1;
      continue;
    }
    processes.set_nice(thread.tid, thread.nice);
    restored += 1;
  }
  if (entry.file === "nice of threads") restored += undo_newborn(entry, alive, intended, processes);
  const detail = `niceness of ${restored} thread(s) restored, ${entry.threads.length - alive.length} gone`;
  if (foreign > 0) {
    const more = `${detail}; another writer changed ${foreign}, left as they are`;
    return { status: "drifted", found: null, written: null, detail: more };
  }
  const status = alive.length === 0 && entry.threads.length > 0 ? "gone" : "done";
  return { status, found: entry.intended, written: entry.prior, detail };
}

function undo_newborn(
  entry: LedgerEntry,
  alive: readonly ThreadIdentity[],
  intended: number,
  processes: Processes,
): number {
  const known = new Set(entry.threads.map((thread) => thread.tid));
  const prior_of_process = new Map(alive.map((thread) => [thread.pid, thread.nice]));
  let restored = 0;
  for (const [pid, prior] of prior_of_process) {
    if (prior === null) continue;
    for (const tid of processes.thread_ids(pid)) {
      if (known.has(tid) || processes.nice(tid) !== intended) continue;
      processes.set_nice(tid, prior);
      restored += 1;
    }
  }
  return restored;
}

/** Let the stopped processes run again. SIGCONT to a running one changes nothing. */
export function undo_stop(entry: LedgerEntry, processes: Processes): Undone {
  const alive = entry.threads.filter((thread) => same_thread(processes, thread));
  for (const thread of alive) processes.signal(thread.pid, "SIGCONT");
  const detail = `SIGCONT sent to ${alive.length} process(es), ${entry.threads.length - alive.length} gone`;
  return { status: alive.length === 0 ? "gone" : "done", found: "stopped", written: "running", detail };
}
