import type { Action, Setting } from "../../model/containment.ts";
import type { Maybe } from "../../model/sample.ts";
import type { LedgerEntry } from "../entry.ts";
import { directory_of } from "../locate.ts";
import { on_one_cpu } from "../one_cpu.ts";
import type { ThreadIdentity } from "../processes.ts";
import { Gone, Refusal } from "../trouble.ts";
import { home_type, return_others } from "../undo-hold.ts";
import type { Applied, Change, Containment, Place, RungContext } from "./containment.ts";
import { begin, entry_base } from "./containment.ts";
import { frozen_of } from "./freeze.ts";
import { Freezer } from "./freezer.ts";
import { HOLD_PREFIX, hold_refusal } from "./layout.ts";

/** The beat stands still for the length of a pulse. */
const PULSE_MAX_MS = 5;

/** The thread as it is before the hold, and the cgroup it lives in: the target's or a threaded one below it. */
interface Home {
  readonly thread: ThreadIdentity;
  readonly path: string;
  readonly directory: string;
  readonly id: number;
  readonly type: string;
}

/**
 * Hold one thread: a threaded child cgroup of its own, frozen. The rest of the service runs on, and its memory is still charged
 * to the same cgroup, because the memory controller does not see threaded children (SPEC §7.2).
 */
export function apply_thread_hold(context: RungContext, action: Action, place: Place, now_ns: number): Applied {
  const { files } = context;
  const frozen = frozen_of(action.setting);
  const home = find_home(context, action, place);
  const refusal = hold_refusal(files, home.path, home.directory);
  if (refusal !== null) throw new Refusal(refusal);
  const name = `${HOLD_PREFIX}${home.thread.tid}`;
  const entry = context.ledger.open({
    ...entry_base(context, action, place),
    cgroup_id: home.id,
    path: home.path,
    kind: "hold",
    file: name,
    prior: home.type,
    intended: `thread ${home.thread.tid}`,
    threads: [home.thread],
  });
  const child = `${home.directory}/${name}`;
  files.make_directory(child);
  files.write(`${child}/cgroup.type`, "threaded");
  files.write(`${child}/cgroup.threads`, String(home.thread.tid));
  // Between the first look and the move the number could have passed to another thread.
  if (context.processes.thread(home.thread.pid, home.thread.tid)?.start_ticks !== home.thread.start_ticks) {
    throw new Gone(`thread ${home.thread.tid} exited meanwhile`);
  }
  const containment = new ThreadHold(context, entry, new Freezer(files, child), home, child);
  return begin(containment, () => containment.set(frozen, now_ns));
}

function find_home(context: RungContext, action: Action, place: Place): Home {
  const { tid } = action.target;
  if (tid === null) throw new Refusal("thread_hold needs a thread, the target names none");
  const pid = action.target.pid ?? context.processes.leader(tid);
  const state = pid === null ? null : context.processes.thread(pid, tid);
  if (pid === null || state === null || state.state === "Z" || state.state === "X") {
    throw new Gone(`thread ${tid} has exited`);
  }
  if (pid === context.processes.own_pid) throw new Refusal("the thread is one of the agent's own");
  const path = state.cgroup_path;
  const inside = path === place.path || path.startsWith(place.path === "/" ? "/" : `${place.path}/`);
  if (!inside) throw new Refusal(`thread ${tid} lives in ${path}, no longer in ${place.path}`);
  if (path.slice(path.lastIndexOf("/") + 1).startsWith(HOLD_PREFIX)) throw new Refusal(`thread ${tid} is held already`);
  if (path === context.processes.own_cgroup_path) throw new Refusal(`${path} is the agent's own cgroup`);
  const directory = directory_of(context.mount, path);
  const affinity = context.processes.affinity(tid);
  const thread = { pid, tid, start_ticks: state.start_ticks, nice: null, affinity };
  const id = context.files.inode(directory);
  return { thread, path, directory, id, type: home_type(context.files, directory) };
}

class ThreadHold implements Containment {
  readonly entry: LedgerEntry;
  readonly #context: RungContext;
  readonly #freezer: Freezer;
  readonly #thread: ThreadIdentity;
  readonly #home: string;
  readonly #child: string;

  constructor(context: RungContext, entry: LedgerEntry, freezer: Freezer, home: Home, child: string) {
    this.entry = entry;
    this.#context = context;
    this.#freezer = freezer;
    this.#thread = home.thread;
    this.#home = home.directory;
    this.#child = child;
  }

  get frozen(): Maybe<boolean> {
    return this.#freezer.frozen;
  }

  adjust(setting: Setting, now_ns: number): Change {
    if (setting.rung === "thread_hold" && setting.pulse_ms !== undefined) return this.#pulse(setting.pulse_ms, now_ns);
    return this.set(frozen_of(setting), now_ns);
  }

  /**
   * The end of a pulse must wait neither for the next beat nor for the CPU: a thread with a backlog grows by megabytes in a
   * millisecond, so the beat's own thread runs ahead of all others, and of it on the same CPU, until it is frozen again.
   */
  #pulse(duration_ms: number, now_ns: number): Change {
    const { processes } = this.#context;
    const length_ms = Math.min(PULSE_MAX_MS, duration_ms);
    const { tid, affinity } = this.#thread;
    const took_ms = on_one_cpu(processes, tid, affinity, () =>
      processes.urgently(() => {
        // The time runs from before the thaw: whatever delays the beat between thaw and wait is part of the pulse.
        const expired = processes.alarm_in(length_ms);
        this.#freezer.blink(expired);
      }),
    );
    this.#return_others();
    const frozen = this.#freezer.written(true, this.entry.prior, now_ns);
    return { ...frozen, detail: `thawed for ${took_ms.toFixed(1)} ms (${length_ms} asked); ${frozen.detail}` };
  }

  confirm(now_ns: number): Maybe<Change> {
    return this.#freezer.confirm(now_ns);
  }

  check(): null {
    const state = this.#context.processes.thread(this.#thread.pid, this.#thread.tid);
    if (state === null || state.start_ticks !== this.#thread.start_ticks) throw new Gone("the held thread has exited");
    return null;
  }

  close(): void {
    this.#freezer.close();
  }

  set(frozen: boolean, now_ns: number): Change {
    const changed = this.#freezer.set(frozen, this.entry.prior, now_ns);
    if (frozen) this.#return_others();
    return changed;
  }

  /** After the freeze, for then the held thread makes no more of them; who leaves a frozen cgroup runs at once. */
  #return_others(): void {
    return_others(this.#context.files, this.#child, this.#home, this.#thread.tid);
  }
}
