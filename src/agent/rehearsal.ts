import { Cortex } from "../cortex/cortex.ts";
import type { CortexOptions } from "../cortex/self.ts";
import type { DecisionConfig } from "../decision/config.ts";
import { RUNGS } from "../model/containment.ts";
import type { CgroupSample, Sample } from "../model/sample.ts";
import { RecordingMotor } from "../motor/recording.ts";
import type { BeatFigures, SensorPorts } from "../sensor/ports.ts";
import { Sensor } from "../sensor/sensor.ts";
import { ThreadWatch, type ThreadWatchPorts } from "../sensor/threads.ts";
import { Beat } from "./beat.ts";
import { ContainmentWatch } from "./containment_watch.ts";
import { OwnStall } from "./own_stall.ts";

/** Enough for the just-in-time compiler to finish with everything a beat runs. */
export const BEATS_TO_COMPILE = 3000;
/** Enough to touch all of it once. */
export const BEATS_TO_TOUCH = 150;
const PERIOD_NS = 100e6;
/** Thirty sweeps: on a node with thousands of threads each takes some milliseconds. */
const SWEEP_PERIOD_NS = 10e9;

/** An invented leak has no cgroup to look into. */
const NOTHING_TO_WATCH = { rest_switches: () => null, stall_full_us: () => null, asleep: () => null, forget: () => {} };

/**
 * Runs whole beats on an invented past before the first real one, so that the beats that count run compiled code: a node
 * may be in trouble one second after start. Everything made here is thrown away; nothing is acted on.
 */
export function rehearse(
  ports: SensorPorts & ThreadWatchPorts,
  options: CortexOptions,
  config: DecisionConfig,
  count: number,
): void {
  let t_ns = ports.monotonic_ns();
  let beats = 0;
  const invented = { ...ports, monotonic_ns: () => t_ns };
  const sensor = new Sensor(invented);
  const threads = new ThreadWatch(invented, { sweep_period_ns: SWEEP_PERIOD_NS });
  const leak_after = (2 / 3) * count;
  const cortex = new Cortex(sensor.dimensions, { ...options, warmup_s: (leak_after / 2) * (PERIOD_NS / 1e9) });
  const beat = new Beat({
    sense: () => {
      const sample = sensor.sense(figures(beats, t_ns));
      threads.sweep(true);
      return sample === null ? null : with_cgroups(sample, beats, leak_after);
    },
    search_threads: () => null,
    cortex,
    config,
    motor: recording_motor(),
    watch: new ContainmentWatch(NOTHING_TO_WATCH, false),
    own_stall: new OwnStall({ stall_some_us: () => null, leave: () => {} }),
    record: () => {},
  });
  for (; beats < count; beats++) {
    t_ns += PERIOD_NS;
    beat.step();
  }
}

function recording_motor(): RecordingMotor {
  const limits = { max_targets_per_minute: 60, cooldown_s: 0, expiry_s: 10 };
  return new RecordingMotor({ ...limits, enabled_rungs: RUNGS, protected_ids: () => null });
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
function with_cgroups(sample: Sample, beat: number, leak_after: number): Sample {
  const cgroups: CgroupSample[] = [];
  for (let k = 0; k < 8; k++) {
    const leaked = k === 0 && beat > leak_after ? (beat - leak_after) * 1e5 : 0;
    const memory_bytes = 1e8 + ((beat * (k + 3)) % 17) * 1e5 + leaked;
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
