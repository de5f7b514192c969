import {
  type Carrier,
  KERNEL_PARTS,
  type ResourceAttribution,
  type TaskFigures,
  type TaskReading,
  type TaskWindow,
} from "../model/attribution.ts";
import type { Maybe } from "../model/sample.ts";
import { gather, moved, moved_since, type Part, rate_of, window_s } from "./process.ts";
import { described, ranked } from "./rank.ts";

/** A gain since the onset counts as if it had come within so long: a growth that pauses keeps its name. */
const GAIN_COUNTS_FOR_S = 5;
/** A process that writes as much as files in memory grow by, within this factor, is taken to write them. */
const WRITES_THEM = [0.7, 1.5] as const;
/** Smaller changes of memory are noise of the counters, which sum over CPUs only now and then. */
const SMALLEST_BYTES = 1048576;

interface Held {
  readonly task: TaskFigures;
  readonly own: number;
  readonly shared: number;
}

/** What takes memory, by what processes hold and not by page faults: memory that is taken and given back at once is no growth. */
export function attribute_memory(window: TaskWindow): ResourceAttribution & { readonly released: Maybe<Carrier> } {
  const over_s = window_s(window);
  const { before, after, onset } = window;
  const now = held_by(after);
  const then = held_by(before);
  const first = held_by(onset);
  const shared = shared_growth(window, now, then);
  // The thread that took what the process holds more than at the onset: a growth that pauses faults no more.
  const faults = gather(window, (task) => {
    const faulted = ({ fault_bytes }: TaskFigures) => fault_bytes;
    const taken = moved_since(onset, task, faulted) ?? moved(window, task, faulted);
    return { rate: taken, change: taken };
  });
  const parts: Part[] = [];
  for (const [pid, { task, own, shared: mapped }] of now) {
    const earlier = known(then, task, before);
    const at_onset = known(first, task, onset);
    if (earlier === null) continue;
    const moved_shared =
      shared.scale * Math.max(0, mapped - earlier.shared) + (shared.writer === pid ? shared.left : 0);
    const moved_per_s = (own - earlier.own + moved_shared) / over_s;
    const gained_bytes = at_onset === null ? moved_per_s * over_s : own - at_onset.own + moved_shared;
    const threads = faults.get(pid)?.threads ?? [];
    parts.push({
      ...part_of(task),
      threads,
      ...score(moved_per_s, gained_bytes),
      rate: rate_of(moved_per_s, task.age_s, over_s),
      extra: { held_bytes: own + mapped, gained_bytes },
    });
  }
  const used = (reading: TaskReading) => reading.totals?.used_bytes ?? 0;
  const node_rate = before.totals === null ? 0 : (used(after) - used(before)) / over_s;
  const node = score(node_rate, onset.totals === null ? 0 : used(after) - used(onset));
  const carriers = ranked([...parts, ...kernel_parts(window, shared)], node.change, window);
  return { node_rate, carriers, released: most_released(window, now, then, first) };
}

/** What it takes now, or has taken since the onset: the larger one counts, for a share as well. */
function score(rate: number, gained_bytes: number): { rate: number; change: number; amount: number } {
  const change = Math.max(rate, gained_bytes / GAIN_COUNTS_FOR_S);
  const noise = change * GAIN_COUNTS_FOR_S < SMALLEST_BYTES;
  return { rate, change: noise ? 0 : change, amount: noise ? 0 : change };
}

function part_of({ pid, comm, cgroup_id, age_s }: TaskFigures): Omit<Part, "rate" | "change"> {
  return { pid, comm, cgroup_id, age_s, is_kernel: false, threads: [] };
}

/** What each process holds, once for all of its threads, under the name of its main thread. */
function held_by({ threads }: TaskReading): Map<number, Held> {
  const held = new Map<number, Held>();
  for (const task of threads.values()) {
    if (task.is_kernel || task.own_bytes === null) continue;
    if (held.has(task.pid) && task.tid !== task.pid) continue;
    held.set(task.pid, { task, own: task.own_bytes, shared: task.shared_bytes });
  }
  return held;
}

/** What it held then: nothing where it was not born yet; null where that is not known. */
function known(
  then: ReadonlyMap<number, Held>,
  task: TaskFigures,
  reading: TaskReading,
): Maybe<Pick<Held, "own" | "shared">> {
  const earlier = then.get(task.pid);
  if (earlier !== undefined && (earlier.task.tid !== task.tid || earlier.task.start_ns === task.start_ns))
    return earlier;
  const born_after = task.age_s <= (task.t_ns - reading.t_ns) / 1e9 + 0.05;
  return born_after ? { own: 0, shared: 0 } : null;
}

interface SharedGrowth {
  /** Pages mapped by many are charged once: what of each process's mapped growth is the node's. */
  readonly scale: number;
  /** Bytes of files in memory that no process has mapped. */
  readonly left: number;
  /** Process that writes them; null where none writes as much. */
  readonly writer: Maybe<number>;
}

function shared_growth(
  window: TaskWindow,
  now: ReadonlyMap<number, Held>,
  then: ReadonlyMap<number, Held>,
): SharedGrowth {
  const before = window.before.totals?.shared_bytes ?? 0;
  const grown = Math.max(0, (window.after.totals?.shared_bytes ?? 0) - before);
  let mapped = 0;
  for (const { task, shared } of now.values()) {
    const earlier = known(then, task, window.before);
    if (earlier !== null) mapped += Math.max(0, shared - earlier.shared);
  }
  const scale = mapped > 0 ? Math.min(1, grown / mapped) : 0;
  const left = grown - scale * mapped;
  if (left < SMALLEST_BYTES) return { scale, left: 0, writer: null };
  return { scale, left, writer: writer_of(window, left) };
}

function writer_of(window: TaskWindow, bytes: number): Maybe<number> {
  const written = gather(window, (task) => {
    const rate = moved(window, task, ({ written_bytes }) => written_bytes);
    return { rate, change: rate };
  });
  const fits = [...written.values()].filter(
    ({ rate }) => rate >= WRITES_THEM[0] * bytes && rate <= WRITES_THEM[1] * bytes,
  );
  return fits.toSorted((a, b) => Math.abs(a.rate - bytes) - Math.abs(b.rate - bytes))[0]?.pid ?? null;
}

/** What no process holds. */
function kernel_parts(window: TaskWindow, shared: SharedGrowth): readonly Part[] {
  const over_s = window_s(window);
  const { onset, before, after } = window;
  const kernel = { pid: null, cgroup_id: null, age_s: null, is_kernel: true, threads: [] };
  const parts: Part[] = [];
  const { totals } = after;
  if (totals !== null && before.totals !== null) {
    for (const name of KERNEL_PARTS) {
      const held_bytes = totals.kernel_bytes[name];
      const rate = (held_bytes - before.totals.kernel_bytes[name]) / over_s;
      const gained_bytes = held_bytes - (onset.totals ?? before.totals).kernel_bytes[name];
      parts.push({ ...kernel, comm: name, ...score(rate, gained_bytes), extra: { held_bytes, gained_bytes } });
    }
  }
  if (shared.left > 0 && shared.writer === null) {
    parts.push({ ...kernel, comm: "files_in_memory", ...score(shared.left / over_s, shared.left) });
  }
  return parts;
}

/** What happened so shortly before the first reading belongs to the rise that led to it. */
const JUST_BEFORE_S = 8;

/**
 * The process that gave most back, whether it lives or has ended: over the window, or since the sweep before the onset, for
 * a process that ends has given back all before it is looked for.
 */
function most_released(
  window: TaskWindow,
  now: ReadonlyMap<number, Held>,
  then: ReadonlyMap<number, Held>,
  first: ReadonlyMap<number, Held>,
): Maybe<Carrier> {
  const recent = (window.after.t_ns - window.onset.t_ns) / 1e9 <= JUST_BEFORE_S;
  const earlier = recent && window.onset !== window.before ? new Map([...first, ...then]) : then;
  let most: Maybe<{ readonly held: Held; readonly bytes: number; readonly ended: boolean }> = null;
  let whole = 0;
  for (const [pid, held] of earlier) {
    const present = now.get(pid);
    // Where another thread stands for the process, its main thread has ended, and the process has not.
    const same =
      present !== undefined && (present.task.tid !== held.task.tid || present.task.start_ns === held.task.start_ns);
    const bytes = held.own + held.shared - (same ? present.own + present.shared : 0);
    if (bytes < SMALLEST_BYTES) continue;
    whole += bytes;
    if (most === null || bytes > most.bytes) most = { held, bytes, ended: !same };
  }
  if (most === null) return null;
  const { held, bytes, ended } = most;
  const rate = -bytes / window_s(window);
  const held_bytes = held.own + held.shared - bytes;
  const extra = { held_bytes, gained_bytes: -bytes, ...(ended ? { ended: true as const } : {}) };
  const part = { ...part_of(held.task), rate, change: rate, extra };
  return described(part, window, { kind: "process", count: 1, rate, share: bytes / whole, share_of_cgroup: null });
}
