/** What the XDP shield costs per packet, beside a program that admits everything at once: the kernel's own test run, repeated. */

import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BpfObject } from "../src/ffi/program.ts";
import type { Rule } from "./shield/model.ts";
import { ACK, type Bytes, frames_between, SYN } from "./shield/packets.ts";
import { CLIENT_PORT, LISTENER_PORT, World } from "./shield/world.ts";

const REPEAT = 200_000;
const ROUNDS = 15;

const EMPTY = `
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
SEC("xdp") int empty(struct xdp_md *ctx) { return XDP_PASS; }
char LICENSE[] SEC("license") = "GPL";`;

function load_empty(): BpfObject {
  const directory = mkdtempSync(join(tmpdir(), "hosa-bench-"));
  try {
    const path = join(directory, "empty.o");
    const flags = [
      "-O2",
      "-g",
      "-target",
      "bpf",
      "-mcpu=v3",
      `-I/usr/include/${process.arch === "x64" ? "x86_64" : process.arch}-linux-gnu`,
    ];
    const built = Bun.spawnSync(["clang", ...flags, "-x", "c", "-c", "-o", path, "-"], { stdin: Buffer.from(EMPTY) });
    if (!built.success) throw new Error(`bench: clang cannot build the empty program: ${built.stderr.toString()}`);
    const object = BpfObject.open(readFileSync(path));
    object.load("the empty program");
    return object;
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

await using world = await World.open();
using empty = load_empty();

const shed: Rule = {
  mode: "shed",
  established: true,
  dns: true,
  dhcp: true,
  ping: true,
  tcp_ports: new Set([22]),
  udp_ports: new Set(),
  prefixes4: ["00001010"],
  prefixes6: ["11111101"],
  sockets: [],
  ephemeral_low: 32_768,
  window: 1,
  quota: 4,
  source_share: 2 ** 32,
  flow_packets: 4096,
  salt: 1n,
};
const half: Rule = { ...shed, source_share: 0 };
const everybody: Rule = { ...shed, quota: 2 ** 32 - 1 };
const essential: Rule = { ...shed, mode: "essential" };
const own = frames_between("127.0.0.1", "127.0.0.1");
const far = frames_between("203.0.113.5", "127.0.0.1");
const far6 = frames_between("2001:db8:5::5", "::1");
const segment = own.tcp(CLIENT_PORT, LISTENER_PORT, ACK);

const CASES: readonly (readonly [string, Rule, Bytes])[] = [
  ["open", { ...shed, mode: "open" }, segment],
  ["shed_syn_of_flooder", shed, far.tcp(5000, 80, SYN)],
  ["shed_syn_of_unheard_source", half, far.tcp(5000, 80, SYN)],
  ["shed_syn_admitted", everybody, far.tcp(5000, 80, SYN)],
  ["shed_syn_of_flooder_ipv6", shed, far6.tcp(5000, 80, SYN)],
  ["shed_established", shed, segment],
  ["shed_udp_of_flooder", shed, far.udp(5000, 80)],
  ["shed_ack_of_no_connection", shed, far.tcp(5000, 80, ACK)],
  ["shed_udp_of_flooder_forwarding", shed, far.udp(5000, 80)],
  ["essential_syn_refused", essential, far.tcp(5000, 80, SYN)],
  ["essential_port", essential, far.tcp(5000, 22, ACK)],
];

for (const [name, rule, frame] of CASES) {
  world.tracked = name.endsWith("forwarding");
  world.set(rule);
  let [least_empty, least_shield] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
  // In turns, and the least of each: what disturbs one round disturbs both.
  for (let round = 0; round < ROUNDS; round++) {
    least_empty = Math.min(least_empty, empty.test("empty", frame, REPEAT).duration_ns);
    least_shield = Math.min(least_shield, world.program.test(frame, REPEAT).duration_ns);
  }
  const unit = "ns per packet";
  console.log(JSON.stringify({ name: `shield_${name}`, value: least_shield, unit }));
  console.log(JSON.stringify({ name: `shield_${name}_over_empty`, value: least_shield - least_empty, unit }));
}
