import { expect, test } from "bun:test";
import type { Dimension } from "../../src/model/dimension.ts";
import type { Sample } from "../../src/model/sample.ts";
import { Arrivals, sum_counters } from "../../src/sensor/arrivals.ts";

const SNMP = (opens: number, ports: number) => `Ip: Forwarding DefaultTTL
Ip: 1 64
Tcp: RtoAlgorithm PassiveOpens AttemptFails OutRsts
Tcp: 1 ${opens} 5 900
Udp: InDatagrams NoPorts InErrors RcvbufErrors
Udp: 1000 ${ports} 7 3
UdpLite: InDatagrams NoPorts
UdpLite: 1 99
`;

test("counters are found by prefix and name", () => {
  expect(sum_counters(SNMP(40, 2), ["Tcp.PassiveOpens", "Tcp.AttemptFails", "Udp.NoPorts", "Udp.RcvbufErrors"])).toBe(
    50,
  );
  expect(
    sum_counters("Udp6NoPorts \t 12\nUdp6RcvbufErrors\t4\nIp6InReceives 5\n", ["Udp6NoPorts", "Udp6RcvbufErrors"]),
  ).toBe(16);
  expect(sum_counters("", ["Tcp.PassiveOpens"])).toBe(0);
  expect(sum_counters("Tcp: PassiveOpens\nTcp: 3\n", ["TcpExt.ListenDrops"])).toBe(0);
});

/** A node on which so many conversations are begun per second, from reading to reading. */
function node(): {
  arrivals: Arrivals;
  at: (t_s: number, packets_per_s: number) => number | null;
  reads: () => number;
  counted: { opens: number };
} {
  const counted = { opens: 0 };
  let reads = 0;
  const read = () => {
    reads += 1;
    return new TextEncoder().encode(SNMP(counted.opens, 0));
  };
  const arrivals = new Arrivals({ open: (path) => (path === "/proc/net/snmp" ? { read } : null) });
  const dimensions = [{ name: "net_rx_packets_per_s" }] as unknown as readonly Dimension[];
  const at = (t_s: number, packets_per_s: number) =>
    arrivals.observe({ t_ns: t_s * 1e9, dimensions, x: new Float64Array([packets_per_s]) } as unknown as Sample);
  return { arrivals, at, reads: () => reads, counted };
}

test("nothing is read while few packets arrive, and the first reading says nothing", () => {
  const { at, reads, counted } = node();
  expect(at(1, 900)).toBeNull();
  expect(reads()).toBe(0);
  expect(at(2, 5000)).toBeNull();
  counted.opens = 400;
  expect(at(2.1, 5000)).toBeNull();
  expect(reads()).toBe(1);
  expect(at(2.4, 5000)).toBe(1000);
  expect(at(2.5, 5000)).toBe(1000);
  expect(at(2.6, 100)).toBeNull();
});

test("a reading of long ago is no rate of now", () => {
  const { at, counted } = node();
  at(1, 5000);
  counted.opens = 1e6;
  expect(at(10, 5000)).toBeNull();
  expect(at(10.5, 5000)).toBe(0);
});
