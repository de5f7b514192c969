import { readFileSync, statfsSync } from "node:fs";
import type { Maybe } from "../model/sample.ts";
import type { GrowthBounds } from "../model/search.ts";
import { kin_of } from "./peers.ts";
import type { ThreadFigures } from "./thread_table.ts";

/** Pages shared with a fork are counted by a walk over the page table: some 4 ms for so much. Of more, only what the forks hold is known. */
const WALKED_BYTES = 1024 ** 3;
const LOOKED_EVERY_NS = 1e9;
/** Sharing less than this, with as many forks as before, it is not walked over again. */
const WORTH_WALKING_BYTES = 4 * 1024 ** 2;
const MAX_MOUNTS = 32;
const MAX_PROCESSES = 16;

/** What is read of the host. */
export interface BoundsPorts {
  readonly proc: string;
  /** Free bytes of the file system at a path; null where it cannot be told. */
  free_bytes(path: string): Maybe<number>;
}

export const BOUNDS_PORTS: BoundsPorts = {
  proc: "/proc",
  free_bytes(path) {
    try {
      const { bavail, bsize } = statfsSync(path);
      return Number(bavail) * Number(bsize);
    } catch {
      return null;
    }
  },
};

/** What /proc/PID/status tells of private memory, bytes. */
interface PrivateMemory {
  readonly mapped: number;
  readonly touched: number;
}

/** Follows what bounds the growth of one process while a containment is considered, or in force. */
export class BoundsWatch {
  readonly pid: number;
  readonly #ports: BoundsPorts;
  readonly #first: Maybe<PrivateMemory>;
  readonly #began_ns: number;
  #tmpfs: Maybe<ReadonlyMap<string, number>> = null;
  #latest: Maybe<GrowthBounds> = null;
  /** Most that it shared since it was first looked at. */
  #most_shared: Maybe<number> = null;
  #looked_ns: number;

  constructor(pid: number, now_ns: number, ports: BoundsPorts = BOUNDS_PORTS) {
    this.pid = pid;
    this.#ports = ports;
    this.#began_ns = now_ns;
    this.#looked_ns = Number.NEGATIVE_INFINITY;
    this.#first = this.#private_memory(pid);
  }

  /**
   * At most once a second a new look, else the latest.
   * @param threads all of its cgroup, asked for only then. @param fills memory that is shared grows: file systems in memory are looked at
   */
  look(threads: () => Iterable<ThreadFigures>, now_ns: number, fills = false): Maybe<GrowthBounds> {
    if (now_ns - this.#looked_ns < LOOKED_EVERY_NS) return this.#latest;
    const memory = this.#private_memory(this.pid);
    if (memory === null) return null;
    this.#looked_ns = now_ns;
    const { forks, kin } = related(this.pid, threads());
    const walked = memory.touched <= WALKED_BYTES;
    const shared_bytes = this.#shared_bytes(memory, forks, kin);
    this.#most_shared = shared_bytes === null ? null : Math.max(shared_bytes, this.#most_shared ?? 0);
    this.#latest = {
      pid: this.pid,
      shared_bytes,
      copied_bytes: this.#most_shared === null || !walked ? null : this.#most_shared - (shared_bytes ?? 0),
      forks: forks.length,
      untouched_bytes: Math.max(0, memory.mapped - memory.touched),
      looked_s: (now_ns - this.#began_ns) / 1e9,
      mapped_bytes: memory.mapped - (this.#first?.mapped ?? memory.mapped),
      touched_bytes: memory.touched - (this.#first?.touched ?? memory.touched),
      tmpfs_free_bytes: fills ? this.#filling_tmpfs_bytes() : null,
    };
    return this.#latest;
  }

  #private_memory(pid: number): Maybe<PrivateMemory> {
    const status = this.#text(`${pid}/status`);
    const mapped = kib(status, "VmData");
    const resident = kib(status, "RssAnon");
    if (mapped === null || resident === null) return null;
    return { mapped: mapped + (kib(status, "VmStk") ?? 0), touched: resident + (kib(status, "VmSwap") ?? 0) };
  }

  /** Each shared page is copied at most once, whichever process writes to it. */
  #shared_bytes({ touched }: PrivateMemory, forks: readonly number[], kin: number): Maybe<number> {
    if (kin === 0) return null;
    const before = this.#latest;
    const nothing_new = before?.shared_bytes !== null && before?.forks === forks.length;
    if (nothing_new && (before?.shared_bytes ?? 0) < WORTH_WALKING_BYTES) return before?.shared_bytes ?? null;
    if (touched > WALKED_BYTES) {
      const held = forks.slice(0, MAX_PROCESSES).map((pid) => this.#private_memory(pid)?.touched ?? 0);
      return forks.length === 0 ? null : held.reduce((sum, bytes) => sum + bytes, 0);
    }
    const rollup = this.#text(`${this.pid}/smaps_rollup`);
    const anonymous = kib(rollup, "Anonymous");
    const proportional = kib(rollup, "Pss_Anon");
    if (anonymous === null || proportional === null) return null;
    // Of a page that n processes share, 1/n counts as proportional.
    return (Math.max(0, anonymous - proportional) * (kin + 1)) / kin;
  }

  #free_tmpfs(): ReadonlyMap<string, number> {
    const free = new Map<string, number>();
    for (const line of this.#text(`${this.pid}/mountinfo`).split("\n")) {
      const [mount, file_system = ""] = line.split(" - ");
      if (!file_system.startsWith("tmpfs ") || free.size >= MAX_MOUNTS) continue;
      const path = `${this.#ports.proc}/${this.pid}/root${unescaped(mount?.split(" ")[4] ?? "")}`;
      const bytes = this.#ports.free_bytes(path);
      if (bytes !== null) free.set(path, bytes);
    }
    return free;
  }

  #filling_tmpfs_bytes(): Maybe<number> {
    this.#tmpfs ??= this.#free_tmpfs();
    let sum: Maybe<number> = null;
    for (const [path, before] of this.#tmpfs) {
      const now = this.#ports.free_bytes(path);
      if (now !== null && now < before) sum = (sum ?? 0) + now;
    }
    return sum;
  }

  #text(name: string): string {
    try {
      return readFileSync(`${this.#ports.proc}/${name}`, "latin1");
    } catch {
      return "";
    }
  }
}

/** Processes that may share pages with it: its forks, what it was forked from, and whatever runs under its name beside it. */
function related(
  pid: number,
  threads: Iterable<ThreadFigures>,
): { readonly forks: readonly number[]; readonly kin: number } {
  const all = [...threads];
  const processes = kin_of(all);
  const self = processes.get(pid);
  const forks: number[] = [];
  let kin = 0;
  const first = all.filter(({ tid, pid: process }) => tid === process);
  for (const one of first) {
    if (one.pid === pid) continue;
    const is_fork = one.parent_pid === pid && one.forked;
    if (is_fork) forks.push(one.pid);
    if (is_fork || one.comm === self?.comm) kin += 1;
  }
  const was_forked = first.some((one) => one.pid === pid && one.forked);
  return { forks, kin: kin === 0 && was_forked ? 1 : kin };
}

/** A line `Name:   123 kB`, in bytes; null where there is none. */
function kib(text: string, name: string): Maybe<number> {
  const found = new RegExp(`^${name}:\\s+(\\d+) kB$`, "m").exec(text)?.[1];
  return found === undefined ? null : Number(found) * 1024;
}

/** Blanks in mountinfo are written as \040. */
function unescaped(path: string): string {
  return path.replaceAll(/\\(\d{3})/g, (_, code: string) => String.fromCharCode(Number.parseInt(code, 8)));
}
