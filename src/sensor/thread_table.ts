import type { Maybe, ThreadSample } from "../model/sample.ts";
import type { ThreadPort, ThreadRows } from "./ports.ts";
import type { Doings } from "./progress.ts";

const HUGE_PAGE_BYTES = 2 << 20;

/** One thread's cumulative figures; the start tells a reused tid from the same thread. */
export interface ThreadFigures extends ThreadSample, Doings {
  readonly start_ns: number;
  /** Null where the host does not say. */
  readonly parent_pid: Maybe<number>;
  /** It runs the program of its parent and shares pages with it. */
  readonly forked: boolean;
}

/** One run of the task iterator, by tid. */
export interface ThreadTable {
  readonly t_ns: number;
  /** Calls that write or send are counted on this host. */
  readonly counts_answers: boolean;
  readonly threads: ReadonlyMap<number, ThreadFigures>;
  /** False: the node has more threads than are looked at in one run. */
  readonly complete: boolean;
}

/**
 * Read the threads of one cgroup (of the node for id 0) into a table of their own.
 * @param boot_offset_ns CLOCK_BOOTTIME − CLOCK_MONOTONIC: starts are dated on the former, readings on the latter.
 */
export function read_threads(
  port: ThreadPort,
  cgroup_id: number,
  page_bytes: number,
  now_ns: number,
  boot_offset_ns: number,
  with_kernel = false,
): ThreadTable {
  const cut = port.cut_thread_walks ?? 0;
  const rows = port.threads(cgroup_id, 0, with_kernel);
  // A sweep over the node takes the daily rates of thousands of threads: what only a search asks for is not decoded.
  const searched = cgroup_id !== 0;
  const threads = new Map<number, ThreadFigures>();
  // The port bounds the number of rows, and counts what it cuts.
  for (let row = 0; row < rows.count; row++) {
    const t_ns = rows.t_ns(row);
    const start_ns = rows.start_ns(row);
    const tid = rows.tid(row);
    const cpu_ns = rows.cpu_ns(row);
    const own_pages = rows.own_pages(row);
    threads.set(tid, {
      tid,
      pid: rows.pid(row),
      cgroup_id: rows.cgroup_id(row),
      comm: rows.comm(row),
      t_ns,
      fault_bytes: rows.min_faults(row) * page_bytes + rows.huge_faults(row) * HUGE_PAGE_BYTES,
      major_faults: rows.maj_faults(row),
      cpu_ns,
      waits: rows.waits(row),
      io_bytes: rows.io_bytes(row),
      disk_written_bytes: rows.disk_written_bytes(row),
      written_bytes: rows.written_bytes(row),
      own_bytes: own_pages === null ? null : own_pages * page_bytes,
      shared_bytes: rows.shared_pages(row) * page_bytes,
      is_kernel: rows.is_kernel(row),
      writes: searched ? (rows.writes?.(row) ?? 0) : 0,
      sends: searched ? (rows.sends?.(row) ?? 0) : 0,
      parent_pid: searched ? (rows.parent_pid?.(row) ?? null) : null,
      forked: searched && (rows.forked?.(row) ?? false),
      age_s: Math.max(0, t_ns + boot_offset_ns - start_ns) / 1e9,
      start_ns,
    });
  }
  const complete = (port.cut_thread_walks ?? 0) === cut;
  return { t_ns: now_ns, counts_answers: counts_answers(rows), threads, complete };
}

export function counts_answers(rows: ThreadRows): boolean {
  return rows.writes !== undefined;
}

/** The same thread in an earlier table; null when it is new or its tid was reused. */
export function same_thread(table: ThreadTable, thread: ThreadFigures): ThreadFigures | null {
  const earlier = table.threads.get(thread.tid);
  return earlier !== undefined && earlier.start_ns === thread.start_ns ? earlier : null;
}
