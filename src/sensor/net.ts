import type { Absence } from "../model/sample.ts";
import { BeatCounters, rate_of } from "./beat_counters.ts";
import { CounterFile } from "./counter_file.ts";
import { DIMENSIONS, type DimensionName } from "./dimensions.ts";
import { InterfaceTotals } from "./interface_totals.ts";
import type { BeatFigures, SensorPorts } from "./ports.ts";
import type { Sense } from "./sense.ts";

/** Packets per second in and out. Read every 200 ms: the kernel walks all interfaces and their CPUs for it. */
export class PacketSense implements Sense {
  readonly dimensions: readonly DimensionName[];
  readonly absences: readonly Absence[];
  readonly values: Float64Array;
  ready: boolean;
  readonly #file: CounterFile | null;
  readonly #totals = new InterfaceTotals();

  /** @param path another network namespace's view, `/proc/PID/net/dev`, where one is wanted. */
  constructor(ports: SensorPorts, path = "/proc/net/dev") {
    this.#file = CounterFile.open(ports, {
      path,
      channels: 2,
      parse: this.#totals.parse,
      period_ns: 200e6,
      phase_ns: 150e6,
    });
    const names: readonly DimensionName[] = ["net_rx_packets_per_s", "net_tx_packets_per_s"];
    const why = `${path} cannot be opened`;
    this.dimensions = this.#file === null ? [] : names;
    this.absences =
      this.#file === null ? names.map((name) => ({ what: name, why, costs: DIMENSIONS[name].costs })) : [];
    this.values = new Float64Array(this.dimensions.length);
    this.ready = this.#file === null;
  }

  /** Interfaces that are not counted, beyond the bound. */
  get interfaces_left_out(): number {
    return this.#totals.left_out;
  }

  get missed(): number {
    return this.#file?.missed ?? 0;
  }

  feel(beat: BeatFigures): void {
    if (this.#file === null || !this.#file.feel(beat.t_ns)) return;
    for (let i = 0; i < this.values.length; i++) this.values[i] = this.#file.window.rate(i);
    this.ready = true;
  }
}

/** TCP segments sent again and new outbound connections, from the kernel's own counters. */
export function tcp_sense(ports: SensorPorts): Sense {
  return new BeatCounters(ports, [
    rate_of("tcp_retransmits_per_s", "retransmits"),
    rate_of("tcp_connects_per_s", "connects"),
  ]);
}
