import { statSync } from "node:fs";
import { CGROUPS_LIMIT } from "../ffi/senses.ts";
import type { CgroupSample, Maybe } from "../model/sample.ts";
import { full_name } from "./cgroup_files.ts";
import type { CgroupRows, SensorPorts } from "./ports.ts";

export const MAX_CGROUPS = CGROUPS_LIMIT;
const SWEEP_PERIOD_NS = 1e9;
/** A pass costs a few system calls: at 100 Hz every second beat makes one (20 ms less jitter). */
const SPACING_NS = 15e6;
const UNCHANGED: readonly CgroupSample[] = [];
const NOTHING_EXCLUDED: readonly string[] = [];
/** Not counted as a loss: of a deeper tree the cgroups above have the same memory in their figures. */
const MAX_DEPTH = 64;
/** A name as long as its field in `struct cgroup_row` may have been cut. */
const CUT_NAME_LENGTH = 95;

/** What is known of one cgroup between beats. */
interface Known {
  readonly id: number;
  readonly parent_id: number;
  readonly name: string;
  root: boolean;
  path: string;
  populated: boolean;
  /** When a row of it last said something new; -Infinity: never since it was met. */
  changed_ns: number;
  /** CLOCK_MONOTONIC before which the cgroup certainly existed. */
  born_ns: number;
  sweep: number;
  t_ns: number;
  memory_bytes: Maybe<number>;
  memory_max: Maybe<number>;
  cpu_ns: Maybe<number>;
  io_bytes: Maybe<number>;
  exec_ns: number;
}

/** On a node with more cgroups than rows: sweeps that leave one out before it is taken for gone. */
const MISSING_SWEEPS = 10;
/** One in which nothing has changed for so long gives its place to one that grows. */
const IDLE_NS = 10e9;
/** Child cgroups in which the motor holds single threads. */
const HOLD_CHILD = "/hosa-hold.";

export interface CgroupTrackerOptions {
  /** cgroup v2 mount, to date cgroups older than the agent; null when unknown. */
  readonly mount: Maybe<string>;
  /** Cgroups (with everything below them) that are followed but never reported: the agent's own, that of a demonstration. */
  readonly excluded_paths?: readonly string[];
}

/**
 * How much a cgroup has a claim to a place where there are too few: something lives in it, it has a limit or it moves. One that has gone
 * on without a change for a while has given up the second.
 */
function worth(populated: boolean, limited: boolean, moves: boolean): number {
  return (populated ? 2 : 0) + (limited || moves ? 1 : 0);
}

/**
 * Follows every cgroup of the node by its id. Between full sweeps (one a second) only changed rows come in; a sweep finds
 * the ids that are gone. Bounded: of more than MAX_CGROUPS those that are populated, limited or growing are followed first, and
 * `ignored` says how many are not.
 *
 * Age: a cgroup that appears while the agent runs is dated by its first row. One found at start is dated by the change
 * time of its directory, which kernfs sets when it creates the inode or later, so the true age is never less.
 */
export class CgroupTracker {
  /** Cgroups gone at the latest beat, by id. */
  readonly gone: number[] = [];
  /** The beat of the latest pass, CLOCK_MONOTONIC. */
  observed_ns = Number.NEGATIVE_INFINITY;
  /** Cgroups of the node that are not followed for lack of room, as of the latest full sweep. */
  ignored = 0;
  readonly #ports: SensorPorts;
  readonly #options: CgroupTrackerOptions;
  readonly #known = new Map<number, Known>();
  readonly #changed: Known[] = [];
  #next_sweep_ns = 0;
  #sweep = 0;
  #refused = 0;
  /** Some cgroup was left out before: one that is met now may be as old as any. */
  #crowded = false;
  /** Whose place may be taken, last first; found when one is needed, once for each full sweep. */
  #idle: Known[] | null = null;

  constructor(ports: SensorPorts, options: CgroupTrackerOptions) {
    this.#ports = ports;
    this.#options = options;
  }

  /** Take the rows when due; returns the cgroups that changed since they were last taken, at `observed_ns`. */
  observe(t_ns: number): readonly CgroupSample[] {
    if (t_ns - this.observed_ns < SPACING_NS && t_ns >= this.observed_ns) {
      if (this.gone.length > 0) this.gone.length = 0;
      return UNCHANGED;
    }
    this.observed_ns = t_ns;
    const full = t_ns >= this.#next_sweep_ns;
    if (full) {
      this.#next_sweep_ns = t_ns + SWEEP_PERIOD_NS;
      this.#sweep++;
      this.#refused = 0;
      this.#idle = null;
    }
    const rows = this.#ports.cgroups.cgroups(full);
    this.#changed.length = 0;
    for (let row = 0; row < rows.count; row++) this.#take(rows, row, full);
    if (this.#sweep === 1 && full) this.#find_root();
    this.gone.length = 0;
    if (full) this.#end_sweep(rows);
    return this.#report();
  }

  /** Path below the mount; null when the id is not known. */
  path_of(id: number): Maybe<string> {
    return this.#known.get(id)?.path ?? null;
  }

  /** What the cgroup has used so far, as it was last seen; null when the id is not known. */
  whole_of(id: number): Maybe<Pick<CgroupSample, "t_ns" | "memory_bytes" | "cpu_ns" | "io_bytes">> {
    const known = this.#known.get(id);
    if (known === undefined) return null;
    const { memory_bytes, cpu_ns, io_bytes } = known;
    return { t_ns: this.observed_ns, memory_bytes, cpu_ns, io_bytes };
  }

  /** The tightest memory limit in force for the cgroup; null when unlimited or not known. */
  limit_bytes(id: number): Maybe<number> {
    const known = this.#known.get(id);
    const owner = known === undefined ? null : this.#tightest(known);
    return owner === null ? null : owner.memory_max;
  }

  #end_sweep(rows: CgroupRows): void {
    const total = rows.total ?? rows.count;
    // Where there are more cgroups than rows, one that was not told of once need not be gone.
    const whole = total === rows.count && rows.count < MAX_CGROUPS;
    this.#bury(whole ? 0 : MISSING_SWEEPS);
    this.ignored = rows.total === undefined ? this.#refused : Math.max(0, total - this.#known.size);
  }

  #take(rows: CgroupRows, row: number, full: boolean): void {
    const id = rows.id(row);
    let known = this.#known.get(id);
    const first = known === undefined;
    if (known === undefined) {
      if (this.#known.size >= MAX_CGROUPS && !this.#make_room(rows, row, full)) {
        this.#refused++;
        return;
      }
      known = this.#meet(rows, row, id, full);
    }
    known.sweep = this.#sweep;
    known.populated = rows.populated?.(row) ?? true;
    const memory_bytes = rows.memory_bytes(row);
    const memory_max = rows.memory_max(row);
    const cpu_ns = rows.cpu_ns(row);
    const io_bytes = rows.io_bytes(row);
    const exec_ns = rows.exec_ns(row);
    const same =
      memory_bytes === known.memory_bytes &&
      memory_max === known.memory_max &&
      cpu_ns === known.cpu_ns &&
      io_bytes === known.io_bytes &&
      exec_ns === known.exec_ns;
    known.t_ns = rows.t_ns(row);
    // A path still open is tried again at every row, so that the cgroup is reported once its parent is known.
    if (same && !first && known.path !== "") return;
    if (!first) known.changed_ns = known.t_ns;
    known.memory_bytes = memory_bytes;
    known.memory_max = memory_max;
    known.cpu_ns = cpu_ns;
    known.io_bytes = io_bytes;
    known.exec_ns = exec_ns;
    this.#changed.push(known);
  }

  #meet(rows: CgroupRows, row: number, id: number, full: boolean): Known {
    const t_ns = rows.t_ns(row);
    const root = rows.level(row) === 0;
    const known: Known = {
      id,
      parent_id: rows.parent_id(row),
      name: rows.name(row),
      root,
      path: root ? "/" : "",
      populated: true,
      // A full sweep brings what stands still as well.
      changed_ns: full ? Number.NEGATIVE_INFINITY : t_ns,
      born_ns: t_ns,
      sweep: this.#sweep,
      t_ns,
      memory_bytes: null,
      memory_max: null,
      cpu_ns: null,
      io_bytes: null,
      exec_ns: 0,
    };
    this.#known.set(id, known);
    return known;
  }

  /** Lets go of the cgroup that has the least claim to its place, if that is less than the claim of the one in the row. */
  #make_room(rows: CgroupRows, row: number, full: boolean): boolean {
    this.#crowded = true;
    this.#idle ??= this.#find_idle();
    // Between full sweeps rows come of what has changed.
    const claim = worth(rows.populated?.(row) ?? true, rows.memory_max(row) !== null, !full);
    for (let least = this.#idle.at(-1); least !== undefined; least = this.#idle.at(-1)) {
      const taken_up_again = least.populated && rows.t_ns(row) - least.changed_ns < IDLE_NS;
      const standing = worth(least.populated, least.memory_max !== null, false);
      if (!taken_up_again && (full ? standing >= claim : standing > claim)) return false;
      this.#idle.pop();
      if (taken_up_again) continue;
      this.#known.delete(least.id);
      return true;
    }
    return false;
  }

  /** Empty cgroups and those without a change for a while, the least worth and longest idle last. Who has children keeps its place: they are named after it. */
  #find_idle(): Known[] {
    const parents = new Set<number>();
    for (const known of this.#known.values()) parents.add(known.parent_id);
    const idle: Known[] = [];
    for (const known of this.#known.values()) {
      const still = !known.populated || this.observed_ns - known.changed_ns >= IDLE_NS;
      if (still && !known.root && !parents.has(known.id)) idle.push(known);
    }
    const standing = (known: Known) => worth(known.populated, known.memory_max !== null, false);
    return idle.sort((a, b) => standing(b) - standing(a) || b.changed_ns - a.changed_ns);
  }

  /** In a cgroup namespace the tree that is seen begins at the namespace's own root, whose level is not 0. */
  #find_root(): void {
    let top: Known | null = null;
    for (const known of this.#known.values()) {
      if (known.root) return;
      if (top === null && !this.#known.has(known.parent_id)) top = known;
    }
    if (top === null) return;
    top.root = true;
    top.path = "/";
  }

  #bury(patience: number): void {
    for (const [id, known] of this.#known) {
      if (known.sweep >= this.#sweep - patience) continue;
      this.#known.delete(id);
      this.gone.push(id);
    }
  }

  #report(): readonly CgroupSample[] {
    const samples: CgroupSample[] = [];
    for (const known of this.#changed) {
      if (known.path === "") this.#name(known);
      // A parent not seen yet leaves the path open until the next sweep brings it.
      if (known.path === "" || this.#excluded(known.path)) continue;
      samples.push(this.#sample(known));
    }
    return samples;
  }

  #name(known: Known): void {
    known.path = this.#assemble(known, 0);
    if (known.path !== "" && (this.#sweep === 1 || this.#crowded)) known.born_ns = this.#directory_born_ns(known);
  }

  #assemble(known: Known, depth: number): string {
    if (known.path !== "" || depth >= MAX_DEPTH) return known.path;
    const parent = this.#known.get(known.parent_id);
    if (parent === undefined) return "";
    const above = this.#assemble(parent, depth + 1);
    if (above === "") return "";
    const below = above === "/" ? "/" : `${above}/`;
    const cut = known.name.length >= CUT_NAME_LENGTH && this.#options.mount !== null;
    return `${below}${cut ? full_name(`${this.#options.mount}${below}`, known.name, known.id) : known.name}`;
  }

  #directory_born_ns(known: Known): number {
    if (this.#options.mount === null) return known.t_ns;
    try {
      const changed_ms = statSync(`${this.#options.mount}${known.path}`).ctimeMs;
      // A wall clock that was set since would make it older than the boot.
      return Math.max(0, known.t_ns - Math.max(0, this.#ports.realtime_ms() - changed_ms) * 1e6);
    } catch {
      // It went away between the row and the look: its age is then that of its row.
      return known.t_ns;
    }
  }

  #excluded(path: string): boolean {
    // A held thread still belongs to its service, whose row already carries its memory.
    if (path.includes(HOLD_CHILD)) return true;
    for (const excluded of this.#options.excluded_paths ?? NOTHING_EXCLUDED) {
      if (path === excluded || path.startsWith(`${excluded}/`)) return true;
    }
    return false;
  }

  /** Of the cgroup and its ancestors, the limited one with the least room left. */
  #tightest(known: Known): Known | null {
    let tightest: Known | null = null;
    let least = Number.POSITIVE_INFINITY;
    let at: Known | undefined = known;
    for (let depth = 0; at !== undefined && depth < MAX_DEPTH; depth++) {
      if (at.memory_max !== null && at.memory_bytes !== null) {
        const headroom = at.memory_max - at.memory_bytes;
        if (headroom < least) {
          least = headroom;
          tightest = at;
        }
      }
      at = at.root ? undefined : this.#known.get(at.parent_id);
    }
    return tightest;
  }

  #sample(known: Known): CgroupSample {
    const owner = this.#tightest(known);
    return {
      id: known.id,
      parent_id: known.parent_id,
      path: known.path,
      t_ns: known.t_ns,
      memory_bytes: known.memory_bytes,
      memory_limit_bytes: owner === null ? null : owner.memory_max,
      memory_headroom_bytes: owner === null ? null : Math.max(0, owner.memory_max! - owner.memory_bytes!),
      cpu_ns: known.cpu_ns,
      io_bytes: known.io_bytes,
      age_s: (known.t_ns - known.born_ns) / 1e9,
      exec_age_s: known.exec_ns === 0 ? null : Math.max(0, known.t_ns - known.exec_ns) / 1e9,
    };
  }
}
