import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { read_interfaces } from "../../src/sensor/interfaces.ts";
import { address_of, operator_sessions } from "../../src/sensor/sockets.ts";

let root = "";
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "hosa-interfaces-"));
  mkdirSync(join(root, "proc/net"), { recursive: true });
  mkdirSync(join(root, "sys/class/net"), { recursive: true });
});
afterEach(() => rmSync(root, { recursive: true }));

let next_index = 1;
function add(name: string, flags: string, more: readonly string[] = [], type = 1): void {
  const at = join(root, "sys/class/net", name);
  mkdirSync(at);
  writeFileSync(join(at, "ifindex"), `${next_index++}\n`);
  writeFileSync(join(at, "flags"), `${flags}\n`);
  writeFileSync(join(at, "type"), `${type}\n`);
  for (const each of more) {
    if (each !== "device") symlinkSync("/nowhere", join(at, each));
    else mkdirSync(join(at, "device"));
  }
}

const TCP = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n";
const V4_SESSION = "   0: 0A01000A:0016 0201000A:C350 01 00000000:00000000 00:00000000 00000000     0        0 1\n";
const V4_LISTENS = "   1: 00000000:0016 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 2\n";
const V4_OTHER = "   2: 0A01000A:1F90 0301000A:C350 01 00000000:00000000 00:00000000 00000000     0        0 3\n";

test("addresses of socket tables read as every other source writes them", () => {
  expect(address_of("0100007F:1F90")).toBe("127.0.0.1");
  expect(address_of("00000000000000000000000001000000:0016")).toBe("::1");
  expect(address_of("0000000000000000FFFF00000201000A:0016")).toBe("10.0.1.2");
  expect(address_of("B80D012000000000000000000100FE00:0016")).toBe("2001:db8::fe:1");
  expect(address_of("000080FE00000000FF00A0AA01EFBEAD:0016")).toBe("fe80::aaa0:ff:adbe:ef01");
});

test("only open sessions on the management ports count", () => {
  const tables = [{ name: "tcp", text: TCP + V4_SESSION + V4_LISTENS + V4_OTHER, cut: false }];
  expect(operator_sessions(tables, [22])).toEqual([{ local: "10.0.1.10", peer: "10.0.1.2" }]);
  expect(operator_sessions(tables, [])).toEqual([]);
  expect(operator_sessions([{ name: "udp", text: TCP + V4_SESSION, cut: false }], [22])).toEqual([]);
});

test("the operator's way in, and everything it stands on, is management", () => {
  add("lo", "0x9", [], 772);
  add("eth0", "0x1003", ["device", "master", "upper_bond0"]);
  add("eth1", "0x1003", ["device", "master", "upper_bond0"]);
  add("bond0", "0x1003", ["lower_eth0", "lower_eth1", "upper_bond0.7"]);
  add("bond0.7", "0x1003", ["lower_bond0"]);
  add("eth2", "0x1002", ["device"]);
  add("eth3", "0x1003", ["device"]);
  writeFileSync(join(root, "sys/class/net/bonding_masters"), "bond0\n");
  writeFileSync(
    join(root, "proc/net/route"),
    "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n" +
      "eth2\t00000000\t0101000A\t0003\t0\t0\t0\t00000000\t0\t0\t0\n",
  );
  const addresses = new Map([
    ["bond0.7", ["10.0.1.10"]],
    ["eth3", ["10.0.9.9"]],
  ]);
  const roots = { sys: join(root, "sys"), proc: join(root, "proc"), addresses };
  const seen = read_interfaces(roots, ["eth3"], [{ local: "10.0.1.10", peer: "10.0.1.2" }]);
  const why = Object.fromEntries(seen.map((each) => [each.name, each.management?.why ?? null]));
  expect(why).toMatchObject({
    lo: null,
    "bond0.7": "an ssh session from 10.0.1.2 uses it",
    bond0: "bond0.7 is stacked on it",
    eth0: "bond0 is stacked on it",
    eth1: "bond0 is stacked on it",
    eth2: "the default route uses it",
    eth3: "named in quarantine.management_interfaces",
  });
  expect(seen.find((each) => each.name === "eth2")).toMatchObject({ up: false, physical: true, ethernet: true });
  expect(seen.find((each) => each.name === "lo")).toMatchObject({ loopback: true, ethernet: false });
  expect(seen.map((each) => each.name)).not.toContain("bonding_masters");
});

test("the link to the BMC is a way in", () => {
  add("usb0", "0x1003", ["device"]);
  symlinkSync("/bus/usb/drivers/cdc_ether", join(root, "sys/class/net/usb0/device/driver"));
  const seen = read_interfaces({ sys: join(root, "sys"), proc: join(root, "proc"), addresses: new Map() }, [], []);
  expect(seen[0]?.management?.why).toContain("link to the BMC");
});
