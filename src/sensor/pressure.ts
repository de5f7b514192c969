import type { Absence, Maybe } from "../model/sample.ts";
import { CounterFile } from "./counter_file.ts";
import { DIMENSIONS, type DimensionName } from "./dimensions.ts";
import type { BeatFigures, SensorPorts } from "./ports.ts";
import { bytes_of, Scanner } from "./scan.ts";
import type { Sense } from "./sense.ts";

const scanner = new Scanner();
const SOME = bytes_of("some ");
const TOTAL = bytes_of("total=");

/** Microseconds of `some … total=` in a PSI file. Source: Documentation/accounting/psi.rst. */
export function parse_some_total(bytes: Uint8Array, into: Float64Array): boolean {
  scanner.start(bytes);
  if (!scanner.accept(SOME) || !scanner.find_on_line(TOTAL)) return false;
  into[0] = scanner.number();
  return Number.isFinite(into[0]);
}

const KINDS = ["cpu", "memory", "io"] as const;
/** At 10 Hz every beat reads all three; at 100 Hz they take turns, and each is still thrice as fresh as its window is long. */
const PERIOD_NS = 30e6;
type Kind = (typeof KINDS)[number];

const NAMES: Readonly<Record<Kind, DimensionName>> = {
  cpu: "pressure_cpu_fraction",
  memory: "pressure_memory_fraction",
  io: "pressure_io_fraction",
};

/** Share of the window in which some task stalled, per resource; the total is current at every read, avg10 is not. */
export class PressureSense implements Sense {
  readonly dimensions: readonly DimensionName[];
  readonly absences: readonly Absence[];
  readonly values: Float64Array;
  ready: boolean;
  /** The same values by resource; null where PSI is off. */
  readonly stall: { cpu: Maybe<number>; memory: Maybe<number>; io: Maybe<number> } = {
    cpu: null,
    memory: null,
    io: null,
  };
  readonly #sources: readonly { readonly kind: Kind; readonly file: CounterFile }[];
  #missed_values = 0;

  constructor(ports: SensorPorts) {
    const sources: { kind: Kind; file: CounterFile }[] = [];
    const absences: Absence[] = [];
    for (const [turn, kind] of KINDS.entries()) {
      const path = `/proc/pressure/${kind}`;
      const taken = { period_ns: PERIOD_NS, phase_ns: (turn * PERIOD_NS) / KINDS.length };
      const file = CounterFile.open(ports, { path, channels: 1, parse: parse_some_total, ...taken });
      const name = NAMES[kind];
      if (file !== null) sources.push({ kind, file });
      else {
        const why = `${path} cannot be opened: the kernel was built or booted without PSI (psi=1)`;
        absences.push({ what: name, why, costs: DIMENSIONS[name].costs });
      }
    }
    this.#sources = sources;
    this.dimensions = sources.map((source) => NAMES[source.kind]);
    this.absences = absences;
    this.values = new Float64Array(sources.length);
    this.ready = sources.length === 0;
  }

  get missed(): number {
    return this.#sources.reduce((sum, source) => sum + source.file.missed, this.#missed_values);
  }

  feel(beat: BeatFigures): void {
    for (let i = 0; i < this.#sources.length; i++) {
      const { kind, file } = this.#sources[i]!;
      if (!file.feel(beat.t_ns)) continue;
      // Over a short window the total may run ahead of the clock of the reading by a few microseconds.
      const share = Math.min(1, file.window.rate(0) / 1e6);
      if (Number.isFinite(share)) {
        this.values[i] = share;
        this.stall[kind] = share;
      } else this.#missed_values++;
      this.ready = true;
    }
  }
}
