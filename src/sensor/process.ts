import { BeatCounters, rate_of } from "./beat_counters.ts";
import type { SensorPorts } from "./ports.ts";
import type { Sense } from "./sense.ts";

/** New processes and programs started in them; threads are left out, a pool that grows starts no program. */
export function process_sense(ports: SensorPorts): Sense {
  return new BeatCounters(ports, [rate_of("forks_execs_per_s", "forks", "execs")]);
}
