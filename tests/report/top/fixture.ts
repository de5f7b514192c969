import type { AgentStatus, HeldNow } from "../../../src/model/control.ts";
import { type Level, level_name } from "../../../src/model/level.ts";
import type { BeatView } from "../../../src/model/view.ts";
import { initial_top, type TopState, with_beat } from "../../../src/report/top/state.ts";

const MIB = 1_048_576;
const DIMENSIONS = {
  cpu_busy_fraction: 0.21,
  run_queue_per_core: 0.4,
  context_switches_per_s: 3120,
  kernel_user_ratio: 0.31,
  memory_used_fraction: 0.46,
  memory_growth_bytes_per_s: 0,
  major_faults_per_s: 0,
  reclaim_stalls_per_s: 0,
  swap_out_pages_per_s: 0,
  memory_fragmentation_bits: 2.41,
  pressure_cpu_fraction: 0.02,
  pressure_memory_fraction: 0,
  pressure_io_fraction: 0.01,
  block_latency_ms: 0.62,
  block_throughput_mib_per_s: 4.1,
  net_rx_packets_per_s: 812,
  net_tx_packets_per_s: 790,
  tcp_retransmits_per_s: 0,
  tcp_connects_per_s: 2.1,
  forks_execs_per_s: 1.2,
  syscall_entropy_bits: 3.9,
};

/** A number in -0.5..0.5 that only depends on its arguments. */
function wobble(i: number, j: number): number {
  const x = Math.sin(i * 12.9898 + j * 78.233) * 43_758.5453;
  return x - Math.floor(x) - 0.5;
}

function beat(i: number, level: Level, leak: number, change: Partial<BeatView>): BeatView {
  const names = Object.keys(DIMENSIONS);
  const squares = names.map((name, j) => (name === "memory_growth_bytes_per_s" ? leak ** 2 : 0) + 1.1 + wobble(i, j));
  const squared = squares.reduce((sum, one) => sum + one, 0);
  const by_name = (value: (j: number) => number) => Object.fromEntries(names.map((name, j) => [name, value(j)]));
  const x = { ...DIMENSIONS, memory_growth_bytes_per_s: (leak > 0 ? 48.2 * Math.min(1, leak / 20) : 0) * MIB };
  return {
    t_ns: i * 1e9,
    level,
    level_name: level_name(level),
    d: Math.sqrt(squared),
    d_smooth: Math.sqrt(squared),
    velocity: leak > 0 ? 3.1 : wobble(i, 99),
    acceleration: 0,
    phi: 0.4,
    x,
    share: by_name((j) => squares[j]! / squared),
    culprit: null,
    harm: { present: false, witness: "none", value: null, bound: null, unit: "", evidence: "none" },
    contribution: by_name((j) => squares[j]!),
    thresholds: { theta: [7.36, 8.62, 9.49, 10.43], source: "learned" },
    warm: true,
    inaction: "",
    actions: [],
    story: { pattern: null, named: null, unnamed: null, headline: leak > 0 ? LEAK : CALM },
    episode: null,
    changes: { resource: "memory", cgroups: [], tasks: [] },
    ...change,
  };
}

const CALM = "The node is in its normal state.";
const LEAK =
  'Memory leak: thread 1240 "cache-filler" of process 1234 in /system.slice/payment.service takes 48 MiB/s, 94 % of what the node loses.';
const SERVICE = "/system.slice/payment.service";
const TARGET = { cgroup_id: 77, path: SERVICE, pid: 1234, tid: 1240, comm: "cache-filler" };
const CULPRIT = { ...TARGET, scope: "thread", change: 41, protected: null, note: "" } as const;
const CHANGES: BeatView["changes"] = {
  resource: "memory",
  cgroups: [
    { cgroup_id: 77, path: SERVICE, rate: 50 * MIB, baseline_rate: 0.1 * MIB, change: 41.2 },
    {
      cgroup_id: 78,
      path: "/user.slice/user-1000.slice/session-3.scope",
      rate: 3 * MIB,
      baseline_rate: 1.4 * MIB,
      change: 1.6,
    },
    { cgroup_id: 79, path: "/system.slice/postgresql.service", rate: 2.2 * MIB, baseline_rate: 1 * MIB, change: 1.2 },
  ],
  tasks: [
    {
      pid: 1234,
      tid: 1240,
      comm: "cache-filler",
      path: SERVICE,
      rate: 49.6 * MIB,
      unit: "bytes/s",
      share: 0.98,
      of: "cgroup",
    },
    {
      pid: 1234,
      tid: 1236,
      comm: "worker",
      path: SERVICE,
      rate: 0.7 * MIB,
      unit: "bytes/s",
      share: 0.01,
      of: "cgroup",
    },
  ],
};

export const HELD: HeldNow = {
  id: "c1",
  ledger_id: "177-1",
  rung: "thread_hold",
  target: TARGET,
  file: `/sys/fs/cgroup${SERVICE}/hosa-hold.1240/cgroup.freeze`,
  now: "1",
  restores: "0",
  quarantine: false,
  held_s: 7.2,
  left_s: 12.8,
  phase: "hold",
};

/** Wall time of the fixtures. */
export const NOW_MS = Date.parse("2026-01-02T14:03:22.000Z");

export function status(change: Partial<AgentStatus> = {}): AgentStatus {
  const figures = { p50: 210, p99: 640 };
  return {
    pid: 812,
    version: "0.1.0",
    node: "web-3",
    motor: "cgroup",
    uptime_s: 11_520,
    warm: true,
    level: 2,
    level_name: "soft containment",
    level_since: "2026-01-02T14:03:15.000Z",
    regime: null,
    d_smooth: 41,
    velocity: 3.1,
    theta: [7.36, 8.62, 9.49, 10.43],
    held: [HELD],
    thresholds: null,
    warmup: null,
    story: null,
    inaction: "",
    cooldowns: [],
    missing_rungs: [],
    last_episode: null,
    beat: { count: 1, period_ms: 100, cost_us: figures, delay_us: figures, interval_us: figures },
    ledger_dir: "/run/hosa",
    audit_path: "/var/log/hosa/audit.jsonl",
    connections: 2,
    watchers: 1,
    ...change,
  };
}

const clock = (i: number): string => `14:0${2 + Math.floor((22 + i) / 60)}:${String((22 + i) % 60).padStart(2, "0")}`;

/** A quiet node, a beat a second for a minute. */
export function quiet(): TopState {
  let state: TopState = { ...initial_top({ kind: "agent", pid: 812 }, 1), status: status({ level: 0, held: [] }) };
  for (let i = 0; i < 60; i++) state = with_beat(state, beat(i, 0, 0, {}), clock(i));
  return state;
}

/** The same node when a thread of a service leaks, and is held. */
export function leaking(): TopState {
  let state: TopState = { ...initial_top({ kind: "agent", pid: 812 }, 1), status: status() };
  for (let i = 0; i < 52; i++) state = with_beat(state, beat(i, 0, 0, {}), clock(i));
  state = with_beat(
    state,
    beat(52, 1, 9, { changes: CHANGES, inaction: "watched only: its own growth is not known yet" }),
    clock(52),
  );
  const apply = {
    id: "c1",
    verb: "apply",
    target: TARGET,
    setting: { rung: "thread_hold", frozen: true },
    reason: "one thread carries 98 % of the growth",
  } as const;
  const harm = { present: true, witness: "ttf", value: 14, bound: 60, unit: "s", evidence: "strong" } as const;
  for (let i = 53; i < 60; i++) {
    const actions = i === 53 ? [apply] : [];
    state = with_beat(state, beat(i, 2, 20 + i, { changes: CHANGES, culprit: CULPRIT, harm, actions }), clock(i));
  }
  return state;
}
