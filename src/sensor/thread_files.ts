import { readFileSync } from "node:fs";
import { page_size_bytes } from "../ffi/libc.ts";
import type { Maybe } from "../model/sample.ts";
import type { ThreadPort, ThreadRows } from "./ports.ts";

/** Four files of some 5 µs each per thread: more would stand the beat still. */
export const MAX_FILE_THREADS = 512;
const KB_PER_PAGE = page_size_bytes() / 1024;

export interface ThreadFilesPorts {
  /** Directory of a cgroup by its id; null when it is not known. */
  directory_of(cgroup_id: number): Maybe<string>;
  monotonic_ns(): number;
}

interface Row {
  readonly t_ns: number;
  readonly tid: number;
  readonly pid: number;
  readonly cgroup_id: number;
  readonly comm: string;
  readonly min_faults: number;
  readonly maj_faults: number;
  readonly start_ns: number;
  readonly cpu_ns: number;
  readonly waits: number;
  readonly io_bytes: number;
  readonly disk_written_bytes: number;
  readonly written_bytes: number;
  readonly writes: number;
  readonly own_pages: Maybe<number>;
  readonly shared_pages: number;
  readonly parent_pid: number;
}

/**
 * Thread rows from /proc, where the kernel has no task iterator. Only one cgroup at a time: a sweep over the node (id 0)
 * finds no thread, so that baselines stay unknown. Huge-page faults are not told apart and count as one small page; what is sent, and
 * whether a process was forked, is not told.
 */
export class ThreadFiles implements ThreadPort {
  cut_thread_walks = 0;
  readonly #ports: ThreadFilesPorts;
  readonly #proc: string;

  constructor(ports: ThreadFilesPorts, proc = "/proc") {
    this.#ports = ports;
    this.#proc = proc;
  }

  threads(cgroup_id: number): ThreadRows {
    const directory = cgroup_id === 0 ? null : this.#ports.directory_of(cgroup_id);
    const tids = directory === null ? [] : read_text(`${directory}/cgroup.threads`).split("\n");
    const rows: Row[] = [];
    if (tids.length > MAX_FILE_THREADS) this.cut_thread_walks += 1;
    for (const tid of tids.slice(0, MAX_FILE_THREADS)) {
      const row = tid === "" ? null : this.#row(tid, cgroup_id);
      if (row !== null) rows.push(row);
    }
    return new FileRows(rows);
  }

  /** A thread that ended meanwhile, or a file that does not read as documented, gives no row. */
  #row(tid: string, cgroup_id: number): Row | null {
    const task = `${this.#proc}/${tid}/task/${tid}`;
    const t_ns = this.#ports.monotonic_ns();
    const stat = parse_thread_stat(read_text(`${task}/stat`));
    const status = read_text(`${task}/status`);
    const pid = /^Tgid:\s*(\d+)$/m.exec(status)?.[1];
    if (stat === null || pid === undefined) return null;
    const io = new Map(
      [...read_text(`${task}/io`).matchAll(/^(\w+): (\d+)$/gm)].map((one) => [one[1], Number(one[2])]),
    );
    const counted = (name: string) => io.get(name) ?? 0;
    const disk_written_bytes = counted("write_bytes");
    return {
      ...stat,
      t_ns,
      tid: Number(tid),
      pid: Number(pid),
      cgroup_id,
      cpu_ns: Number(/^(\d+) /.exec(read_text(`${task}/schedstat`))?.[1] ?? stat.cpu_ns),
      waits: Number(/^voluntary_ctxt_switches:\s*(\d+)/m.exec(status)?.[1] ?? 0),
      io_bytes: counted("read_bytes") + disk_written_bytes,
      disk_written_bytes,
      written_bytes: counted("wchar"),
      writes: counted("syscw"),
      own_pages: pages_of(status, ["RssAnon", "VmSwap"]),
      shared_pages: pages_of(status, ["RssShmem"]) ?? 0,
    };
  }
}

/** Fields of /proc/PID/task/TID/stat; comm may hold spaces and parentheses. Source: proc_pid_stat(5). */
export function parse_thread_stat(
  text: string,
): Maybe<Pick<Row, "comm" | "parent_pid" | "min_faults" | "maj_faults" | "cpu_ns" | "start_ns">> {
  const open = text.indexOf("(");
  const close = text.lastIndexOf(")");
  if (open < 0 || close < open) return null;
  // Field 3 (state) is the first behind the name; times are in ticks of 10 ms.
  const fields = text.slice(close + 2).split(" ");
  const field = (number: number): number => Number(fields[number - 3] ?? Number.NaN);
  const figures = {
    comm: text.slice(open + 1, close),
    parent_pid: field(4),
    min_faults: field(10),
    maj_faults: field(12),
    cpu_ns: (field(14) + field(15)) * 1e7,
    start_ns: field(22) * 1e7,
  };
  const { min_faults, maj_faults, cpu_ns, start_ns, parent_pid } = figures;
  const whole = Number.isFinite(min_faults + maj_faults + cpu_ns + start_ns + parent_pid);
  return whole ? figures : null;
}

/** The sum of lines of /proc/PID/status, in pages; null where it has none of them. Source: proc_pid_status(5). */
function pages_of(status: string, names: readonly string[]): Maybe<number> {
  const found = [...status.matchAll(new RegExp(`^(?:${names.join("|")}):\\s*(\\d+) kB$`, "gm"))];
  return found.length === 0 ? null : found.reduce((sum, match) => sum + Number(match[1]), 0) / KB_PER_PAGE;
}

class FileRows implements ThreadRows {
  readonly #rows: readonly Row[];

  constructor(rows: readonly Row[]) {
    this.#rows = rows;
  }

  get count(): number {
    return this.#rows.length;
  }

  t_ns = (row: number): number => this.#rows[row]!.t_ns;
  tid = (row: number): number => this.#rows[row]!.tid;
  pid = (row: number): number => this.#rows[row]!.pid;
  cgroup_id = (row: number): number => this.#rows[row]!.cgroup_id;
  comm = (row: number): string => this.#rows[row]!.comm;
  min_faults = (row: number): number => this.#rows[row]!.min_faults;
  maj_faults = (row: number): number => this.#rows[row]!.maj_faults;
  huge_faults = (): number => 0;
  wakes = (): null => null;
  cpu_ns = (row: number): number => this.#rows[row]!.cpu_ns;
  waits = (row: number): number => this.#rows[row]!.waits;
  io_bytes = (row: number): number => this.#rows[row]!.io_bytes;
  disk_written_bytes = (row: number): number => this.#rows[row]!.disk_written_bytes;
  written_bytes = (row: number): number => this.#rows[row]!.written_bytes;
  writes = (row: number): number => this.#rows[row]!.writes;
  own_pages = (row: number): Maybe<number> => this.#rows[row]!.own_pages;
  shared_pages = (row: number): number => this.#rows[row]!.shared_pages;
  is_kernel = (): boolean => false;
  parent_pid = (row: number): number => this.#rows[row]!.parent_pid;
  start_ns = (row: number): number => this.#rows[row]!.start_ns;
}

function read_text(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
