import { BEAT } from "./generated/layout.ts";
import { u64_of } from "./memory.ts";

/** One `struct beat` (bpf/wire.h): cumulative counters of the whole node, summed over CPUs at `t_ns`. */
export interface BeatRecord {
  t_ns: number;
  sequence: number;
  period_ns: number;
  switches: number;
  idle_ns: number;
  forks: number;
  threads: number;
  execs: number;
  reclaim_stalls: number;
  oom_kills: number;
  block_completed: number;
  block_bytes: number;
  block_latency_ns: number;
  connects: number;
  retransmits: number;
  readonly syscalls: Float64Array;
}

const WORDS = BEAT.size / 8;

export function empty_beat(): BeatRecord {
  return {
    t_ns: 0,
    sequence: 0,
    period_ns: 0,
    switches: 0,
    idle_ns: 0,
    forks: 0,
    threads: 0,
    execs: 0,
    reclaim_stalls: 0,
    oom_kills: 0,
    block_completed: 0,
    block_bytes: 0,
    block_latency_ns: 0,
    connects: 0,
    retransmits: 0,
    syscalls: new Float64Array(BEAT.syscalls_length),
  };
}

/** Beats taken from the ring buffer and not yet handed over, oldest first. Full: the oldest is overwritten and counted. */
export class BeatQueue {
  readonly #words: Float64Array;
  readonly #capacity: number;
  #first = 0;
  #count = 0;
  overwritten = 0;

  constructor(capacity: number) {
    this.#capacity = capacity;
    this.#words = new Float64Array(capacity * WORDS);
  }

  get count(): number {
    return this.#count;
  }

  /** Copies one struct beat, at `offset` of kernel memory. */
  push(record: DataView, offset: number): void {
    if (this.#count === this.#capacity) {
      this.#first = (this.#first + 1) % this.#capacity;
      this.#count--;
      this.overwritten++;
    }
    const base = ((this.#first + this.#count) % this.#capacity) * WORDS;
    for (let word = 0; word < WORDS; word++) this.#words[base + word] = u64_of(record, offset + word * 8);
    this.#count++;
  }

  /** Decodes the newest into `into`; false when there is none. */
  latest(into: BeatRecord): boolean {
    if (this.#count === 0) return false;
    this.#decode((this.#first + this.#count - 1) % this.#capacity, into);
    return true;
  }

  /** Removes the oldest and decodes it into `into`; false when there is none. */
  shift(into: BeatRecord): boolean {
    if (this.#count === 0) return false;
    this.#decode(this.#first, into);
    this.#first = (this.#first + 1) % this.#capacity;
    this.#count--;
    return true;
  }

  #decode(index: number, into: BeatRecord): void {
    const base = index * WORDS;
    const words = this.#words;
    into.t_ns = words[base + BEAT.t_ns / 8]!;
    into.sequence = words[base + BEAT.sequence / 8]!;
    into.period_ns = words[base + BEAT.period_ns / 8]!;
    into.switches = words[base + BEAT.switches / 8]!;
    into.idle_ns = words[base + BEAT.idle_ns / 8]!;
    into.forks = words[base + BEAT.forks / 8]!;
    into.threads = words[base + BEAT.threads / 8]!;
    into.execs = words[base + BEAT.execs / 8]!;
    into.reclaim_stalls = words[base + BEAT.reclaim_stalls / 8]!;
    into.oom_kills = words[base + BEAT.oom_kills / 8]!;
    into.block_completed = words[base + BEAT.block_completed / 8]!;
    into.block_bytes = words[base + BEAT.block_bytes / 8]!;
    into.block_latency_ns = words[base + BEAT.block_latency_ns / 8]!;
    into.connects = words[base + BEAT.connects / 8]!;
    into.retransmits = words[base + BEAT.retransmits / 8]!;
    const syscalls = base + BEAT.syscalls / 8;
    for (let i = 0; i < BEAT.syscalls_length; i++) into.syscalls[i] = words[syscalls + i]!;
  }
}
