import { page_size_bytes } from "../ffi/libc.ts";
import type { NodeTotals, StarterFigures, TaskReading, TaskWindow, UsualRates } from "../model/attribution.ts";
import type { Maybe } from "../model/sample.ts";
import type { StarterPort, ThreadPort } from "./ports.ts";
import { read_threads } from "./thread_table.ts";

/** Two readings that are compared lie at least so far apart. */
const MIN_WINDOW_NS = 95e6;
/** A window grows no longer than this; then it starts again at its middle, so that it follows the present. */
const MAX_WINDOW_NS = 1e9;
/** Readings are no closer than this while a rise is young, and than that later; nor than so many times what the latest one cost. */
const YOUNG_NS = 5e9;
const SPACING_YOUNG_NS = 190e6;
const SPACING_NS = 950e6;
const SPACING_COSTS = 60;
const SPARING_NS = 2e9;
/** Not asked for so long, the node was calm: what is asked about now is another rise, to be looked at anew. */
const CALM_NS = 400e6;
/** A calm longer than this ends what the gains are counted from. */
const FORGET_NS = 10e9;
/** A sweep older than this says nothing of what was before the onset, and one older than that nothing of the rise. */
const OLD_SWEEP_NS = 40e9;
const FRESH_SWEEP_NS = 6e9;

export interface TaskWatchPorts {
  readonly threads: ThreadPort;
  /** Null where it is not counted. */
  readonly starters: Maybe<StarterPort>;
  totals(): Maybe<NodeTotals>;
  monotonic_ns(): number;
  boottime_ns(): number;
}

export interface TaskWatchOptions {
  readonly page_bytes?: number;
  usual(tid: number, start_ns: number): Maybe<UsualRates>;
  path_of(cgroup_id: number): Maybe<string>;
  protected_because(path: string): Maybe<string>;
  readonly own_comm: string;
}

/**
 * Reads every thread of the node while something is out of the ordinary, and never otherwise, so that a quiet node pays
 * nothing. What was before the onset is known from the latest sweep of the thread baseline.
 */
export class TaskWatch {
  readonly #ports: TaskWatchPorts;
  readonly #options: TaskWatchOptions;
  readonly #page_bytes: number;
  #sweep: Maybe<TaskReading> = null;
  #onset: Maybe<TaskReading> = null;
  #begun_ns = 0;
  #before: Maybe<TaskReading> = null;
  #next: Maybe<TaskReading> = null;
  #due_ns = 0;
  #read_ns = Number.NEGATIVE_INFINITY;
  #asked_ns = Number.NEGATIVE_INFINITY;

  constructor(ports: TaskWatchPorts, options: TaskWatchOptions) {
    this.#ports = ports;
    this.#options = options;
    this.#page_bytes = options.page_bytes ?? page_size_bytes();
  }

  /** A sweep over all threads was made for another purpose. */
  swept(reading: TaskReading): void {
    this.#sweep = reading;
  }

  /** Once a beat, while something is out of the ordinary (@param sparing one reading in two seconds is enough): two readings to compare where a new one was due, else null. */
  look(sparing = false): Maybe<TaskWindow> {
    const now_ns = this.#ports.monotonic_ns();
    if (now_ns - this.#asked_ns > CALM_NS) this.#begin(now_ns);
    this.#asked_ns = now_ns;
    if (now_ns < this.#due_ns || (sparing && now_ns - this.#read_ns < SPARING_NS)) return null;
    this.#read_ns = now_ns;
    const after = this.#read(now_ns);
    const cost_ns = this.#ports.monotonic_ns() - now_ns;
    const young = now_ns - this.#begun_ns < YOUNG_NS;
    this.#due_ns = now_ns + Math.max(young ? SPACING_YOUNG_NS : SPACING_NS, SPACING_COSTS * cost_ns);
    const before = this.#before;
    this.#roll(after);
    if (before === null || after.t_ns - before.t_ns < MIN_WINDOW_NS) return null;
    const { usual, path_of, protected_because, own_comm } = this.#options;
    const provisional = before === this.#sweep;
    return { onset: this.#onset ?? before, before, after, provisional, usual, path_of, protected_because, own_comm };
  }

  /** The first reading is compared with the latest sweep, which names what is young at once; rates need two readings of this rise. */
  #begin(now_ns: number): void {
    const swept = this.#sweep;
    const recent = swept !== null && now_ns - swept.t_ns <= OLD_SWEEP_NS;
    if (this.#onset === null || now_ns - this.#asked_ns > FORGET_NS) this.#onset = recent ? swept : null;
    this.#before = recent && now_ns - swept.t_ns <= FRESH_SWEEP_NS ? swept : null;
    this.#next = null;
    this.#begun_ns = now_ns;
    this.#due_ns = now_ns;
  }

  #roll(after: TaskReading): void {
    this.#onset ??= after;
    if (this.#before === null || this.#before === this.#sweep) {
      this.#before = after;
      return;
    }
    const age_ns = after.t_ns - this.#before.t_ns;
    if (this.#next === null && age_ns >= MAX_WINDOW_NS / 2) this.#next = after;
    if (this.#next === null || age_ns < MAX_WINDOW_NS) return;
    this.#before = this.#next;
    this.#next = this.#before === after ? null : after;
  }

  #read(now_ns: number): TaskReading {
    const { threads, starters, boottime_ns } = this.#ports;
    const totals = this.#ports.totals();
    const table = read_threads(threads, 0, this.#page_bytes, now_ns, boottime_ns.call(this.#ports) - now_ns, true);
    return { ...table, starters: starters === null ? null : starters_of(starters), totals };
  }
}

function starters_of(port: StarterPort): Map<number, StarterFigures> {
  const rows = port.starters();
  const found = new Map<number, StarterFigures>();
  for (let row = 0; row < rows.count; row++) {
    const pid = rows.pid(row);
    found.set(pid, {
      pid,
      start_ns: rows.start_ns(row),
      cgroup_id: rows.cgroup_id(row),
      comm: rows.comm(row),
      forks: rows.forks(row),
      threads: rows.threads(row),
      connects: rows.connects(row),
    });
  }
  return found;
}
