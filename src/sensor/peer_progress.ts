import type { Maybe } from "../model/sample.ts";
import type { PeerScope, Progress } from "../model/search.ts";
import type { Writable } from "../model/writable.ts";
import { is_sibling, type Kin } from "./peers.ts";
import type { ThreadPort, ThreadRows } from "./ports.ts";
import { answers_between, type Doings, ProgressSum } from "./progress.ts";
import { counts_answers } from "./thread_table.ts";

const MAX_THREADS = 8192;
/** Progress is taken over one to two of these, or since the hold last changed. */
const HALF_S = 0.5;

/** The thread that is left out, and where it lives. */
export interface HeldThread {
  readonly cgroup_id: number;
  readonly pid: Maybe<number>;
  readonly tid: Maybe<number>;
}

/** What one reading found. */
export interface PeerReading {
  /** Null before the second reading of a window. */
  readonly progress: Maybe<Progress>;
  readonly window_s: number;
  /** How often the held thread has woken others since the first reading; null where that is not counted. */
  readonly wakes: Maybe<number>;
  /** Living processes that were forked from the held one and run its program on. */
  readonly forks: number;
}

interface Sums {
  waits: number;
  cpu_ns: number;
  answers: number;
}

const nothing = (): Sums => ({ waits: 0, cpu_ns: 0, answers: 0 });

/** What is known of one peer: its latest figures, and what it did in the half window before and in this one. */
interface Peer {
  start_ns: number;
  readonly latest: Writable<Doings>;
  seen: number;
  before: Sums;
  now: Sums;
}

/**
 * How the peers of a held thread get on. Threads that come count from their first sight on, threads that go keep what they added, so churn is never
 * taken for a standstill.
 */
export class PeerProgress {
  readonly #port: ThreadPort;
  readonly #held: HeldThread;
  readonly #scope: PeerScope;
  readonly #peers = new Map<number, Peer>();
  readonly #siblings = new Set<number>();
  /** Of the row that is looked at: a node may have thousands of threads. */
  readonly #latest: Writable<Doings> = { waits: 0, cpu_ns: 0, writes: 0, written_bytes: 0, sends: 0 };
  #reading = 0;
  #read_ns: Maybe<number> = null;
  /** Length of the half window before, and of this one so far. */
  #before_s = 0;
  #now_s = 0;
  #wakes: Maybe<number> = null;
  #wakes_at_first: Maybe<number> = null;
  #forks = 0;

  constructor(port: ThreadPort, held: HeldThread, scope: PeerScope) {
    this.#port = port;
    this.#held = held;
    this.#scope = scope;
  }

  /** @param afresh the hold changed since: what was done before says nothing of it */
  read(now_ns: number, afresh: boolean): PeerReading {
    const rows = this.#port.threads(this.#held.cgroup_id, this.#held.tid ?? 0);
    const begins = afresh || this.#read_ns === null;
    this.#now_s = begins ? 0 : this.#now_s + (now_ns - this.#read_ns!) / 1e9;
    this.#read_ns = now_ns;
    this.#reading += 1;
    if (this.#scope === "pool") this.#find_siblings(rows);
    this.#forks = 0;
    for (let row = 0; row < Math.min(rows.count, MAX_THREADS); row++) this.#take(rows, row);
    for (const [tid, peer] of this.#peers) if (this.#is_forgotten(peer)) this.#peers.delete(tid);
    if (begins) this.#begin();
    const window_s = this.#before_s + this.#now_s;
    const progress = window_s > 0 ? this.#sum(window_s, counts_answers(rows)) : null;
    if (this.#now_s >= HALF_S) this.#roll();
    const wakes = this.#wakes === null ? null : this.#wakes - (this.#wakes_at_first ?? 0);
    return { progress, window_s, wakes, forks: this.#forks };
  }

  /** What was done up to this reading was done before the window. */
  #begin(): void {
    this.#before_s = 0;
    for (const peer of this.#peers.values()) [peer.before, peer.now] = [nothing(), nothing()];
  }

  #find_siblings(rows: ThreadRows): void {
    this.#siblings.clear();
    const kin = (row: number): Kin => ({
      pid: rows.pid(row),
      parent_pid: rows.parent_pid?.(row) ?? null,
      comm: rows.comm(row),
    });
    let self: Maybe<Kin> = null;
    for (let row = 0; row < rows.count && self === null; row++) if (rows.tid(row) === this.#held.pid) self = kin(row);
    if (self === null) return;
    for (let row = 0; row < rows.count; row++) {
      if (rows.tid(row) !== rows.pid(row)) continue;
      const other = kin(row);
      if (is_sibling(self, other)) this.#siblings.add(other.pid);
    }
  }

  #is_peer(pid: number): boolean {
    if (this.#held.pid === null) return true;
    return this.#scope === "pool" ? this.#siblings.has(pid) : pid === this.#held.pid;
  }

  #take(rows: ThreadRows, row: number): void {
    const tid = rows.tid(row);
    const pid = rows.pid(row);
    if (tid === pid && rows.parent_pid?.(row) === this.#held.pid && rows.forked?.(row) === true) this.#forks += 1;
    if (tid === this.#held.tid) {
      this.#wakes = rows.wakes(row);
      this.#wakes_at_first ??= this.#wakes;
      return;
    }
    if (!this.#is_peer(pid)) return;
    const latest = this.#latest;
    latest.waits = rows.waits(row);
    latest.cpu_ns = rows.cpu_ns(row);
    latest.writes = rows.writes?.(row) ?? 0;
    latest.written_bytes = rows.written_bytes?.(row) ?? 0;
    latest.sends = rows.sends?.(row) ?? 0;
    const start_ns = rows.start_ns(row);
    const known = this.#peers.get(tid);
    if (known === undefined) {
      const first = { ...latest };
      this.#peers.set(tid, { start_ns, latest: first, seen: this.#reading, before: nothing(), now: nothing() });
      return;
    }
    if (known.start_ns !== start_ns) {
      // The tid is another thread's now; what was added before stays.
      known.start_ns = start_ns;
      Object.assign(known.latest, latest);
    }
    known.now.waits += Math.max(0, latest.waits - known.latest.waits);
    known.now.cpu_ns += Math.max(0, latest.cpu_ns - known.latest.cpu_ns);
    known.now.answers += answers_between(known.latest, latest);
    Object.assign(known.latest, latest);
    known.seen = this.#reading;
  }

  /** Gone, and what it did lies before the window. */
  #is_forgotten({ seen, before, now }: Peer): boolean {
    const idle = (one: Sums) => one.waits === 0 && one.cpu_ns === 0 && one.answers === 0;
    return seen !== this.#reading && idle(before) && idle(now);
  }

  #sum(window_s: number, answers_counted: boolean): Progress {
    const sum = new ProgressSum();
    for (const { before, now } of this.#peers.values()) {
      const answers = answers_counted ? (before.answers + now.answers) / window_s : null;
      sum.add((before.waits + now.waits) / window_s, (before.cpu_ns + now.cpu_ns) / 1e9 / window_s, answers);
    }
    return sum.progress;
  }

  #roll(): void {
    this.#before_s = this.#now_s;
    this.#now_s = 0;
    for (const peer of this.#peers.values()) [peer.before, peer.now] = [peer.now, nothing()];
  }
}
