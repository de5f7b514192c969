import { Cortex } from "../cortex/cortex.ts";
import type { CortexOptions } from "../cortex/self.ts";
import type { DecisionConfig } from "../decision/config.ts";
import { decide } from "../decision/decide.ts";
import { initial_state } from "../decision/state.ts";
import type { CgroupSample, Sample } from "../model/sample.ts";
import type { BeatFigures, SensorPorts } from "../sensor/ports.ts";
import { Sensor } from "../sensor/sensor.ts";

/** Enough for the just-in-time compiler to finish with everything a beat runs. */
const BEATS = 3000;
const PERIOD_NS = 100e6;
const LEAK_AFTER = 2000;

/**
 * Runs the whole judgement on an invented past before the first real beat, so that the beats that count run compiled code:
 * a node may be in trouble one second after start. Everything made here is thrown away; nothing is acted on.
 */
export function rehearse(ports: SensorPorts, options: CortexOptions, config: DecisionConfig): void {
  let t_ns = ports.monotonic_ns();
  const sensor = new Sensor({ ...ports, monotonic_ns: () => t_ns });
  const cortex = new Cortex(sensor.dimensions, { ...options, warmup_s: (LEAK_AFTER / 2) * (PERIOD_NS / 1e9) });
  let state = initial_state(t_ns);
  for (let beat = 0; beat < BEATS; beat++) {
    t_ns += PERIOD_NS;
    const sample = sensor.sense(figures(beat, t_ns));
    if (sample === null) continue;
    const assessment = cortex.assess(with_cgroups(sample, beat), { search: null, containments: [] });
    const next = decide(assessment, state, config, t_ns);
    state = next.state;
    cortex.learn(next.decision.level);
  }
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
function with_cgroups(sample: Sample, beat: number): Sample {
  const cgroups: CgroupSample[] = [];
  for (let k = 0; k < 8; k++) {
    const leaked = k === 0 && beat > LEAK_AFTER ? (beat - LEAK_AFTER) * 1e5 : 0;
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
