import { KeptFile } from "../ffi/files.ts";
import { monotonic_ns } from "../ffi/libc.ts";
import type { ProgramState, Senses } from "../ffi/senses.ts";
import { OperatorError } from "../model/error.ts";
import type { Maybe } from "../model/sample.ts";
import { CgroupFiles } from "./cgroup_files.ts";
import { find_cgroup2_mount } from "./mount.ts";
import type { BeatCounter, CgroupPort, SensorPorts, StarterPort, ThreadPort } from "./ports.ts";
import { KeyedLines, Scanner } from "./scan.ts";
import { ThreadFiles } from "./thread_files.ts";
import type { ThreadWatchPorts } from "./threads.ts";

/** The BPF programs each counter of the beat is counted by; one of them is enough for reclaim. */
const COUNTED_BY: Readonly<Record<BeatCounter | "syscalls", readonly string[]>> = {
  switches: ["sched_switch"],
  idle_ns: ["sched_switch"],
  forks: ["sched_process_fork"],
  execs: ["sched_process_exec"],
  reclaim_stalls: ["direct_reclaim", "memcg_reclaim"],
  oom_kills: ["mark_victim"],
  block_completed: ["block_rq_complete"],
  block_bytes: ["block_rq_complete"],
  block_latency_ns: ["block_rq_complete"],
  connects: ["inet_sock_set_state"],
  retransmits: ["tcp_retransmit_skb"],
  syscalls: ["sys_enter"],
};

const scanner = new Scanner();
const boot_time = new KeyedLines(["btime"]);
const boot_time_s = new Float64Array(1);
const DOT = 46;

/** Seconds since boot, suspended time included: the first number of `12345.67 2345.67`. NaN when malformed. */
export function parse_uptime(bytes: Uint8Array): number {
  const seconds = scanner.start(bytes).digits();
  if (scanner.peek() !== DOT) return Number.NaN;
  scanner.at++;
  return seconds + scanner.digits() / 100;
}

/**
 * The senses of this kernel as the sensor needs them; files take the place of an iterator that is missing.
 * @param path_of the path of a cgroup below the mount by its id, for the threads read from files.
 * @throws OperatorError when /proc is not there.
 */
export function kernel_ports(
  senses: Pick<Senses, "cgroups" | "threads" | "starters" | "absences" | "programs">,
  path_of: (cgroup_id: number) => Maybe<string>,
): SensorPorts & ThreadWatchPorts & { readonly starters: Maybe<StarterPort> } {
  const uptime = must_open("/proc/uptime");
  const stat = must_open("/proc/stat");
  const mount = find_cgroup2_mount()?.mount ?? null;
  const why = new Map(senses.programs.filter((state) => !state.attached).map((state) => [state.name, reason(state)]));
  const files = { open: KeptFile.open, monotonic_ns };
  const directory_of = (id: number): Maybe<string> => {
    const path = path_of(id);
    return path === null || mount === null ? null : `${mount}${path}`;
  };
  const cgroups: CgroupPort = why.has("cgroup_rows") && mount !== null ? new CgroupFiles(files, mount) : senses;
  const threads: ThreadPort = why.has("thread_rows") ? new ThreadFiles({ directory_of, monotonic_ns }) : senses;
  const boottime_ns = (): number => parse_uptime(uptime.read()) * 1e9;
  return {
    ...files,
    absences: senses.absences,
    cgroups,
    threads,
    starters: why.has("starter_rows") || why.has("sched_process_fork") ? null : senses,
    boottime_ns,
    // btime is cut to whole seconds: ages made of it are at most a second too young, never too old.
    realtime_ms: () => (boot_time.read(stat.read(), boot_time_s) ? boot_time_s[0]! * 1e3 : 0) + boottime_ns() / 1e6,
    missing_counter: (counter) => {
      const programs = COUNTED_BY[counter];
      return programs.every((program) => why.has(program)) ? why.get(programs[0]!)! : null;
    },
  };
}

/** Why a program is not there; never empty. */
function reason(state: ProgramState): string {
  return state.why === "" ? `the BPF program ${state.name} is not attached` : state.why;
}

function must_open(path: string): KeptFile {
  const file = KeptFile.open(path);
  if (file === null)
    throw new OperatorError(`opening ${path}: it cannot be opened`, 3, "mount /proc (mount -t proc proc /proc)");
  return file;
}
