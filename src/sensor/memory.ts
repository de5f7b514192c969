import { OperatorError } from "../model/error.ts";
import type { Absence, NodeMemory } from "../model/sample.ts";
import { BeatCounters, rate_of } from "./beat_counters.ts";
import { CounterFile } from "./counter_file.ts";
import { DIMENSIONS, type DimensionName } from "./dimensions.ts";
import type { BeatFigures, SensorPorts } from "./ports.ts";
import { KeyedLines } from "./scan.ts";
import type { Sense } from "./sense.ts";

const meminfo_lines = new KeyedLines(["MemTotal", "MemAvailable", "AnonPages", "Shmem"]);

/**
 * Channels: total, available, used, owned bytes. Owned is what programs hold beside caches (anonymous and shared memory); where the
 * file does not tell, it is what is used. Source: proc_meminfo(5).
 */
export function parse_meminfo(bytes: Uint8Array, into: Float64Array): boolean {
  meminfo_lines.read(bytes, into);
  const total = into[0]! * 1024;
  const available = into[1]! * 1024;
  const owned = (into[2]! + into[3]!) * 1024;
  into[0] = total;
  into[1] = available;
  into[2] = total - available;
  into[3] = Number.isFinite(owned) ? owned : into[2];
  return total > 0 && into[2] >= 0;
}

/**
 * Used fraction and growth of the node's memory. Growth is the mean slope over 300 ms, which tames single bursts, of what is used or
 * of what is owned, whichever rises more: pages that wait in a processor's own free list are neither free nor owned, and on recent
 * kernels they feed an onset for half a second before MemAvailable moves.
 */
export class MemorySense implements Sense, NodeMemory {
  readonly dimensions: readonly DimensionName[] = ["memory_used_fraction", "memory_growth_bytes_per_s"];
  readonly absences: readonly Absence[] = [];
  readonly values = new Float64Array(2);
  ready = false;
  readonly #file: CounterFile;

  /** @throws OperatorError without MemAvailable: an agent blind to memory must not pretend to watch a node. */
  constructor(ports: SensorPorts) {
    const file = CounterFile.open(ports, { path: "/proc/meminfo", channels: 4, parse: parse_meminfo, span_ns: 285e6 });
    if (file === null) throw new OperatorError("opening /proc/meminfo: it cannot be opened", 3, "mount /proc");
    this.#file = file;
  }

  get missed(): number {
    return this.#file.missed;
  }

  get total_bytes(): number {
    return this.#file.window.current[0]!;
  }

  get available_bytes(): number {
    return this.#file.window.current[1]!;
  }

  feel(beat: BeatFigures): void {
    if (!this.#file.feel(beat.t_ns)) return;
    this.values[0] = 1 - this.available_bytes / this.total_bytes;
    this.values[1] = Math.max(this.#file.window.slope(2), this.#file.window.slope(3));
    this.ready = true;
  }
}

/** Dimensions of /proc/vmstat, read every 200 ms because the kernel sums some 200 figures over all CPUs for it. */
const VMSTAT: readonly { readonly name: DimensionName; readonly key: string }[] = [
  { name: "major_faults_per_s", key: "pgmajfault" },
  { name: "swap_out_pages_per_s", key: "pswpout" },
];

/** Major faults and swap-out. A kernel without swap has no pswpout: that dimension is absent then. */
export class VmstatSense implements Sense {
  readonly dimensions: readonly DimensionName[];
  readonly absences: readonly Absence[];
  readonly values: Float64Array;
  ready = false;
  #missed_values = 0;
  readonly #file: CounterFile | null;

  constructor(ports: SensorPorts) {
    const present = present_keys(ports);
    const wanted = VMSTAT.filter((entry) => present.has(entry.key));
    this.dimensions = wanted.map((entry) => entry.name);
    this.absences = VMSTAT.filter((entry) => !present.has(entry.key)).map((entry) => ({
      what: entry.name,
      why: `/proc/vmstat has no ${entry.key}`,
      costs: DIMENSIONS[entry.name].costs,
    }));
    this.values = new Float64Array(wanted.length);
    const lines = new KeyedLines(wanted.map((entry) => entry.key));
    const options = { path: "/proc/vmstat", channels: wanted.length, period_ns: 200e6, phase_ns: 100e6 };
    this.#file =
      wanted.length === 0
        ? null
        : CounterFile.open(ports, { ...options, parse: (bytes, into) => lines.read(bytes, into) });
    if (this.#file === null) this.ready = true;
  }

  get missed(): number {
    return this.#missed_values + (this.#file?.missed ?? 0);
  }

  feel(beat: BeatFigures): void {
    if (this.#file === null || !this.#file.feel(beat.t_ns)) return;
    for (let i = 0; i < this.values.length; i++) {
      const rate = this.#file.window.rate(i);
      if (Number.isFinite(rate)) this.values[i] = rate;
      else this.#missed_values++;
    }
    this.ready = true;
  }
}

function present_keys(ports: SensorPorts): ReadonlySet<string> {
  const file = ports.open("/proc/vmstat");
  if (file === null) return new Set();
  const lines = new TextDecoder().decode(file.read()).split("\n");
  return new Set(lines.map((line) => line.slice(0, line.indexOf(" "))));
}

/** Direct reclaim begun by any task, node-wide or inside a memory cgroup, from the kernel's own counter. */
export function reclaim_sense(ports: SensorPorts): Sense {
  return new BeatCounters(ports, [rate_of("reclaim_stalls_per_s", "reclaim_stalls")]);
}
