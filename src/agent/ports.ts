import { readFileSync } from "node:fs";
import { KeptFile } from "../ffi/files.ts";
import { monotonic_ns } from "../ffi/libc.ts";
import type { Senses } from "../ffi/senses.ts";
import type { BeatCounter, SensorPorts } from "../sensor/ports.ts";
import { RestProgress } from "../sensor/rest_progress.ts";
import { wall_time_ms } from "./clock.ts";
import type { WatchPort } from "./containment_watch.ts";

/** Which BPF program supplies a counter of the beat. */
const PROGRAM_OF: Readonly<Record<BeatCounter | "syscalls", string>> = {
  switches: "sched_switch",
  idle_ns: "sched_switch",
  forks: "sched_process_fork",
  execs: "sched_process_exec",
  reclaim_stalls: "direct_reclaim",
  oom_kills: "mark_victim",
  block_completed: "block_rq_complete",
  block_bytes: "block_rq_complete",
  block_latency_ns: "block_rq_complete",
  connects: "inet_sock_set_state",
  retransmits: "tcp_retransmit_skb",
  syscalls: "sys_enter",
};

/** The senses as the sensor wants them. */
export function sensor_ports(senses: Senses): SensorPorts {
  const why = new Map(senses.programs.map((program) => [program.name, program.attached ? null : program.why]));
  return {
    cgroups: senses,
    open: (path) => KeptFile.open(path),
    monotonic_ns,
    realtime_ms: wall_time_ms,
    missing_counter: (counter) => {
      const program = PROGRAM_OF[counter];
      return why.has(program) ? (why.get(program) ?? null) : `the BPF object has no program ${program}`;
    },
    absences: senses.absences,
  };
}

/** CLOCK_BOOTTIME − CLOCK_MONOTONIC at start: the time the node has been suspended. */
export function suspended_ns(): number {
  const uptime_s = Number(readFileSync("/proc/uptime", "latin1").split(" ")[0]);
  return Math.max(0, uptime_s * 1e9 - monotonic_ns());
}

/** What watching a containment reads: the pace of the rest of the service, and the cgroup's own stall. */
export function watch_port(senses: Senses, mount: string | null): WatchPort {
  const progress = new Map<string, RestProgress>();
  const pressure = new Map<string, KeptFile | null>();
  const has_threads = senses.programs.some((program) => program.name === "thread_rows" && program.attached);
  return {
    rest_switches(cgroup_id, except_tid) {
      if (!has_threads) return null;
      const key = `${cgroup_id}/${except_tid}`;
      let rest = progress.get(key);
      if (rest === undefined) {
        rest = new RestProgress(senses, cgroup_id, except_tid);
        progress.set(key, rest);
      }
      return rest.read();
    },
    stall_full_us(path) {
      if (mount === null) return null;
      let file = pressure.get(path);
      if (file === undefined) {
        file = KeptFile.open(`${mount}${path}/memory.pressure`);
        pressure.set(path, file);
      }
      if (file === null) return null;
      try {
        const text = Buffer.from(file.read()).toString("latin1");
        const full = text.slice(text.indexOf("full"));
        return Number(full.slice(full.indexOf("total=") + 6).trim());
      } catch {
        return null;
      }
    },
    forget(cgroup_id, except_tid, path) {
      progress.delete(`${cgroup_id}/${except_tid}`);
      pressure.get(path)?.[Symbol.dispose]();
      pressure.delete(path);
    },
  };
}
