import type { Absence } from "../model/sample.ts";
import { BeatQueue, type BeatRecord, empty_beat } from "./beat.ts";
import { CATALOG } from "./catalog.ts";
import { KernelError } from "./errors.ts";
import { BEAT, CGROUP_ROW, CONTROL } from "./generated/layout.ts";
import { KernelIterator } from "./iterator.ts";
import { libbpf } from "./libbpf.ts";
import { page_size_bytes, trim_malloc, visit_cpus } from "./libc.ts";
import { ESSENTIAL, load } from "./loader.ts";
import { Mapping } from "./mapping.ts";
import { set_u64, u64_of } from "./memory.ts";
import type { BpfObject } from "./program.ts";
import { bpf_host, why_bpf_refused } from "./refusal.ts";
import { RingBuffer } from "./ring.ts";
import { CgroupRows, StarterRows, ThreadRows } from "./rows.ts";

export type { BeatRecord } from "./beat.ts";
export type { CgroupRows, StarterRows, ThreadRows } from "./rows.ts";

/** MAX_CGROUPS and MAX_ROWS of bpf/state.h. */
export const CGROUPS_LIMIT = 8192;
const ROWS_LIMIT = CGROUPS_LIMIT + 1024;
/** Empty cgroups have rows again when this part of the places would be left. */
const PLACES_LEFT = 1 / 8;
const CPUS_LIMIT = 512;
const ENOMEM = 12;
const TIMER_ATTEMPTS = 8;
const QUEUE_BEATS = 1024;
/** max_entries of the ring buffer `beats` in bpf/state.h. */
const RING_BYTES = 256 * 1024;
const ITERATORS = new Set(["cgroup_rows", "thread_rows", "starter_rows"]);

/** bpf_iter_link_info.cgroup { order, cgroup_fd, cgroup_id }: BPF_CGROUP_ITER_DESCENDANTS_PRE from the v2 root. */
const FROM_THE_ROOT = new Uint8Array(new Uint32Array([2, 0, 0, 0]).buffer);

/** bpf_iter_link_info.map { map_fd }. */
function of_map(map_fd: number): Uint8Array {
  return new Uint8Array(new Uint32Array([map_fd, 0, 0, 0]).buffer);
}

export interface SensesOptions {
  /** The BPF object: senses_object() of object.ts. */
  readonly object: Uint8Array;
  /** Names of programs not to load. */
  readonly disabled?: readonly string[];
  /** Cgroups that have a row in one full sweep, at most CGROUPS_LIMIT; a test needs fewer. */
  readonly most_cgroups?: number;
}

export interface ProgramState {
  readonly name: string;
  readonly attached: boolean;
  /** Empty when attached. */
  readonly why: string;
}

/** The loaded senses: beats, cgroup rows and thread rows. For one thread; every method throws KernelError. */
export class Senses implements Disposable {
  readonly absences: readonly Absence[];
  readonly programs: readonly ProgramState[];
  /** The latest beat, or the one being handed over by drain(); the same object every time. */
  readonly beat: BeatRecord = empty_beat();

  readonly #object: BpfObject;
  readonly #control: Mapping;
  readonly #row_map: Mapping;
  readonly #ring: RingBuffer;
  readonly #queue = new BeatQueue(QUEUE_BEATS);
  readonly #cgroup_rows = new CgroupRows();
  readonly #thread_rows = new ThreadRows();
  readonly #starter_rows = new StarterRows();
  readonly #cgroup_iterator: KernelIterator | null;
  readonly #thread_iterator: KernelIterator | null;
  readonly #starter_iterator: KernelIterator | null;
  readonly #knobs: DataView;
  #pass = 0;
  /** Cgroups that the full sweep before has emitted; 0: the next one begins anew. */
  #first_row = 0;
  #started = false;
  #disposed = false;

  readonly #most_cgroups: number;

  private constructor(object: BpfObject, missing: ReadonlyMap<string, string>, most_cgroups: number) {
    using undo = new DisposableStack();
    undo.use(object);
    this.#object = object;
    this.#most_cgroups = most_cgroups;
    const why = new Map(missing);
    this.#cgroup_iterator = ready(object, "cgroup_rows", FROM_THE_ROOT, why);
    this.#thread_iterator = ready(object, "thread_rows", null, why);
    this.#starter_iterator = ready(object, "starter_rows", of_map(object.map_fd("starters")), why);
    this.#control = undo.use(new Mapping(object.map_fd(".data"), CONTROL.size, true, ".data"));
    this.#row_map = undo.use(new Mapping(object.map_fd("rows"), ROWS_LIMIT * CGROUP_ROW.size, false, "rows"));
    this.#knobs = new DataView(this.#control.buffer);
    const cpus = libbpf().libbpf_num_possible_cpus();
    set_u64(this.#knobs, CONTROL.nr_cpus, Math.min(Math.max(1, cpus), CPUS_LIMIT));
    set_u64(this.#knobs, CONTROL.page_size, page_size_bytes());
    set_u64(this.#knobs, CONTROL.most_cgroups, most_cgroups);
    const take = (record: DataView, offset: number, size: number) => {
      if (size >= BEAT.size) this.#queue.push(record, offset);
    };
    this.#ring = undo.use(new RingBuffer(object.map_fd("beats"), RING_BYTES, take));
    for (const name of object.program_names) {
      if (name !== ESSENTIAL && !ITERATORS.has(name) && !why.has(name)) attach(object, name, why);
    }
    this.programs = object.program_names.map((name) => ({
      name,
      attached: !why.has(name),
      why: why.get(name) ?? "",
    }));
    this.absences = absences_of(why, cpus);
    undo.move();
  }

  /** Loads and attaches what this kernel offers; the rest is in `absences`. Throws KernelError when nothing can beat. */
  static open(options: SensesOptions): Senses {
    const { object, missing } = load(options.object, options.disabled ?? []);
    const senses = new Senses(object, missing, options.most_cgroups ?? CGROUPS_LIMIT);
    trim_malloc();
    return senses;
  }

  /** Starts the beat. Every CPU is visited once, so that idle time is exact from here on. */
  start(period_ns: number): void {
    this.#alive();
    visit_cpus();
    this.#started = true;
    if (this.#cgroup_iterator !== null) this.cgroups(true);
    this.set_period(period_ns);
  }

  /** At once: the next beat comes one new period from now. At least 1 ms. */
  set_period(period_ns: number): void {
    this.#alive();
    if (!this.#started) throw new KernelError("set the period of", "the beat", "EINVAL", "start() comes first");
    if (!(period_ns >= 1e6 && period_ns <= 3.6e12)) {
      throw new KernelError(`set the period ${period_ns} ns of`, "the beat", "EINVAL", "use 1 ms to 1 h");
    }
    set_u64(this.#knobs, CONTROL.period_ns, Math.round(period_ns));
    let code = this.#object.run(ESSENTIAL);
    // The timer's memory is asked for without waiting: that may fail once although there is enough.
    for (let again = 0; code === -ENOMEM && again < TIMER_ATTEMPTS; again++) code = this.#object.run(ESSENTIAL);
    if (code !== 0) throw new KernelError("start", "the beat timer", -code);
  }

  /** Waits for beats, up to `timeout_ms`. Returns how many came; the newest is in `beat`, all are kept for drain(). */
  poll(timeout_ms: number): number {
    this.#alive();
    const count = this.#ring.poll(timeout_ms);
    if (count > 0) this.#queue.latest(this.beat);
    return count;
  }

  /** Hands over every beat since the last drain, oldest first, in the reused `beat`; without a callback forgets them. */
  drain(on_beat?: (beat: BeatRecord) => void): void {
    this.#alive();
    while (this.#queue.shift(this.beat)) on_beat?.(this.beat);
  }

  /** Beats that were never seen: refused by the full ring buffer, or overwritten because nobody drained. */
  get lost_beats(): number {
    this.#alive();
    return u64_of(this.#knobs, CONTROL.lost_beats) + this.#queue.overwritten;
  }

  /** Cgroups at the latest pass whose CPU time and I/O are not counted, because the map of the counters is full. */
  get uncounted_cgroups(): number {
    this.#alive();
    return u64_of(this.#knobs, CONTROL.uncounted);
  }

  /** Rows of changed cgroups that found no room in their pass, ever: they came with the next one. */
  get late_rows(): number {
    this.#alive();
    return u64_of(this.#knobs, CONTROL.late_rows);
  }

  /** Counters of single threads that the kernel could not make, ever. */
  get lost_thread_counters(): number {
    this.#alive();
    return u64_of(this.#knobs, CONTROL.lost_tasks);
  }

  /** Walks over threads that ended at the bound of their buffer, ever: what came behind it was not looked at. */
  get cut_thread_walks(): number {
    return this.#thread_iterator?.cut ?? 0;
  }

  /**
   * Rows of the cgroups that changed since they were last emitted, or of all. Valid until the next call. On a node with more of them than
   * rows, empty ones have none, and full sweeps go through the others by turns.
   */
  cgroups(full: boolean): CgroupRows {
    this.#alive();
    if (this.#cgroup_iterator === null) throw absent("cgroup_rows");
    set_u64(this.#knobs, CONTROL.full_sweep, full ? 1 : 0);
    set_u64(this.#knobs, CONTROL.first_row, this.#first_row);
    set_u64(this.#knobs, CONTROL.pass, ++this.#pass);
    this.#cgroup_iterator.run();
    const rows = u64_of(this.#knobs, CONTROL.rows);
    const total = u64_of(this.#knobs, CONTROL.cgroups);
    this.#cgroup_rows.point_at(this.#row_map.buffer, rows);
    this.#cgroup_rows.total = total;
    if (full) this.#plan_sweep(total);
    return this.#cgroup_rows;
  }

  #plan_sweep(total: number): void {
    this.#first_row = u64_of(this.#knobs, CONTROL.cut_at);
    const all = total + u64_of(this.#knobs, CONTROL.empty);
    const most = this.#most_cgroups;
    if (total > most) set_u64(this.#knobs, CONTROL.populated_only, 1);
    else if (all <= most * (1 - PLACES_LEFT)) set_u64(this.#knobs, CONTROL.populated_only, 0);
  }

  /**
   * Rows of the threads in a cgroup and below it; 0: all user threads of the node. Valid until the next call. The futex wakes
   * of the watched one among them are counted from its first row on, for as long as it lives.
   * @param with_kernel threads of the kernel itself, too
   */
  threads(cgroup_id: number, watched_tid = 0, with_kernel = false): ThreadRows {
    this.#alive();
    const iterator = this.#thread_iterator;
    if (iterator === null) throw absent("thread_rows");
    set_u64(this.#knobs, CONTROL.thread_cgroup_id, cgroup_id);
    set_u64(this.#knobs, CONTROL.watched_tid, watched_tid);
    set_u64(this.#knobs, CONTROL.kernel_threads, with_kernel ? 1 : 0);
    const bytes = iterator.run();
    this.#thread_rows.point_at(iterator.buffer, Math.floor(bytes / this.#thread_rows.size_bytes));
    return this.#thread_rows;
  }

  /** Rows of the processes that began processes, threads or connections; the latest 4096 of them. Valid until the next call. */
  starters(): StarterRows {
    this.#alive();
    const iterator = this.#starter_iterator;
    if (iterator === null) throw absent("starter_rows");
    const bytes = iterator.run();
    this.#starter_rows.point_at(iterator.buffer, Math.floor(bytes / this.#starter_rows.size_bytes));
    return this.#starter_rows;
  }

  [Symbol.dispose](): void {
    if (this.#disposed) return;
    this.#disposed = true;
    this.#cgroup_rows.point_at(new ArrayBuffer(0), 0);
    this.#thread_rows.point_at(new ArrayBuffer(0), 0);
    this.#starter_rows.point_at(new ArrayBuffer(0), 0);
    this.#ring[Symbol.dispose]();
    this.#row_map[Symbol.dispose]();
    this.#control[Symbol.dispose]();
    this.#object[Symbol.dispose]();
  }

  #alive(): void {
    if (this.#disposed) throw new KernelError("use", "the senses", "EBADF", "they were disposed of");
  }
}

function attach(object: BpfObject, name: string, why: Map<string, string>): void {
  try {
    object.attach(name);
  } catch (error) {
    if (!(error instanceof KernelError)) throw error;
    why.set(name, said_of(error));
  }
}

function ready(
  object: BpfObject,
  name: string,
  link_info: Uint8Array | null,
  why: Map<string, string>,
): KernelIterator | null {
  if (why.has(name)) return null;
  try {
    return new KernelIterator(object.attach_iterator(name, link_info), name);
  } catch (error) {
    if (!(error instanceof KernelError)) throw error;
    why.set(name, said_of(error));
    return null;
  }
}

function said_of({ operation, subject, errno }: KernelError): string {
  return `${operation} ${subject}: ${errno}: ${why_bpf_refused(errno, "", bpf_host())}`;
}

function absent(name: string): KernelError {
  return new KernelError("run", `BPF iterator ${name}`, "ENOTSUP", "it is absent on this kernel; see `absences`");
}

function absences_of(why: ReadonlyMap<string, string>, cpus: number): Absence[] {
  const absences = [...why].map(([name, reason]) => ({
    what: CATALOG[name]?.what ?? name,
    why: reason,
    costs: CATALOG[name]?.costs ?? "",
  }));
  if (cpus > CPUS_LIMIT) {
    absences.push({ what: "all CPUs", why: `${cpus} CPUs, ${CPUS_LIMIT} are counted`, costs: "counters mix CPUs" });
  }
  return absences;
}
