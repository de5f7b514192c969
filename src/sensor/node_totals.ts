import type { KernelPart, NodeTotals } from "../model/attribution.ts";
import type { Maybe } from "../model/sample.ts";
import type { BeatFigures, KeptFilePort } from "./ports.ts";
import { bytes_of, KeyedLines, Scanner } from "./scan.ts";

/** Lines of /proc/meminfo that no process holds. Source: proc_meminfo(5). */
const KERNEL_LINES: readonly (readonly [KernelPart, string])[] = [
  ["slab", "SUnreclaim"],
  ["page_tables", "PageTables"],
  ["kernel_stacks", "KernelStack"],
  ["per_cpu", "Percpu"],
  ["vmalloc", "VmallocUsed"],
  ["huge_page_pool", "Hugetlb"],
];
const KEYS = ["MemTotal", "MemAvailable", "Shmem", ...KERNEL_LINES.map(([, line]) => line)];
const NODE_LINES = 3;

const scanner = new Scanner();
const CPU = bytes_of("cpu");

/** The counters of the latest beat that are taken. */
type BeatTotals = () => Pick<BeatFigures, "block_bytes" | "forks" | "connects">;

/** What the node as a whole used, from its two files and the latest beat. */
export class NodeTotalsReader {
  readonly #meminfo: Maybe<KeptFilePort>;
  readonly #stat: Maybe<KeptFilePort>;
  readonly #beat: BeatTotals;
  readonly #lines = new KeyedLines(KEYS);
  readonly #values = new Float64Array(KEYS.length);

  constructor(open: (path: string) => Maybe<KeptFilePort>, beat: BeatTotals) {
    this.#meminfo = open("/proc/meminfo");
    this.#stat = open("/proc/stat");
    this.#beat = beat;
  }

  /** Null where a file does not give what it is documented to give; a line that a kernel does not have counts as 0. */
  read(): Maybe<NodeTotals> {
    if (this.#meminfo === null || this.#stat === null) return null;
    this.#lines.read(this.#meminfo.read(), this.#values);
    const bytes = (at: number): number => (Number.isFinite(this.#values[at]) ? this.#values[at]! * 1024 : 0);
    const times = parse_times(this.#stat.read());
    if (times === null || bytes(0) === 0) return null;
    const kernel_bytes = Object.fromEntries(
      KERNEL_LINES.map(([part], i) => [part, bytes(NODE_LINES + i)]),
    ) as NodeTotals["kernel_bytes"];
    const { block_bytes, forks, connects } = this.#beat();
    const used_bytes = bytes(0) - bytes(1);
    return { used_bytes, shared_bytes: bytes(2), kernel_bytes, ...times, block_bytes, forks, connects };
  }
}

/** `cpu user nice system idle iowait irq softirq steal …`, then a line per CPU; null when it is something else. Source: proc_stat(5). */
export function parse_times(
  bytes: Uint8Array,
): Maybe<Pick<NodeTotals, "cores" | "busy_ticks" | "interrupt_ticks" | "stolen_ticks">> {
  scanner.start(bytes);
  if (!scanner.accept(CPU)) return null;
  const worked = scanner.number() + scanner.number() + scanner.number();
  scanner.number();
  scanner.number();
  const interrupt_ticks = scanner.number() + scanner.number();
  const stolen_ticks = scanner.number();
  scanner.skip_line();
  let cores = 0;
  for (; scanner.accept(CPU); scanner.skip_line()) cores++;
  const busy_ticks = worked + interrupt_ticks + stolen_ticks;
  return cores > 0 && Number.isFinite(busy_ticks) ? { cores, busy_ticks, interrupt_ticks, stolen_ticks } : null;
}
