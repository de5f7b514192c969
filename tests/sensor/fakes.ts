import { readFileSync } from "node:fs";
import type { Maybe } from "../../src/model/sample.ts";
import type { BeatFigures, CgroupRows, SensorPorts, ThreadRows } from "../../src/sensor/ports.ts";

export function fixture(name: string): Uint8Array {
  return new Uint8Array(readFileSync(new URL(`fixtures/${name}.txt`, import.meta.url)));
}

export function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

export interface CgroupFigures {
  readonly id: number;
  readonly parent_id: number;
  readonly level: number;
  readonly name: string;
  readonly memory_bytes?: Maybe<number>;
  readonly memory_max?: Maybe<number>;
  readonly cpu_ns?: number;
  readonly exec_ns?: number;
  readonly populated?: boolean;
}

export function cgroup_rows(t_ns: number, rows: readonly CgroupFigures[]): CgroupRows {
  return {
    count: rows.length,
    populated: (row) => rows[row]!.populated ?? true,
    t_ns: () => t_ns,
    id: (row) => rows[row]!.id,
    parent_id: (row) => rows[row]!.parent_id,
    level: (row) => rows[row]!.level,
    name: (row) => rows[row]!.name,
    memory_bytes: (row) => rows[row]!.memory_bytes ?? null,
    memory_max: (row) => rows[row]!.memory_max ?? null,
    cpu_ns: (row) => rows[row]!.cpu_ns ?? 0,
    io_bytes: () => 0,
    exec_ns: (row) => rows[row]!.exec_ns ?? 0,
  };
}

export interface ThreadRow {
  readonly tid: number;
  readonly pid?: number;
  readonly comm?: string;
  readonly min_faults?: number;
  readonly huge_faults?: number;
  readonly wakes?: number;
  readonly cpu_ns?: number;
  readonly waits?: number;
  readonly start_ns?: number;
  readonly cgroup_id?: number;
  readonly io_bytes?: number;
  readonly disk_written_bytes?: number;
  /** Calls that write or send. */
  readonly writes?: number;
  readonly written_bytes?: number;
  readonly sends?: number;
  readonly own_pages?: number;
  readonly shared_pages?: number;
  readonly is_kernel?: boolean;
  readonly parent_pid?: number;
  readonly forked?: boolean;
}

export function thread_rows(t_ns: number, rows: readonly ThreadRow[]): ThreadRows {
  return {
    count: rows.length,
    t_ns: () => t_ns,
    tid: (row) => rows[row]!.tid,
    pid: (row) => rows[row]!.pid ?? 1,
    cgroup_id: (row) => rows[row]!.cgroup_id ?? 7,
    comm: (row) => rows[row]!.comm ?? "worker",
    min_faults: (row) => rows[row]!.min_faults ?? 0,
    maj_faults: () => 0,
    huge_faults: (row) => rows[row]!.huge_faults ?? 0,
    wakes: (row) => rows[row]!.wakes ?? null,
    cpu_ns: (row) => rows[row]!.cpu_ns ?? 0,
    waits: (row) => rows[row]!.waits ?? 0,
    io_bytes: (row) => rows[row]!.io_bytes ?? 0,
    disk_written_bytes: (row) => rows[row]!.disk_written_bytes ?? 0,
    writes: (row) => rows[row]!.writes ?? 0,
    written_bytes: (row) => rows[row]!.written_bytes ?? rows[row]!.writes ?? 0,
    sends: (row) => rows[row]!.sends ?? 0,
    own_pages: (row) => rows[row]!.own_pages ?? null,
    shared_pages: (row) => rows[row]!.shared_pages ?? 0,
    is_kernel: (row) => rows[row]!.is_kernel ?? false,
    parent_pid: (row) => rows[row]!.parent_pid ?? 0,
    forked: (row) => rows[row]!.forked ?? false,
    start_ns: (row) => rows[row]!.start_ns ?? 0,
  };
}

/** A node whose files and clock the test writes. */
export class FakeNode implements SensorPorts {
  now_ns = 1e12;
  readonly files = new Map<string, Uint8Array>();
  readonly missing = new Map<string, string>();
  rows: readonly CgroupFigures[] = [];
  readonly sweeps: boolean[] = [];
  readonly absences = [];

  static with_fixtures(): FakeNode {
    const node = new FakeNode();
    for (const name of ["stat", "loadavg", "meminfo", "vmstat", "buddyinfo"])
      node.files.set(`/proc/${name}`, fixture(name));
    for (const kind of ["cpu", "memory", "io"]) node.files.set(`/proc/pressure/${kind}`, fixture("pressure_cpu"));
    node.files.set("/proc/net/dev", fixture("net_dev"));
    return node;
  }

  readonly cgroups = {
    cgroups: (full: boolean): CgroupRows => {
      this.sweeps.push(full);
      return cgroup_rows(this.now_ns, this.rows);
    },
  };

  write(path: string, text: string): void {
    this.files.set(path, bytes(text));
  }

  open(path: string) {
    return this.files.has(path) ? { read: () => this.files.get(path)! } : null;
  }

  monotonic_ns(): number {
    return this.now_ns;
  }

  realtime_ms(): number {
    return this.now_ns / 1e6;
  }

  missing_counter(counter: string): Maybe<string> {
    return this.missing.get(counter) ?? null;
  }
}

export function beat_at(t_ns: number, figures: Partial<BeatFigures> = {}): BeatFigures {
  return {
    t_ns,
    sequence: 0,
    switches: 0,
    idle_ns: 0,
    forks: 0,
    execs: 0,
    reclaim_stalls: 0,
    oom_kills: 0,
    block_completed: 0,
    block_bytes: 0,
    block_latency_ns: 0,
    connects: 0,
    retransmits: 0,
    syscalls: new Float64Array(16),
    ...figures,
  };
}
