import { BeatCounters } from "./beat_counters.ts";
import type { SensorPorts } from "./ports.ts";
import type { Sense } from "./sense.ts";

const MIB = 1024 * 1024;

/** Mean latency of the requests completed in the window (0 when none was: nobody waited for one) and throughput. */
export function block_sense(ports: SensorPorts): Sense {
  return new BeatCounters(ports, [
    {
      name: "block_latency_ms",
      counters: ["block_latency_ns", "block_completed"],
      value: (window, first) => {
        const completed = window.rate(first + 1);
        return completed === 0 ? 0 : window.rate(first) / completed / 1e6;
      },
    },
    {
      name: "block_throughput_mib_per_s",
      counters: ["block_bytes"],
      value: (window, first) => window.rate(first) / MIB,
    },
  ]);
}
