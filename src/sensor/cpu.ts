import type { Absence } from "../model/sample.ts";
import { CounterFile } from "./counter_file.ts";
import { DIMENSIONS, type DimensionName } from "./dimensions.ts";
import type { BeatFigures, SensorPorts } from "./ports.ts";
import { bytes_of, Scanner } from "./scan.ts";
import type { Sense } from "./sense.ts";
import { Window } from "./window.ts";

const scanner = new Scanner();
const CPU = bytes_of("cpu");
const SLASH = 47;
const NEWLINE = 10;

/** Channels of a /proc/stat reading: CPU time in ticks of 10 ms, and the number of CPUs online. */
const USER = 0;
const KERNEL = 1;
const ONLINE = 2;
/** With fewer ticks than this their ratio is mostly chance. */
const MIN_TICKS = 20;

/** `cpu user nice system idle iowait irq softirq …`, then one line per CPU. Source: proc_stat(5). */
export function parse_stat(bytes: Uint8Array, into: Float64Array): boolean {
  scanner.start(bytes);
  if (!scanner.accept(CPU)) return false;
  const user = scanner.number() + scanner.number();
  const system = scanner.number();
  scanner.number();
  scanner.number();
  const interrupts = scanner.number() + scanner.number();
  scanner.skip_line();
  let online = 0;
  for (; scanner.accept(CPU); scanner.skip_line()) online++;
  into[USER] = user;
  into[KERNEL] = system + interrupts;
  into[ONLINE] = online;
  return online > 0 && Number.isFinite(user + system + interrupts);
}

/** Runnable tasks: the number before the slash in `0.50 0.40 0.30 2/345 12345`. Source: proc_loadavg(5). */
export function parse_runnable(bytes: Uint8Array, into: Float64Array): boolean {
  scanner.start(bytes);
  while (scanner.peek() !== SLASH && scanner.peek() !== NEWLINE && !scanner.ended) scanner.at++;
  if (scanner.peek() !== SLASH) return false;
  const slash = scanner.at;
  while (scanner.at > 0 && bytes[scanner.at - 1]! >= 48 && bytes[scanner.at - 1]! <= 57) scanner.at--;
  const runnable = scanner.digits();
  into[0] = runnable;
  return scanner.at === slash && Number.isFinite(runnable);
}

/**
 * Busy fraction from the kernel's idle time, run queue, context switches and the kernel share R_ku.
 * The run queue comes from /proc/loadavg, which is the same nr_running() as procs_running in /proc/stat at a fraction of
 * the cost on large machines; /proc/stat is read once a second. R_ku is taken over a second at least because the file counts in
 * ticks of 10 ms, and over as many seconds as twenty of them take: an idle node has its ratio too, and does not keep that of the
 * last second in which something ran. It includes interrupt time, so that an interrupt storm shows.
 */
export class CpuSense implements Sense {
  readonly dimensions: readonly DimensionName[];
  readonly absences: readonly Absence[];
  readonly values: Float64Array;
  ready = false;
  readonly #stat: CounterFile | null;
  readonly #runnable: CounterFile | null;
  readonly #counters = new Window(2);
  readonly #busy: number;
  readonly #queue: number;
  readonly #switches: number;
  readonly #ratio: number;
  #missed_values = 0;
  #most_online = 0;
  /** Ticks at the last ratio. */
  #ratio_since = { user: 0, kernel: 0 };

  constructor(ports: SensorPorts) {
    this.#stat = CounterFile.open(ports, {
      path: "/proc/stat",
      channels: 3,
      parse: parse_stat,
      period_ns: 1e9,
      phase_ns: 350e6,
      span_ns: 950e6,
    });
    this.#runnable = CounterFile.open(ports, {
      path: "/proc/loadavg",
      channels: 1,
      parse: parse_runnable,
      period_ns: 200e6,
      phase_ns: 50e6,
    });
    const dimensions: DimensionName[] = [];
    const absences: Absence[] = [];
    const offer = (name: DimensionName, why: string | null): number => {
      if (why === null) return dimensions.push(name) - 1;
      absences.push({ what: name, why, costs: DIMENSIONS[name].costs });
      return -1;
    };
    const no_stat = this.#stat === null ? "/proc/stat cannot be opened" : null;
    const no_queue = this.#runnable === null ? "/proc/loadavg cannot be opened" : null;
    this.#busy = offer("cpu_busy_fraction", ports.missing_counter("idle_ns") ?? no_stat);
    this.#queue = offer("run_queue_per_core", no_queue ?? no_stat);
    this.#switches = offer("context_switches_per_s", ports.missing_counter("switches"));
    this.#ratio = offer("kernel_user_ratio", no_stat);
    this.dimensions = dimensions;
    this.absences = absences;
    this.values = new Float64Array(dimensions.length);
    // Until so many ticks have passed the ratio since boot stands.
    if (this.#stat !== null) this.#take_ratio(this.#stat.window.current);
  }

  get missed(): number {
    return this.#missed_values + (this.#stat?.missed ?? 0) + (this.#runnable?.missed ?? 0);
  }

  feel(beat: BeatFigures): void {
    this.#feel_stat(beat.t_ns);
    this.#feel_runnable(beat.t_ns);
    this.#counters.current[0] = beat.idle_ns;
    this.#counters.current[1] = beat.switches;
    if (!this.#counters.advance(beat.t_ns)) return;
    this.ready = true;
    const online = this.#online();
    // A CPU that was taken offline went to its idle task last, and counts as idle ever after.
    this.#most_online = Math.max(this.#most_online, online);
    const idle_cores = this.#counters.rate(0) / 1e9 - (this.#most_online - online);
    this.#store(this.#busy, 1 - idle_cores / online, 1);
    this.#store(this.#switches, this.#counters.rate(1), Number.POSITIVE_INFINITY);
  }

  #online(): number {
    return this.#stat?.window.current[ONLINE] ?? Number.NaN;
  }

  #feel_stat(beat_ns: number): void {
    if (this.#stat === null || !this.#stat.feel(beat_ns)) return;
    this.#take_ratio(this.#stat.window.current);
  }

  /** @param now ticks since boot, as `parse_stat` says them */
  #take_ratio(now: Float64Array): void {
    const user = now[USER]! - this.#ratio_since.user;
    const kernel = now[KERNEL]! - this.#ratio_since.kernel;
    const counted = user >= 0 && kernel >= 0;
    if (counted && user + kernel < MIN_TICKS) return;
    // A count that fell is that of CPUs that were taken away: it begins anew.
    if (counted) this.#store(this.#ratio, kernel / Math.max(1, user), Number.POSITIVE_INFINITY);
    this.#ratio_since = { user: now[USER]!, kernel: now[KERNEL]! };
  }

  #feel_runnable(beat_ns: number): void {
    if (this.#runnable === null) return;
    this.#runnable.feel(beat_ns);
    // The reader itself is always running at that instant.
    const others = Math.max(0, this.#runnable.window.current[0]! - 1);
    this.#store(this.#queue, others / this.#online(), Number.POSITIVE_INFINITY);
  }

  #store(index: number, value: number, most: number): void {
    if (index < 0) return;
    if (Number.isFinite(value)) this.values[index] = Math.min(most, Math.max(0, value));
    else this.#missed_values++;
  }
}
