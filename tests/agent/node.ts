import type { WatchPort } from "../../src/agent/containment_watch.ts";
import type { Dimension } from "../../src/model/dimension.ts";
import type { CgroupSample, Sample } from "../../src/model/sample.ts";
import { MIB } from "../decision/fixtures.ts";
import { seeded } from "../simulation/service.ts";

export const DIMENSIONS: readonly Dimension[] = [
  {
    name: "memory_growth_bytes_per_s",
    unit: "bytes/s",
    resource: "memory",
    load_sign: 1,
    scale: "linear",
    resolution: 2e6,
  },
  {
    name: "memory_used_fraction",
    unit: "fraction",
    resource: "memory",
    load_sign: 1,
    scale: "linear",
    resolution: 0.01,
  },
  { name: "cpu_busy_fraction", unit: "fraction", resource: "cpu", load_sign: 1, scale: "linear", resolution: 0.02 },
  { name: "switches_per_s", unit: "1/s", resource: "cpu", load_sign: 1, scale: "log1p", resolution: 0.3 },
];
export const NO_WATCH: WatchPort = {
  peers: () => null,
  asleep: () => null,
  stall_full_us: () => 0,
  forget: () => {},
};
export const WARMUP_S = 30;
export const QUIET_S = 60;

/** An invented node: a service of 150 MiB under 1 GiB that begins to leak 50 MiB/s after a minute; everything from a seed. */
export function* node(seed: number, leak_s = 5, id = 7): Generator<Sample> {
  const random = seeded(seed);
  const noise = (size: number) => (random() + random() + random() - 1.5) * size;
  let leaked = 0;
  for (let beat = 0; beat < (QUIET_S + leak_s) * 10; beat++) {
    const leaking = beat >= QUIET_S * 10;
    if (leaking) leaked += 5 * MIB;
    const t_ns = (beat + 1) * 100e6;
    const memory_bytes = 150 * MIB + leaked + noise(MIB / 4);
    const service: CgroupSample = {
      id,
      parent_id: 1,
      path: "/payment.slice",
      t_ns,
      memory_bytes,
      memory_limit_bytes: 1024 * MIB,
      memory_headroom_bytes: 1024 * MIB - memory_bytes,
      cpu_ns: beat * 1e7,
      io_bytes: 0,
      age_s: 600,
      exec_age_s: null,
    };
    yield {
      t_ns,
      sequence: beat,
      dimensions: DIMENSIONS,
      x: Float64Array.of(
        (leaking ? 50 * MIB : 0) + noise(2e6),
        0.3 + leaked / (2048 * MIB),
        0.1 + noise(0.02),
        900 + noise(90),
      ),
      node_memory: { total_bytes: 2048 * MIB, available_bytes: 1400 * MIB - leaked },
      stall: { cpu: 0.01, memory: 0, io: 0 },
      cgroups: [service],
      cgroups_at_ns: t_ns,
      gone: [],
      oom_kills: 0,
    };
  }
}
