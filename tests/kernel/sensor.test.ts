import { afterAll, describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import type { Sample } from "../../src/model/sample.ts";
import { kernel_ports } from "../../src/sensor/kernel_ports.ts";
import { parse_net_dev } from "../../src/sensor/net_dev.ts";
import { Sensor } from "../../src/sensor/sensor.ts";
import { ThreadWatch } from "../../src/sensor/threads.ts";
import { CompiledHelper, fresh_beat, number_in, open_or_skip } from "./support.ts";

const senses = open_or_skip("tests/kernel/sensor.test.ts");
senses?.start(1e8);
afterAll(() => senses?.[Symbol.dispose]());

const MIB = 1024 * 1024;
const LEAK_MIB = 256;

/** Waits for a byte, touches the given MiB page by page in a thread of its own, says so, waits for the end of its input. */
const TOUCH = `
#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>
static size_t bytes;
static void *touch(void *unused) {
  prctl(PR_SET_NAME, "leaker");
  char *start = mmap(0, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  madvise(start, bytes, MADV_NOHUGEPAGE);
  for (size_t at = 0; at < bytes; at += 4096) start[at] = 1;
  write(1, "t", 1);
  for (;;) pause();
}
int main(int count, char **words) {
  char byte;
  bytes = (size_t)atoi(words[1]) << 20;
  if (read(0, &byte, 1) != 1) return 1;
  pthread_t thread;
  pthread_create(&thread, 0, touch, 0);
  while (read(0, &byte, 1) == 1) { }
}`;

async function first_byte(stream: ReadableStream<Uint8Array>): Promise<void> {
  const reader = stream.getReader();
  const { done } = await reader.read();
  reader.releaseLock();
  if (done) throw new Error("the helper ended early");
}

function root_cgroup_id(): number {
  const rows = senses!.cgroups(true);
  for (let row = 0; row < rows.count; row++) if (rows.level(row) === 0) return rows.id(row);
  throw new Error("no root cgroup");
}

describe.skipIf(senses === null)("sensor on this kernel", () => {
  test("memory figures agree with /proc/meminfo within 2 % of the node's memory", () => {
    const sensor: Sensor = new Sensor(kernel_ports(senses!, (id) => sensor.cgroups.path_of(id)));
    let sample: Sample | null = null;
    for (let beat = 0; sample === null && beat < 50; beat++) sample = sensor.sense(fresh_beat(senses!));
    const total = number_in("/proc/meminfo", /^MemTotal: +(\d+)/m) * 1024;
    const available = number_in("/proc/meminfo", /^MemAvailable: +(\d+)/m) * 1024;
    expect(sample!.node_memory.total_bytes).toBe(total);
    expect(Math.abs(sample!.node_memory.available_bytes - available) / total).toBeLessThan(0.02);
    for (let i = 0; i < sample!.x.length; i++) expect(Number.isFinite(sample!.x[i]!)).toBe(true);
    expect(sample!.cgroups.map((cgroup) => cgroup.path)).toContain("/");
    expect(sensor.missed).toBe(0);
  });

  test("a thread that touches 256 MiB: its fault bytes are within 2 % of that, and of /proc", async () => {
    using helper = new CompiledHelper(TOUCH);
    const watch = new ThreadWatch(kernel_ports(senses!, () => null));
    const cgroup_id = root_cgroup_id();
    const child = Bun.spawn([helper.path, String(LEAK_MIB)], { stdin: "pipe", stdout: "pipe" });
    try {
      watch.search(cgroup_id, "memory");
      child.stdin.write("g");
      child.stdin.flush();
      await first_byte(child.stdout);
      fresh_beat(senses!);
      fresh_beat(senses!);
      const found = watch.search(cgroup_id, "memory")!;
      const leaker = found.threads.find((thread) => thread.pid === child.pid && thread.comm === "leaker")!;
      // The thread was born inside the window: its rate is over its own age.
      const touched = leaker.fault_bytes_per_s * leaker.age_s;
      expect(Math.abs(touched / (LEAK_MIB * MIB) - 1)).toBeLessThan(0.02);
      const stat = readFileSync(`/proc/${child.pid}/task/${leaker.tid}/stat`, "utf8");
      const faults = Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[7]);
      expect(Math.abs(touched / (faults * 4096) - 1)).toBeLessThan(0.02);
    } finally {
      child.kill();
      await child.exited;
    }
  });
});

const SEND_COUNT = 20000;
const SENDER = `
#include <arpa/inet.h>
#include <stdlib.h>
#include <sys/socket.h>
int main(int count, char **words) {
  struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(9) };
  inet_pton(AF_INET, words[1], &to.sin_addr);
  int s = socket(AF_INET, SOCK_DGRAM, 0);
  connect(s, (struct sockaddr *)&to, sizeof to);
  for (int i = 0; i < atoi(words[2]); i++) send(s, "x", 1, 0);
}`;

/** Two scratch network namespaces joined by a veth pair; removed on disposal. */
class VethPair implements Disposable {
  readonly left = `hosa-l-${process.pid}`;
  readonly right = `hosa-r-${process.pid}`;

  constructor() {
    using undo = new DisposableStack();
    undo.defer(() => this[Symbol.dispose]());
    for (const name of [this.left, this.right]) VethPair.run("netns", "add", name);
    const peer = ["peer", "name", "veth-b", "netns", this.right];
    VethPair.run("link", "add", "name", "veth-a", "netns", this.left, "type", "veth", ...peer);
    // Without an IPv6 address of their own the devices send nothing of their own accord.
    this.#up(this.left, "veth-a", "10.213.7.1/30");
    this.#up(this.right, "veth-b", "10.213.7.2/30");
    const address = /link\/ether ([0-9a-f:]+)/.exec(VethPair.run("-n", this.right, "link", "show", "veth-b"))![1]!;
    // A fixed neighbour: the first packets would otherwise wait for address resolution and be dropped.
    const neighbour = ["10.213.7.2", "lladdr", address, "dev", "veth-a", "nud", "permanent"];
    VethPair.run("-n", this.left, "neigh", "replace", ...neighbour);
    undo.move();
  }

  static run(...words: string[]): string {
    const ip = Bun.spawnSync(["ip", ...words]);
    if (ip.exitCode !== 0) throw new Error(`ip ${words.join(" ")}: ${ip.stderr.toString()}`);
    return ip.stdout.toString();
  }

  /** Packets in and out as the sensor reads them from a namespace. */
  packets(name: string): readonly [number, number] {
    const text = VethPair.run("netns", "exec", name, "cat", "/proc/net/dev");
    const sum: [number, number] = [0, 0];
    const whole = parse_net_dev(new TextEncoder().encode(text), (_, rx, tx) => {
      sum[0] += rx;
      sum[1] += tx;
    });
    if (!whole) throw new Error(`malformed: ${text}`);
    return sum;
  }

  #up(name: string, device: string, address: string): void {
    VethPair.run("-n", name, "addr", "add", address, "dev", device);
    VethPair.run("-n", name, "link", "set", device, "addrgenmode", "none");
    VethPair.run("-n", name, "link", "set", device, "up");
  }

  [Symbol.dispose](): void {
    for (const name of [this.left, this.right]) Bun.spawnSync(["ip", "netns", "delete", name]);
  }
}

function veth_works(): boolean {
  try {
    using _pair = new VethPair();
    return true;
  } catch (error) {
    console.error(`SKIPPED UDP over veth: no scratch network namespaces here: ${error}`);
    return false;
  }
}

test.skipIf(!veth_works())("UDP packets over a veth pair are counted within 1 %", () => {
  using helper = new CompiledHelper(SENDER);
  using pair = new VethPair();
  const [, sent_before] = pair.packets(pair.left);
  const [received_before] = pair.packets(pair.right);
  VethPair.run("netns", "exec", pair.left, helper.path, "10.213.7.2", String(SEND_COUNT));
  const [, sent] = pair.packets(pair.left);
  const [received] = pair.packets(pair.right);
  expect(Math.abs((sent - sent_before) / SEND_COUNT - 1)).toBeLessThan(0.01);
  expect(Math.abs((received - received_before) / SEND_COUNT - 1)).toBeLessThan(0.01);
});
