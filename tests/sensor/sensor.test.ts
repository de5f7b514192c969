import { describe, expect, test } from "bun:test";
import type { Sample } from "../../src/model/sample.ts";
import type { BeatFigures } from "../../src/sensor/ports.ts";
import { Sensor } from "../../src/sensor/sensor.ts";
import { beat_at, FakeNode } from "./fakes.ts";

/** Run beats of `period_ms`; `figures` gives the counters of a time in seconds. Returns the last sample. */
function run(
  node: FakeNode,
  sensor: Sensor,
  duration_s: number,
  period_ms: number,
  figures: (t_s: number) => Partial<BeatFigures> = () => ({}),
): Sample | null {
  const start_ns = node.now_ns;
  let sample: Sample | null = null;
  for (let t_s = period_ms / 1000; t_s <= duration_s + 1e-9; t_s += period_ms / 1000) {
    node.now_ns = start_ns + t_s * 1e9;
    sample = sensor.sense(beat_at(node.now_ns, figures(t_s)));
  }
  return sample;
}

function value(sample: Sample, name: string): number {
  const index = sample.dimensions.findIndex((dimension) => dimension.name === name);
  if (index < 0) throw new Error(`no dimension ${name}`);
  return sample.x[index]!;
}

describe("sensor", () => {
  test("a whole node has every dimension of the table and no absence", () => {
    const sensor = new Sensor(FakeNode.with_fixtures());
    expect(sensor.dimensions.length).toBe(21);
    expect(sensor.absences).toEqual([]);
  });

  test.each([10, 100])("rates of the kernel's counters at beats of %d ms", (period_ms) => {
    const node = FakeNode.with_fixtures();
    const sample = run(node, new Sensor(node), 1, period_ms, (t_s) => ({
      idle_ns: t_s * 1.5e9,
      switches: t_s * 4000,
      forks: t_s * 30,
      execs: t_s * 20,
      block_completed: t_s * 100,
      block_latency_ns: t_s * 100 * 3e6,
      block_bytes: t_s * 2 * 1024 * 1024,
      connects: t_s * 50,
    }))!;
    expect(value(sample, "cpu_busy_fraction")).toBeCloseTo(0.25, 6);
    expect(value(sample, "context_switches_per_s")).toBeCloseTo(4000, 3);
    expect(value(sample, "forks_execs_per_s")).toBeCloseTo(50, 3);
    expect(value(sample, "block_latency_ms")).toBeCloseTo(3, 6);
    expect(value(sample, "block_throughput_mib_per_s")).toBeCloseTo(2, 6);
    expect(value(sample, "tcp_connects_per_s")).toBeCloseTo(50, 3);
  });

  test("a nearly idle node has its own ratio of kernel to user time, not that of the last second in which something ran", () => {
    const node = FakeNode.with_fixtures();
    const stat = (user: number, kernel: number) =>
      node.write("/proc/stat", `cpu ${Math.floor(user)} 0 ${Math.floor(kernel)} 9 0 0 0\ncpu0 1\n`);
    const start_ns = node.now_ns;
    stat(1000, 1000);
    const sensor = new Sensor(node);
    let last = 0;
    for (let t_s = 0.1; t_s <= 60; t_s += 0.1) {
      node.now_ns = start_ns + t_s * 1e9;
      // A burst of programs for a second; before and after it a tick of each kind every two seconds.
      const burst = Math.min(1, Math.max(0, t_s - 20));
      stat(1000 + t_s / 2 + 90 * burst, 1000 + t_s / 2);
      const sample = sensor.sense(beat_at(node.now_ns));
      if (sample !== null) last = value(sample, "kernel_user_ratio");
      if (Math.abs(t_s - 22.5) < 0.01) expect(last).toBeLessThan(0.1);
    }
    expect(last).toBeCloseTo(1, 1);
  });

  test("CPUs that are taken offline are not idle ones", () => {
    const node = FakeNode.with_fixtures();
    const stat = (cpus: number) =>
      node.write("/proc/stat", `cpu 9 0 9 9 0 0 0\n${Array.from({ length: cpus }, (_, k) => `cpu${k} 1\n`).join("")}`);
    stat(4);
    const sensor = new Sensor(node);
    // Two of four are busy; then two are taken away, the others are busy, and the lost ones go on as idle.
    expect(value(run(node, sensor, 3, 100, (t_s) => ({ idle_ns: 2e9 * t_s }))!, "cpu_busy_fraction")).toBeCloseTo(0.5);
    stat(2);
    const later = run(node, sensor, 3, 100, (t_s) => ({ idle_ns: 6e9 + 2e9 * t_s }))!;
    expect(value(later, "cpu_busy_fraction")).toBeCloseTo(1);
  });

  test("an interface that comes with all it ever counted, or goes with it, is no packet", () => {
    const node = FakeNode.with_fixtures();
    const start_ns = node.now_ns;
    const row = (name: string, packets: number) => `${name}: 0 ${packets} 0 0 0 0 0 0 0 ${packets} 0 0 0 0 0 0\n`;
    const look = (t_s: number) => {
      const moved = t_s > 2 && t_s < 4 ? row("eth1", 1e9) : "";
      // A container a tenth of a second, before eth0 and behind it: no two readings are of the same interfaces.
      const short = (k: number) => row(`veth${k}x${Math.round(t_s * 10)}`, 7e8);
      const eth0 = row("eth0", 5000 + Math.round(t_s * 300));
      node.write("/proc/net/dev", `Inter-|\n face |\n${short(0)}${eth0}${moved}${short(1)}`);
    };
    look(0);
    const sensor = new Sensor(node);
    let most = 0;
    for (let t_s = 0.1; t_s <= 6; t_s += 0.1) {
      node.now_ns = start_ns + t_s * 1e9;
      look(t_s);
      const sample = sensor.sense(beat_at(node.now_ns));
      if (sample !== null) most = Math.max(most, value(sample, "net_rx_packets_per_s"));
    }
    expect(most).toBeGreaterThan(250);
    expect(most).toBeLessThan(350);
  });

  test.each([10, 100])("growth of a 50 MB/s leak at beats of %d ms", (period_ms) => {
    const node = FakeNode.with_fixtures();
    const sensor = new Sensor(node);
    const start_ns = node.now_ns;
    const sample = run(node, sensor, 2, period_ms, () => {
      const available = 8e6 - ((node.now_ns - start_ns) / 1e9) * 50e3;
      node.write("/proc/meminfo", `MemTotal: 16000000 kB\nMemAvailable: ${Math.round(available)} kB\n`);
      return {};
    })!;
    expect(value(sample, "memory_growth_bytes_per_s") / (50e3 * 1024)).toBeCloseTo(1, 3);
    expect(value(sample, "memory_used_fraction")).toBeCloseTo(1 - 7.9e6 / 16e6, 6);
  });

  test("a leak fed from the processors' free lists grows before less is available", () => {
    const node = FakeNode.with_fixtures();
    const sensor = new Sensor(node);
    const start_ns = node.now_ns;
    const sample = run(node, sensor, 2, 100, () => {
      const anonymous = 1e6 + ((node.now_ns - start_ns) / 1e9) * 50e3;
      const text = `MemTotal: 16000000 kB\nMemAvailable: 8000000 kB\nAnonPages: ${Math.round(anonymous)} kB\nShmem: 100 kB\n`;
      node.write("/proc/meminfo", text);
      return {};
    })!;
    expect(value(sample, "memory_growth_bytes_per_s") / (50e3 * 1024)).toBeCloseTo(1, 3);
    expect(value(sample, "memory_used_fraction")).toBe(0.5);
  });

  test("is null until every rate has a window", () => {
    const node = FakeNode.with_fixtures();
    const sensor = new Sensor(node);
    expect(run(node, sensor, 0.2, 100)).toBeNull();
    expect(run(node, sensor, 0.3, 100)).not.toBeNull();
  });

  test("what the host lacks is left out of the vector and named", () => {
    const node = FakeNode.with_fixtures();
    node.missing.set("block_completed", "no block probe");
    node.files.delete("/proc/pressure/io");
    node.write("/proc/vmstat", "pgmajfault 1\n");
    const sensor = new Sensor(node);
    const lacking = ["swap_out_pages_per_s", "pressure_io_fraction", "block_latency_ms"];
    expect(sensor.absences.map((absence) => absence.what).sort()).toEqual([...lacking].sort());
    for (const absence of sensor.absences) expect([absence.why, absence.costs]).not.toContain("");
    expect(sensor.dimensions.length).toBe(18);
    const sample = run(node, sensor, 1, 100)!;
    expect(sample.stall.io).toBeNull();
    expect(sample.stall.cpu).toBe(0);
  });

  test("a malformed file at start is an error that names it", () => {
    const node = FakeNode.with_fixtures();
    node.write("/proc/stat", "nonsense\n");
    expect(() => new Sensor(node)).toThrow("/proc/stat");
  });

  test("a file malformed while running keeps the last value, and that is counted", () => {
    const node = FakeNode.with_fixtures();
    const sensor = new Sensor(node);
    const before = value(run(node, sensor, 1, 100)!, "memory_used_fraction");
    node.write("/proc/meminfo", "MemTotal: 1");
    const sample = run(node, sensor, 0.5, 100)!;
    expect(value(sample, "memory_used_fraction")).toBe(before);
    expect(sample.node_memory.total_bytes).toBeGreaterThan(0);
    expect(sensor.missed).toBe(5);
  });

  test("a CPU taken away or a counter reset gives no negative rate and no busy fraction outside 0..1", () => {
    const node = FakeNode.with_fixtures();
    const sensor = new Sensor(node);
    run(node, sensor, 1, 10, (t_s) => ({ idle_ns: t_s * 2e9, switches: t_s * 1000 }));
    for (let i = 0; i < 30; i++) {
      const sample = run(node, sensor, 0.01, 10, () => ({ idle_ns: i * 1e7, switches: i * 10 }))!;
      expect(value(sample, "context_switches_per_s")).toBeGreaterThanOrEqual(0);
      expect(value(sample, "cpu_busy_fraction")).toBeGreaterThanOrEqual(0);
      expect(value(sample, "cpu_busy_fraction")).toBeLessThanOrEqual(1);
    }
    expect(sensor.missed).toBeGreaterThan(0);
  });

  test("the entropy of the system calls keeps its last value while there are few", () => {
    const node = FakeNode.with_fixtures();
    const sensor = new Sensor(node);
    const even = (calls: number): Float64Array => new Float64Array(16).fill(calls);
    const busy = run(node, sensor, 1, 100, (t_s) => ({ syscalls: even(t_s * 1000) }))!;
    expect(value(busy, "syscall_entropy_bits")).toBeCloseTo(4, 6);
    const quiet = even(1000);
    const sample = run(node, sensor, 1, 100, (t_s) => {
      quiet[3] = 1000 + t_s * 10;
      return { syscalls: quiet };
    })!;
    expect(value(sample, "syscall_entropy_bits")).toBeCloseTo(4, 6);
    const storm = run(node, sensor, 1, 100, (t_s) => {
      quiet[3] = 2000 + t_s * 10000;
      return { syscalls: quiet };
    })!;
    expect(value(storm, "syscall_entropy_bits")).toBe(0);
  });

  test("OOM kills count from the start of the sensor", () => {
    const node = FakeNode.with_fixtures();
    const sensor = new Sensor(node);
    expect(run(node, sensor, 1, 100, () => ({ oom_kills: 5 }))!.oom_kills).toBe(0);
    expect(run(node, sensor, 0.1, 100, () => ({ oom_kills: 7 }))!.oom_kills).toBe(2);
  });
});
