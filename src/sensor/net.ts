import type { Absence } from "../model/sample.ts";
import { BeatCounters, rate_of } from "./beat_counters.ts";
import { CounterFile } from "./counter_file.ts";
import { DIMENSIONS, type DimensionName } from "./dimensions.ts";
import type { BeatFigures, SensorPorts } from "./ports.ts";
import { bytes_of, Scanner } from "./scan.ts";
import type { Sense } from "./sense.ts";

const scanner = new Scanner();
const LOOPBACK = bytes_of("lo:");
const HEADER = bytes_of("Inter-|");
const COLON = 58;
const NEWLINE = 10;

/**
 * Packets received and sent over all interfaces but lo. Source: proc_net(5), "dev".
 * Loopback is left out: it is a node talking to itself, every packet of it counted once each way, and a busy local
 * database would hide what arrives from outside; its cost is seen in the cpu dimensions.
 *
 * @param into packets received and sent, and a hash of the names of the interfaces
 */
export function parse_net_dev(bytes: Uint8Array, into: Float64Array): boolean {
  scanner.start(bytes);
  if (!scanner.accept(HEADER)) return false;
  scanner.skip_line();
  scanner.skip_line();
  let rx = 0;
  let tx = 0;
  let names = 0;
  for (; !scanner.ended; scanner.skip_line()) {
    scanner.skip_spaces();
    if (scanner.accept(LOOPBACK)) continue;
    while (scanner.peek() !== COLON) {
      if (scanner.ended || scanner.peek() === NEWLINE) return false;
      names = (Math.imul(names, 31) + scanner.peek()) >>> 0;
      scanner.at++;
    }
    scanner.at++;
    scanner.number();
    rx += scanner.number();
    for (let skipped = 0; skipped < 7; skipped++) scanner.number();
    tx += scanner.number();
  }
  into[0] = rx;
  into[1] = tx;
  into[2] = names;
  return Number.isFinite(rx + tx);
}

/** Packets per second in and out. Read every 200 ms: the kernel walks all interfaces and their CPUs for it. */
export class PacketSense implements Sense {
  readonly dimensions: readonly DimensionName[];
  readonly absences: readonly Absence[];
  readonly values: Float64Array;
  ready: boolean;
  readonly #file: CounterFile | null;
  #missed_values = 0;

  /** @param path another network namespace's view, `/proc/PID/net/dev`, where one is wanted. */
  constructor(ports: SensorPorts, path = "/proc/net/dev") {
    this.#file = CounterFile.open(ports, {
      path,
      channels: 3,
      parse: parse_net_dev,
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

  get missed(): number {
    return this.#missed_values + (this.#file?.missed ?? 0);
  }

  feel(beat: BeatFigures): void {
    if (this.#file === null || !this.#file.feel(beat.t_ns)) return;
    // An interface that came brought all it ever counted, and one that went took it away.
    const same = this.#file.window.delta(2) === 0;
    for (let i = 0; i < this.values.length; i++) {
      const rate = this.#file.window.rate(i);
      if (same && Number.isFinite(rate)) this.values[i] = rate;
      else this.#missed_values++;
    }
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
