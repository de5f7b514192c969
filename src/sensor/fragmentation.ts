import type { Absence } from "../model/sample.ts";
import { CounterFile } from "./counter_file.ts";
import { DIMENSIONS, type DimensionName } from "./dimensions.ts";
import { entropy_bits } from "./entropy.ts";
import type { BeatFigures, SensorPorts } from "./ports.ts";
import { bytes_of, Scanner } from "./scan.ts";
import type { Sense } from "./sense.ts";

/** The kernel has 11 orders by default; large-folio configurations have a few more. */
const MAX_ORDERS = 16;
const scanner = new Scanner();
const NODE = bytes_of("Node ");
const ZONE = bytes_of("zone ");
const SPACE = 32;
const NEWLINE = 10;

/** Free blocks per order, summed over nodes and zones, from `Node 0, zone   Normal   0 1 2 …`. Source: proc_buddyinfo(5). */
export function parse_buddyinfo(bytes: Uint8Array, into: Float64Array): boolean {
  scanner.start(bytes);
  into.fill(0);
  let zones = 0;
  while (!scanner.ended) {
    if (!scanner.accept(NODE) || !scanner.find_on_line(ZONE)) return false;
    scanner.skip_spaces();
    while (!scanner.ended && scanner.peek() !== SPACE && scanner.peek() !== NEWLINE) scanner.at++;
    scanner.skip_spaces();
    for (let order = 0; scanner.peek() !== NEWLINE && !scanner.ended; order++) {
      const blocks = scanner.number();
      if (order >= MAX_ORDERS || Number.isNaN(blocks)) return false;
      into[order]! += blocks;
      scanner.skip_spaces();
    }
    scanner.skip_line();
    zones++;
  }
  return zones > 0;
}

/**
 * H_frag: entropy of the free blocks over the buddy orders. As memory fragments the blocks crowd in the lowest orders and
 * the entropy falls, hence its load sign of −1. Read once a second: the kernel takes the zone locks for it.
 */
export class FragmentationSense implements Sense {
  readonly dimensions: readonly DimensionName[];
  readonly absences: readonly Absence[];
  readonly values: Float64Array;
  ready = true;
  readonly #file: CounterFile | null;

  constructor(ports: SensorPorts) {
    const path = "/proc/buddyinfo";
    const name = "memory_fragmentation_bits";
    this.#file = CounterFile.open(ports, {
      path,
      channels: MAX_ORDERS,
      parse: parse_buddyinfo,
      period_ns: 1e9,
      phase_ns: 5e6,
    });
    const why = `${path} cannot be opened (it is for root)`;
    this.dimensions = this.#file === null ? [] : [name];
    this.absences = this.#file === null ? [{ what: name, why, costs: DIMENSIONS[name].costs }] : [];
    this.values = new Float64Array(this.dimensions.length);
    if (this.#file !== null) this.values[0] = entropy_bits(this.#file.window.current);
  }

  get missed(): number {
    return this.#file?.missed ?? 0;
  }

  feel(beat: BeatFigures): void {
    if (this.#file === null || !this.#file.feel(beat.t_ns)) return;
    this.values[0] = entropy_bits(this.#file.window.current);
  }
}
