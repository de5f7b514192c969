import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { default_route_interfaces, ephemeral_low, forwards, management_in_use } from "../../src/sensor/listeners.ts";

let proc: string;
beforeEach(() => {
  proc = mkdtempSync(join(tmpdir(), "hosa-proc-"));
});
afterEach(() => rmSync(proc, { recursive: true }));

function file(path: string, text: string): void {
  mkdirSync(dirname(join(proc, path)), { recursive: true });
  writeFileSync(join(proc, path), text);
}

function process_with(pid: number, comm: string, inode: number): void {
  file(`${pid}/comm`, `${comm}\n`);
  mkdirSync(join(proc, `${pid}/fd`));
  symlinkSync(`socket:[${inode}]`, join(proc, `${pid}/fd/3`));
  symlinkSync("/dev/null", join(proc, `${pid}/fd/0`));
}

const HEADER = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n";
const row = (local: string, state: string, inode: number) =>
  `   0: ${local} 00000000:0000 ${state} 00000000:00000000 00:00000000 00000000     0        0 ${inode} 1 0000000000000000 100 0 0 10 0\n`;

test("ports by which somebody reaches the node are found: sshd's, its sessions', the kubelet's", () => {
  process_with(10, "sshd", 111);
  process_with(11, "sshd-session", 222);
  process_with(12, "nginx", 333);
  const tcp = row("00000000:08AE", "0A", 111) + row("0100007F:0016", "01", 222) + row("00000000:0050", "0A", 333);
  file("net/tcp", HEADER + tcp);
  file("net/tcp6", HEADER + row("00000000000000000000000000000000:280A", "0A", 444));
  const ports = management_in_use(proc, "203.0.113.5 50000 192.0.2.1 2022").map(({ port }) => port);
  expect(ports.toSorted((one, other) => one - other)).toEqual([22, 2022, 2222, 10_250]);
});

test("where nothing can be read, nothing is found", () => {
  expect(management_in_use(proc, null)).toEqual([]);
  expect(default_route_interfaces(proc)).toEqual([]);
  expect(forwards(proc)).toBe(false);
  expect(ephemeral_low(proc)).toBe(32_768);
});

test("the interfaces of the default routes that are usable", () => {
  file(
    "net/route",
    "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\n" +
      "eth0\t00000000\t0100000A\t0003\t0\t0\t0\t00000000\t0\t0\t0\n" +
      "eth1\t0000000A\t00000000\t0001\t0\t0\t0\t000000FF\t0\t0\t0\n" +
      "eth2\t00000000\t0100000A\t0002\t0\t0\t0\t00000000\t0\t0\t0\n",
  );
  const zero = "0".repeat(32);
  file(
    "net/ipv6_route",
    `${zero} 00 ${zero} 00 fe800000000000000000000000000001 00000400 1 0 00000003 wan6\n` +
      `${zero} 00 ${zero} 00 ${zero} ffffffff 1 0 00200200 lo\n`,
  );
  expect(default_route_interfaces(proc)).toEqual(["eth0", "wan6"]);
});

test("a node that forwards, and its own ports", () => {
  file("sys/net/ipv4/ip_forward", "1\n");
  file("sys/net/ipv4/ip_local_port_range", "20000\t60999\n");
  expect(forwards(proc)).toBe(true);
  expect(ephemeral_low(proc)).toBe(20_000);
});
