import type { Maybe, Sample } from "../model/sample.ts";
import type { KeptFilePort, SensorPorts } from "./ports.ts";

/** Below this many arriving packets a second nothing is read: that is no flood. */
const PACKETS_MIN_PER_S = 1000;
const PERIOD_NS = 200e6;
/** Readings further apart say nothing of now. */
const WINDOW_MAX_NS = 2e9;

/** Counters that rise with a conversation somebody outside begins, served or not, by file. */
const COUNTERS: Readonly<Record<string, readonly string[]>> = {
  "/proc/net/snmp": ["Tcp.PassiveOpens", "Tcp.AttemptFails", "Udp.NoPorts", "Udp.RcvbufErrors"],
  "/proc/net/netstat": ["TcpExt.SyncookiesSent", "TcpExt.ListenDrops", "TcpExt.TCPReqQFullDrop"],
  "/proc/net/snmp6": ["Udp6NoPorts", "Udp6RcvbufErrors"],
};

/**
 * Sum of named counters of a file in the format of proc_net(5) snmp (a line of names, a line of values, both behind a prefix) or
 * snmp6 (a name and a value per line). Names it does not have count as 0.
 */
export function sum_counters(text: string, names: readonly string[]): number {
  const wanted = new Set(names);
  let sum = 0;
  let header: readonly string[] = [];
  for (const line of text.split("\n")) {
    const words = line.trim().split(/\s+/);
    const first = words[0] ?? "";
    if (!first.endsWith(":")) {
      if (wanted.has(first)) sum += Number(words[1]);
    } else if (header[0] === first) {
      for (let i = 1; i < words.length; i++)
        if (wanted.has(`${first.slice(0, -1)}.${header[i]}`)) sum += Number(words[i]);
      header = [];
    } else {
      header = words;
    }
  }
  return sum;
}

/** Conversations that somebody outside begins, per second; read only while many packets arrive. */
export class Arrivals {
  readonly #files: readonly { readonly file: KeptFilePort; readonly names: readonly string[] }[];
  #counted = 0;
  #counted_ns = Number.NEGATIVE_INFINITY;
  #per_s: Maybe<number> = null;

  constructor(ports: Pick<SensorPorts, "open">) {
    this.#files = Object.entries(COUNTERS).flatMap(([path, names]) => {
      const file = ports.open(path);
      return file === null ? [] : [{ file, names }];
    });
  }

  /** Null while few packets arrive, and at the first of many. */
  observe({ t_ns, dimensions, x }: Sample): Maybe<number> {
    const received = dimensions.findIndex(({ name }) => name === "net_rx_packets_per_s");
    if (this.#files.length === 0 || received < 0 || x[received]! < PACKETS_MIN_PER_S) {
      this.#per_s = null;
      return null;
    }
    const since_ns = t_ns - this.#counted_ns;
    if (since_ns < PERIOD_NS) return this.#per_s;
    let counted = 0;
    try {
      for (const { file, names } of this.#files)
        counted += sum_counters(Buffer.from(file.read()).toString("latin1"), names);
    } catch {
      // The read failed: for now that is no data.
      return this.#per_s;
    }
    this.#per_s = since_ns > WINDOW_MAX_NS ? null : Math.max(0, counted - this.#counted) / (since_ns / 1e9);
    this.#counted = counted;
    this.#counted_ns = t_ns;
    return this.#per_s;
  }
}
