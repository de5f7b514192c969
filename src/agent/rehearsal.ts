import { FlightRing } from "../audit/index.ts";
import { Cortex } from "../cortex/cortex.ts";
import type { CortexOptions } from "../cortex/self.ts";
import type { DecisionConfig } from "../decision/config.ts";
import type { DecisionState } from "../decision/state.ts";
import { RUNGS } from "../model/containment.ts";
import type { CgroupSample, Maybe, Sample } from "../model/sample.ts";
import type { ThreadSearch } from "../model/search.ts";
import { RecordingMotor } from "../motor/recording.ts";
import { narrated } from "../report/narrated.ts";
import { NodeTotalsReader } from "../sensor/node_totals.ts";
import type { BeatFigures, SensorPorts, StarterPort } from "../sensor/ports.ts";
import { Sensor } from "../sensor/sensor.ts";
import { TaskWatch } from "../sensor/task_watch.ts";
import { ThreadWatch, type ThreadWatchPorts } from "../sensor/threads.ts";
import { Attributor } from "./attributor.ts";
import { Beat, type BeatResult } from "./beat.ts";
import { ContainmentWatch, type WatchPort } from "./containment_watch.ts";
import { EpisodeLog } from "./episode_log.ts";
import { OwnStall } from "./own_stall.ts";

/** Enough for the just-in-time compiler to finish with everything a beat runs. */
export const BEATS_TO_COMPILE = 3000;
/** Enough to touch all of it once. */
export const BEATS_TO_TOUCH = 150;
const PERIOD_NS = 100e6;
/** Thirty sweeps: on a node with thousands of threads each takes some milliseconds. */
const SWEEP_PERIOD_NS = 10e9;

/** Of rows that stand for so long the opinions need so few that the learning of their self is rehearsed too. */
const OPINION_ROW_S = 900;

/** As the flight recorder's, but so small that beats are soon written over. */
const RING_NS = 1e9;
const RING_BYTES = 65_536;

const LEAK_BYTES_PER_BEAT = 5e6;
/** So low that the invented leak is answered with everything there is, from the trial hold to the doses. */
const THETA = [0.01, 0.02, 0.03, 0.04] as const;

/**
 * Runs whole beats on an invented past before the first real one, so that the beats that count run compiled code: a node
 * may be in trouble one second after start. Everything made here is thrown away; nothing is acted on.
 * @param seen called after every beat, for tests; sets `kept` to hold on to the result
 */
export function rehearse(
  ports: SensorPorts & ThreadWatchPorts & { readonly starters?: Maybe<StarterPort> },
  options: CortexOptions,
  config: DecisionConfig,
  count: number,
  seen: (result: BeatResult, state: DecisionState) => void = () => {},
): void {
  let t_ns = ports.monotonic_ns();
  let beats = 0;
  const invented = { ...ports, monotonic_ns: () => t_ns };
  const sensor = new Sensor(invented);
  const threads = new ThreadWatch(invented, { sweep_period_ns: SWEEP_PERIOD_NS });
  const leak_after = (2 / 3) * count;
  const warmup_s = (leak_after / 2) * (PERIOD_NS / 1e9);
  const opinions = options.opinions === null ? null : { ...options.opinions, row_s: OPINION_ROW_S };
  const cortex = new Cortex(sensor.dimensions, { ...options, opinions, warmup_s, thresholds: THETA });
  const motor = recording_motor();
  const growth = sensor.dimensions.findIndex((dimension) => dimension.name === "memory_growth_bytes_per_s");
  let leaked_bytes = 0;
  const ring = new FlightRing(RING_NS, RING_BYTES);
  let felt = figures(0, t_ns);
  // What names the carriers runs a few times in a rise: it is touched, and need not be compiled.
  const attributor = count > BEATS_TO_TOUCH ? null : invented_attributor(invented, threads, () => felt);
  const beat = new Beat({
    sense: () => {
      felt = figures(beats, t_ns);
      const sample = sensor.sense(felt);
      threads.sweep(true);
      if (sample === null) return null;
      const leaking = beats > leak_after && !is_held(motor);
      if (leaking) leaked_bytes += LEAK_BYTES_PER_BEAT;
      if (leaking && growth >= 0) sample.x[growth] = (LEAK_BYTES_PER_BEAT * 1e9) / PERIOD_NS;
      return with_cgroups(sample, beats, leaked_bytes);
    },
    search_threads: () => INVENTED_SEARCH,
    cortex,
    config,
    motor,
    watch: new ContainmentWatch(invented_watch(), true),
    own_stall: new OwnStall({ stall_some_us: () => null, leave: () => {} }),
    record: () => {},
    ...(attributor === null ? {} : { attribute: (sparing: boolean) => attributor.observe(sparing) }),
    ...(attributor === null ? {} : { episodes: new EpisodeLog(), record: narrated }),
    refill: (desk) => ring.refill(desk),
  });
  for (; beats < count; beats++) {
    t_ns += PERIOD_NS;
    const before = beat.state;
    const result = beat.step();
    if (result === null || beat.state === null) continue;
    ring.push(result.assessment, before, result.decision, result.kept || before === null);
    seen(result, beat.state);
  }
}

/** Real readings of the node's threads, at the invented times. */
function invented_attributor(
  ports: SensorPorts & ThreadWatchPorts & { readonly starters?: Maybe<StarterPort> },
  sweeps: ThreadWatch,
  felt: () => BeatFigures,
): Attributor {
  const totals = new NodeTotalsReader(ports.open, felt);
  const read = { ...ports, starters: ports.starters ?? null, totals: () => totals.read() };
  const options = {
    usual: (tid: number, start_ns: number) => sweeps.usual(tid, start_ns),
    path_of: () => "/",
    protected_because: () => null,
    own_comm: "",
  };
  return new Attributor(new TaskWatch(read, options), () => ports.monotonic_ns());
}

/** Whether the last thing asked of the motor was to freeze. */
function is_held(motor: RecordingMotor): boolean {
  const last = motor.actions.at(-1);
  return last !== undefined && last.verb !== "release" && "frozen" in last.setting && last.setting.frozen;
}

/** The peers of the invented thread work on, whatever is held. */
function invented_watch(): WatchPort {
  return {
    peers: () => ({ progress: INVENTED_PEERS, window_s: 1, wakes: 0, forks: 0 }),
    stall_full_us: () => 0,
    asleep: () => true,
    forget: () => {},
  };
}

const INVENTED_PEERS = {
  scope: "process",
  waits_per_s: 400,
  cpu_share: 0.1,
  computing_share: 0,
  answers_per_s: 100,
  moving: 4,
} as const;

const INVENTED_THREAD = {
  tid: 2,
  pid: 2,
  comm: "rehearsal",
  fault_bytes_per_s: 5e7,
  baseline_fault_bytes_per_s: 0,
  cpu_share: 0.1,
  io_bytes_per_s: 0,
  steps_per_s: 10,
  share: 1,
  age_s: 1e4,
};

const INVENTED_SEARCH: ThreadSearch = {
  cgroup_id: 1e15,
  resource: "memory",
  window_s: 0.1,
  threads_searched: 1,
  total_steps_per_s: 410,
  peers: INVENTED_PEERS,
  threads: [INVENTED_THREAD],
  runtime: null,
  runtime_heap_limit_bytes: null,
};

function recording_motor(): RecordingMotor {
  const limits = { max_targets_per_minute: 60, cooldown_s: 0, expiry_s: 1e6 };
  return new RecordingMotor({ ...limits, enabled_rungs: RUNGS, mount: null, protect: [] });
}

/** A quiet node with a little noise that repeats: no two beats are alike, and nothing here is random. */
function figures(beat: number, t_ns: number): BeatFigures {
  const wave = beat + ((beat * 7) % 13);
  const steady = wave * 100;
  return {
    t_ns,
    sequence: beat,
    switches: steady,
    idle_ns: t_ns,
    forks: wave,
    execs: wave,
    reclaim_stalls: 0,
    oom_kills: 0,
    block_completed: wave,
    block_bytes: wave * 4096,
    block_latency_ns: wave * 1e5,
    connects: wave,
    retransmits: 0,
    syscalls: new Float64Array(16).map((_, kind) => wave * (kind + 1)),
  };
}

/** Eight services that breathe; one of them begins to leak, so that the growth and its evidence are rehearsed too. */
function with_cgroups(sample: Sample, beat: number, leaked_bytes: number): Sample {
  const cgroups: CgroupSample[] = [];
  for (let k = 0; k < 8; k++) {
    const memory_bytes = 1e8 + ((beat * (k + 3)) % 17) * 1e5 + (k === 0 ? leaked_bytes : 0);
    cgroups.push({
      id: 1e15 + k,
      parent_id: 1,
      path: `/rehearsal-${k}`,
      t_ns: sample.t_ns,
      memory_bytes,
      memory_limit_bytes: 1e9,
      memory_headroom_bytes: 1e9 - memory_bytes,
      cpu_ns: beat * 1e6,
      io_bytes: beat * 1e4,
      age_s: 1e4,
      exec_age_s: null,
    });
  }
  return { ...sample, cgroups };
}
