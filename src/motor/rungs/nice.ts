import type { Action, Setting } from "../../model/containment.ts";
import { counted } from "../../model/counted.ts";
import type { Maybe } from "../../model/sample.ts";
import type { LedgerEntry } from "../entry.ts";
import { held_nice, is_reniced, type ThreadIdentity } from "../processes.ts";
import { FileTrouble, Gone, Refusal } from "../trouble.ts";
import type { Applied, Change, Containment, Place, RungContext } from "./containment.ts";
import { change, entry_base } from "./containment.ts";

const THREADS_MAX = 512;
/** With those that stay as they are: all of them are written down. */
const KNOWN_MAX = 1024;
const NICE_MAX = 19;
/** The scheduler's weight falls by this factor with each step of niceness (kernel: sched_prio_to_weight). */
const WEIGHT_PER_NICE = 1.25;

/** The niceness whose scheduler weight is nearest to cpu.weight `weight` (100 is nice 0); never below 0. */
export function nice_of_weight(weight: number): number {
  const nice = Math.round(Math.log(100 / Math.max(1, weight)) / Math.log(WEIGHT_PER_NICE));
  return Math.min(NICE_MAX, Math.max(0, nice));
}

/**
 * Make the thread, or every thread of the process or cgroup, nicer. Threads already nicer are left alone, but written down: who is in
 * nobody's list at the end was born meanwhile.
 */
export function apply_nice(context: RungContext, action: Action, place: Place): Applied {
  const nice = nice_of(action.setting);
  const threads = chosen_threads(context, action, place).filter((each) => each.nice !== null);
  const chosen = threads.filter((each) => is_reniced(each, nice)).length;
  if (chosen === 0) throw new Refusal(`no thread of ${place.path} is less nice than ${nice}`);
  if (chosen > THREADS_MAX) throw new Refusal(`${chosen} threads to renice, the bound is ${THREADS_MAX}`);
  if (threads.length > KNOWN_MAX)
    throw new Refusal(`${threads.length} threads in ${place.path}, the bound is ${KNOWN_MAX}`);
  const entry = context.ledger.open({
    ...entry_base(context, action, place),
    kind: "nice",
    file: action.target.tid === null ? "nice of threads" : "nice of thread",
    prior: [...new Set(threads.map((each) => each.nice))].join(" "),
    intended: String(nice),
    threads,
  });
  const containment = new NiceContainment(context, entry);
  return { containment, change: containment.write(nice) };
}

function nice_of(setting: Setting): number {
  if (setting.rung !== "cpu_weight") throw new Refusal(`a ${setting.rung} setting is not for cpu_weight`);
  return nice_of_weight(setting.weight);
}

function chosen_threads(context: RungContext, action: Action, place: Place): readonly ThreadIdentity[] {
  const { pid, tid } = action.target;
  const tids =
    tid !== null
      ? [tid]
      : pid !== null
        ? context.processes.thread_ids(pid)
        : context.files.read(`${place.directory}/cgroup.threads`).split("\n").filter(Boolean).map(Number);
  const threads: ThreadIdentity[] = [];
  for (const each of tids) {
    const leader = pid ?? context.processes.leader(each);
    const state = leader === null ? null : context.processes.thread(leader, each);
    if (leader === null || state === null) continue;
    threads.push({
      pid: leader,
      tid: each,
      start_ticks: state.start_ticks,
      nice: context.processes.nice(each),
      affinity: null,
    });
  }
  if (threads.length === 0) throw new Gone(`no such thread in ${place.path}`);
  return threads;
}

class NiceContainment implements Containment {
  readonly frozen = null;
  readonly #context: RungContext;
  #entry: LedgerEntry;
  #drift_reported = false;

  constructor(context: RungContext, entry: LedgerEntry) {
    this.#context = context;
    this.#entry = entry;
  }

  get entry(): LedgerEntry {
    return this.#entry;
  }

  adjust(setting: Setting): Change {
    const nice = nice_of(setting);
    this.#entry = this.#context.ledger.adjust(this.#entry, String(nice));
    return this.write(nice);
  }

  confirm(): null {
    return null;
  }

  check(): Maybe<Change> {
    let alive = 0;
    let foreign = 0;
    for (const thread of this.#reniced()) {
      if (this.#context.processes.thread(thread.pid, thread.tid)?.start_ticks !== thread.start_ticks) continue;
      alive += 1;
      if (this.#context.processes.nice(thread.tid) !== held_nice(this.#entry.intended, thread)) foreign += 1;
    }
    if (alive === 0) throw new Gone("every reniced thread has exited");
    if (foreign === 0 || this.#drift_reported) return null;
    this.#drift_reported = true;
    return change("drifted", `another writer changed the niceness of ${counted(foreign, "thread")}`);
  }

  close(): void {}

  write(nice: number): Change {
    let written = 0;
    for (const thread of this.#reniced()) {
      if (this.#context.processes.thread(thread.pid, thread.tid)?.start_ticks !== thread.start_ticks) continue;
      try {
        this.#context.processes.set_nice(thread.tid, held_nice(String(nice), thread));
        written += 1;
      } catch (error) {
        if (!(error instanceof FileTrouble && error.vanished)) throw error;
      }
    }
    const more = { file: this.#entry.file, prior: this.#entry.prior, written: String(nice) };
    return change("done", `nice ${nice} for ${counted(written, "thread")}`, more);
  }

  #reniced(): readonly ThreadIdentity[] {
    const { intended, superseded, threads } = this.#entry;
    return threads.filter((each) => is_reniced(each, Math.max(Number(intended), Number(superseded))));
  }
}
