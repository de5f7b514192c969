import { readdirSync, readFileSync, statSync } from "node:fs";
import type { Maybe } from "../model/sample.ts";
import type { CgroupPort, CgroupRows, KeptFilePort, SensorPorts } from "./ports.ts";
import { bytes_of, KeyedLines, Scanner } from "./scan.ts";

/** Each followed cgroup holds three files open and costs some 4 µs a reading: more would not fit into a beat. */
export const MAX_FILE_CGROUPS = 256;
const READ_PERIOD_NS = 95e6;
/** Where there are more cgroups than places, so many a walk are asked whether something lives in them, and the answer holds for so long. */
const ASKED_AT_ONCE = 512;
const ANSWER_NS = 10e9;
const MAX_ANSWERS = 8192;
const MAX_DEPTH = 32;

const scanner = new Scanner();
const MAX = bytes_of("max\n");
const cpu_usage = new KeyedLines(["usage_usec"]);
const cpu_figure = new Float64Array(1);

interface Directory {
  readonly path: string;
  readonly name: string;
  readonly parent_id: number;
  readonly level: number;
}

interface Followed {
  readonly id: number;
  readonly parent_id: number;
  readonly level: number;
  readonly name: string;
  readonly current: KeptFilePort | null;
  readonly max: KeptFilePort | null;
  readonly cpu: KeptFilePort | null;
  t_ns: number;
  memory_bytes: Maybe<number>;
  memory_max: Maybe<number>;
  cpu_ns: Maybe<number>;
}

/** memory.current or memory.max: bytes, or null for "max" and for what cannot be read. */
export function parse_limit(bytes: Uint8Array): Maybe<number> {
  if (scanner.start(bytes).accept(MAX)) return null;
  const value = scanner.number();
  return Number.isFinite(value) ? value : null;
}

/**
 * Cgroup rows from files, where the kernel has no cgroup iterator. The tree is walked again at every full sweep; the
 * figures are read at most every 100 ms. Without the probes there is no I/O and no exec time per cgroup; cpu_ns is the
 * cgroup's own accounting, which includes its children.
 */
export class CgroupFiles implements CgroupPort {
  /** Cgroups left out for lack of room at the latest walk; what lies in them is not counted. */
  ignored = 0;
  readonly #ports: Pick<SensorPorts, "open" | "monotonic_ns">;
  readonly #mount: string;
  #followed = new Map<number, Followed>();
  #crowded = false;
  readonly #populated = new Map<number, { readonly populated: boolean; readonly until_ns: number }>();
  #read_ns = Number.NEGATIVE_INFINITY;

  constructor(ports: Pick<SensorPorts, "open" | "monotonic_ns">, mount: string) {
    this.#ports = ports;
    this.#mount = mount;
  }

  cgroups(full: boolean): CgroupRows {
    const now_ns = this.#ports.monotonic_ns();
    if (full) this.#walk(now_ns);
    else if (now_ns - this.#read_ns < READ_PERIOD_NS) return new FileRows([], 0);
    this.#read_ns = now_ns;
    const rows = [...this.#followed.values()];
    for (const followed of rows) this.#read(followed, now_ns);
    return new FileRows(rows, this.ignored);
  }

  /** Parents before children: the memory of what finds no place is part of the figures of what lies above it. */
  #walk(now_ns: number): void {
    const found = new Map<number, Followed>();
    let empty = 0;
    let questions = ASKED_AT_ONCE;
    this.ignored = 0;
    const queue: Directory[] = [{ path: this.#mount, name: "", parent_id: 0, level: 0 }];
    for (let at = 0; at < queue.length; at++) {
      const { path, name, parent_id, level } = queue[at]!;
      const id = inode(path);
      if (id === null) continue;
      if (this.#crowded && level > 0) {
        const known = this.#populated.get(id);
        const answered = known !== undefined && known.until_ns > now_ns;
        if (!answered && questions-- > 0) this.#ask(path, id, now_ns);
        if (this.#populated.get(id)?.populated === false) {
          empty++;
          continue;
        }
      }
      if (found.size >= MAX_FILE_CGROUPS || level > MAX_DEPTH) {
        this.ignored++;
        continue;
      }
      found.set(id, this.#followed.get(id) ?? this.#follow(path, id, parent_id, level, name));
      for (const child of directories(path))
        queue.push({ path: `${path}/${child}`, name: child, parent_id: id, level: level + 1 });
    }
    // Once there are too many, empty ones stay left out until all of them would fit again.
    if (this.ignored > 0) this.#crowded = true;
    else if (found.size + empty <= MAX_FILE_CGROUPS) this.#crowded = false;
    if (!this.#crowded) this.#populated.clear();
    this.#replace(found);
  }

  #ask(path: string, id: number, now_ns: number): void {
    if (this.#populated.size >= MAX_ANSWERS) this.#populated.clear();
    this.#populated.set(id, { populated: is_populated(path), until_ns: now_ns + ANSWER_NS });
  }

  #replace(found: Map<number, Followed>): void {
    for (const [id, { current, max, cpu }] of this.#followed) {
      if (found.has(id)) continue;
      for (const file of [current, max, cpu]) file?.[Symbol.dispose]?.();
    }
    this.#followed = found;
  }

  #follow(path: string, id: number, parent_id: number, level: number, name: string): Followed {
    const [current, max, cpu] = ["memory.current", "memory.max", "cpu.stat"].map((file) =>
      this.#ports.open(`${path}/${file}`),
    );
    const files = { current: current ?? null, max: max ?? null, cpu: cpu ?? null };
    return { id, parent_id, level, name, ...files, t_ns: 0, memory_bytes: null, memory_max: null, cpu_ns: null };
  }

  #read(followed: Followed, now_ns: number): void {
    followed.t_ns = now_ns;
    try {
      followed.memory_bytes = followed.current === null ? null : parse_limit(followed.current.read());
      followed.memory_max = followed.max === null ? null : parse_limit(followed.max.read());
      const known = followed.cpu !== null && cpu_usage.read(followed.cpu.read(), cpu_figure);
      followed.cpu_ns = known ? cpu_figure[0]! * 1000 : null;
    } catch {
      // Removed since the walk: the next full sweep reports it gone, until then its last figures stand.
    }
  }
}

class FileRows implements CgroupRows {
  readonly #rows: readonly Followed[];
  readonly total: number;

  constructor(rows: readonly Followed[], left_out: number) {
    this.#rows = rows;
    this.total = rows.length + left_out;
  }

  get count(): number {
    return this.#rows.length;
  }

  t_ns = (row: number): number => this.#rows[row]!.t_ns;
  id = (row: number): number => this.#rows[row]!.id;
  parent_id = (row: number): number => this.#rows[row]!.parent_id;
  level = (row: number): number => this.#rows[row]!.level;
  name = (row: number): string => this.#rows[row]!.name;
  memory_bytes = (row: number): Maybe<number> => this.#rows[row]!.memory_bytes;
  memory_max = (row: number): Maybe<number> => this.#rows[row]!.memory_max;
  cpu_ns = (row: number): Maybe<number> => this.#rows[row]!.cpu_ns;
  io_bytes = (): Maybe<number> => null;
  exec_ns = (): number => 0;
}

/** The whole name of a directory of which only the beginning is known; the beginning when it cannot be found. */
export function full_name(parent_path: string, beginning: string, id: number): string {
  const whole = directories(parent_path).find(
    (name) => name.startsWith(beginning) && inode(`${parent_path}/${name}`) === id,
  );
  return whole ?? beginning;
}

/** What cannot be read is taken to be inhabited. */
function is_populated(path: string): boolean {
  try {
    return !readFileSync(`${path}/cgroup.events`, "latin1").includes("populated 0");
  } catch {
    // Removed while it is looked at, or an older kernel: it keeps its claim.
    return true;
  }
}

function directories(path: string): string[] {
  try {
    return readdirSync(path, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map((entry) => entry.name);
  } catch {
    // A cgroup may vanish while it is looked at.
    return [];
  }
}

function inode(path: string): Maybe<number> {
  try {
    return statSync(path).ino;
  } catch {
    return null;
  }
}
