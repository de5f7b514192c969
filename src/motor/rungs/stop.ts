import type { Action, Setting } from "../../model/containment.ts";
import { counted } from "../../model/counted.ts";
import type { Maybe } from "../../model/sample.ts";
import type { LedgerEntry } from "../entry.ts";
import type { ThreadIdentity } from "../processes.ts";
import { FileTrouble, Gone, Refusal } from "../trouble.ts";
import type { Applied, Change, Containment, Place, RungContext } from "./containment.ts";
import { change, entry_base } from "./containment.ts";

const PROCESSES_MAX = 512;

/** SIGSTOP to every process of the cgroup, for kernels without a v2 freezer. Those already stopped are left alone. */
export function apply_stop(context: RungContext, action: Action, place: Place): Applied {
  const { setting } = action;
  if (setting.rung !== "freeze" || !setting.frozen) throw new Refusal("a stop begins frozen");
  const pids = context.files.read(`${place.directory}/cgroup.procs`).split("\n").filter(Boolean).map(Number);
  if (pids.length > PROCESSES_MAX)
    throw new Refusal(`${counted(pids.length, "process", "processes")} to stop, the bound is ${PROCESSES_MAX}`);
  const threads: ThreadIdentity[] = [];
  for (const pid of pids) {
    const state = context.processes.thread(pid, pid);
    if (state === null || "TtZ".includes(state.state)) continue;
    threads.push({ pid, tid: pid, start_ticks: state.start_ticks, nice: null, affinity: null });
  }
  if (threads.length === 0) throw new Gone(`${place.path} holds no running process`);
  const entry = context.ledger.open({
    ...entry_base(context, action, place),
    kind: "stop",
    file: "SIGSTOP of processes",
    prior: "running",
    intended: "stopped",
    threads,
  });
  const containment = new StopContainment(context, entry);
  return { containment, change: containment.send(true) };
}

class StopContainment implements Containment {
  readonly entry: LedgerEntry;
  readonly #context: RungContext;
  #frozen: Maybe<boolean> = null;

  constructor(context: RungContext, entry: LedgerEntry) {
    this.#context = context;
    this.entry = entry;
  }

  get frozen(): Maybe<boolean> {
    return this.#frozen;
  }

  adjust(setting: Setting): Change {
    if (setting.rung !== "freeze") throw new Refusal(`a ${setting.rung} setting is not for freeze`);
    return this.send(setting.frozen);
  }

  confirm(): null {
    return null;
  }

  check(): null {
    if (this.#alive().length === 0) throw new Gone("every stopped process has exited");
    return null;
  }

  close(): void {}

  send(stopped: boolean): Change {
    const alive = this.#alive();
    for (const thread of alive) {
      try {
        this.#context.processes.signal(thread.pid, stopped ? "SIGSTOP" : "SIGCONT");
      } catch (error) {
        if (!(error instanceof FileTrouble && error.vanished)) throw error;
      }
    }
    this.#frozen = stopped;
    const name = stopped ? "SIGSTOP" : "SIGCONT";
    const more = { file: this.entry.file, prior: this.entry.prior, written: name };
    return change(
      "done",
      `${name} to ${counted(alive.length, "process", "processes")}: this kernel has no cgroup v2 freezer`,
      more,
    );
  }

  #alive(): readonly ThreadIdentity[] {
    return this.entry.threads.filter(
      (thread) => this.#context.processes.thread(thread.pid, thread.tid)?.start_ticks === thread.start_ticks,
    );
  }
}
