import type { Dimension } from "../../src/model/dimension.ts";
import type { CgroupSample, Sample } from "../../src/model/sample.ts";

export const MIB = 1024 * 1024;

/** Seeded uniform numbers in [0, 1) (mulberry32): the same seed gives the same test. */
export function uniform(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Seeded standard normal numbers (Box and Muller). */
export function normal(seed: number): () => number {
  const next = uniform(seed);
  return () => Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next());
}

export function dimensions(count: number, scale: Dimension["scale"] = "linear"): Dimension[] {
  return Array.from({ length: count }, (_, j) => ({
    name: `d${j}`,
    unit: "1",
    resource: (["cpu", "memory", "io"] as const)[j % 3]!,
    load_sign: 1,
    scale,
    resolution: 1e-3,
  }));
}

export function cgroup_sample(t_ns: number, memory_bytes: number, more: Partial<CgroupSample> = {}): CgroupSample {
  return {
    id: 42,
    parent_id: 7,
    path: "/system.slice/busy.service",
    t_ns,
    memory_bytes,
    memory_limit_bytes: 1024 * MIB,
    memory_headroom_bytes: 1024 * MIB - memory_bytes,
    cpu_ns: null,
    io_bytes: null,
    age_s: 3600,
    exec_age_s: null,
    ...more,
  };
}

export function sample(t_ns: number, x: readonly number[], more: Partial<Sample> = {}): Sample {
  return {
    t_ns,
    sequence: Math.round(t_ns / 1e8),
    dimensions: [],
    x: Float64Array.from(x),
    node_memory: { total_bytes: 4096 * MIB, available_bytes: 2048 * MIB },
    stall: { cpu: 0, memory: 0, io: null },
    cgroups: [],
    cgroups_at_ns: t_ns,
    gone: [],
    oom_kills: 0,
    ...more,
  };
}

/**
 * Memory of a busy service: 400 short requests a second of up to 1 MiB for 2 ms, and 20 long ones of 4 MiB for 30 ms,
 * as memory.current would show it at `t_s`, the leak not included.
 */
export function saw_tooth(seed: number): (t_s: number) => number {
  const next = uniform(seed);
  const ends: { at_s: number; bytes: number }[] = [];
  let short_s = 0;
  let long_s = 0;
  const arrival = (rate: number): number => -Math.log(1 - next()) / rate;
  return (t_s) => {
    for (; short_s < t_s; short_s += arrival(400)) ends.push({ at_s: short_s + 0.002, bytes: next() * MIB });
    for (; long_s < t_s; long_s += arrival(20)) ends.push({ at_s: long_s + 0.03, bytes: 4 * MIB });
    let live = 0;
    for (let k = ends.length - 1; k >= 0; k--) {
      if (ends[k]!.at_s <= t_s) ends.splice(k, 1);
      else live += ends[k]!.bytes;
    }
    return 100 * MIB + live;
  };
}
