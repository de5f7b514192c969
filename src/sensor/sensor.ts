import type { Dimension } from "../model/dimension.ts";
import type { Absence, Sample } from "../model/sample.ts";
import { block_sense } from "./block.ts";
import { CgroupTracker } from "./cgroups.ts";
import { CpuSense } from "./cpu.ts";
import { DIMENSIONS, type DimensionName, dimension } from "./dimensions.ts";
import { FragmentationSense } from "./fragmentation.ts";
import { MemorySense, reclaim_sense, VmstatSense } from "./memory.ts";
import { find_cgroup2_mount } from "./mount.ts";
import { PacketSense, tcp_sense } from "./net.ts";
import type { BeatFigures, SensorPorts } from "./ports.ts";
import { PressureSense } from "./pressure.ts";
import { process_sense } from "./process.ts";
import type { Sense } from "./sense.ts";
import { SyscallSense } from "./syscalls.ts";

export interface SensorOptions {
  /** Cgroups below the cgroup v2 mount, the agent's own among them: followed, never reported. */
  readonly excluded_paths?: readonly string[];
}

/** Where each sense's values go in x, by position in its own vector. */
interface Placed {
  readonly sense: Sense;
  readonly to: readonly number[];
}

/** All senses of the node: one beat of the kernel in, one Sample out. */
export class Sensor {
  /** The components of x, in the order of the table in dimensions.ts. */
  readonly dimensions: readonly Dimension[];
  readonly absences: readonly Absence[];
  readonly cgroups: CgroupTracker;
  readonly #placed: readonly Placed[];
  readonly #memory: MemorySense;
  readonly #pressure: PressureSense;
  readonly #packets: PacketSense;
  readonly #x: Float64Array;
  #first_oom_kills = -1;

  /** @throws OperatorError when a file every Linux node has cannot be read or does not read as documented. */
  constructor(ports: SensorPorts, options: SensorOptions = {}) {
    this.#memory = new MemorySense(ports);
    this.#pressure = new PressureSense(ports);
    this.#packets = new PacketSense(ports);
    const senses: readonly Sense[] = [
      new CpuSense(ports),
      this.#memory,
      new VmstatSense(ports),
      reclaim_sense(ports),
      new FragmentationSense(ports),
      this.#pressure,
      block_sense(ports),
      this.#packets,
      tcp_sense(ports),
      process_sense(ports),
      new SyscallSense(ports),
    ];
    const present = new Set(senses.flatMap((sense) => sense.dimensions));
    const names = (Object.keys(DIMENSIONS) as DimensionName[]).filter((name) => present.has(name));
    this.dimensions = names.map((name) => dimension(name, this.#memory.total_bytes));
    this.absences = [...ports.absences, ...senses.flatMap((sense) => sense.absences)];
    this.#placed = senses.map((sense) => ({ sense, to: sense.dimensions.map((name) => names.indexOf(name)) }));
    this.#x = new Float64Array(names.length);
    const mount = find_cgroup2_mount();
    this.cgroups = new CgroupTracker(ports, { mount: mount?.mount ?? null, ...options });
  }

  /** The dimensions whose source gave nothing usable at least once. */
  get missed_dimensions(): readonly string[] {
    return this.#placed.flatMap(({ sense }) => (sense.missed > 0 ? sense.dimensions : []));
  }

  /** Network interfaces that are not counted. */
  get interfaces_left_out(): number {
    return this.#packets.interfaces_left_out;
  }

  /** How often any value had to be kept because its source gave nothing usable. */
  get missed(): number {
    return this.#placed.reduce((sum, placed) => sum + placed.sense.missed, 0);
  }

  /**
   * Feel one beat. `x` is reused by the next call; copy what must last.
   * @returns null for the first beats, while some rate has no window yet (at most 400 ms).
   */
  sense(beat: BeatFigures): Sample | null {
    if (this.#first_oom_kills < 0) this.#first_oom_kills = beat.oom_kills;
    let ready = true;
    for (const { sense, to } of this.#placed) {
      sense.feel(beat);
      ready = ready && sense.ready;
      for (let i = 0; i < to.length; i++) this.#x[to[i]!] = sense.values[i]!;
    }
    if (!ready) return null;
    return {
      t_ns: beat.t_ns,
      sequence: beat.sequence,
      dimensions: this.dimensions,
      x: this.#x,
      node_memory: { total_bytes: this.#memory.total_bytes, available_bytes: this.#memory.available_bytes },
      stall: { ...this.#pressure.stall },
      cgroups: this.cgroups.observe(beat.t_ns),
      cgroups_at_ns: this.cgroups.observed_ns,
      gone: this.cgroups.gone.slice(),
      oom_kills: Math.max(0, beat.oom_kills - this.#first_oom_kills),
    };
  }
}
