import { describe, expect, test } from "bun:test";
import type { TaskWindow } from "../../src/model/attribution.ts";
import { NodeTotalsReader, parse_times } from "../../src/sensor/node_totals.ts";
import { TaskWatch } from "../../src/sensor/task_watch.ts";
import { bytes, fixture, type ThreadRow, thread_rows } from "./fakes.ts";

const PAGE = 4096;

/** A node whose threads are functions of time, and what reading them costs. */
class Node {
  now_ns = 1e12;
  reads = 0;
  cost_ns = 0;
  rows: (t_s: number) => readonly ThreadRow[] = () => [];
  readonly watch: TaskWatch;

  constructor() {
    const threads = (_id: number, _watched?: number, with_kernel?: boolean) => {
      expect(with_kernel).toBe(true);
      this.reads += 1;
      const rows = thread_rows(this.now_ns, this.rows((this.now_ns - 1e12) / 1e9));
      this.now_ns += this.cost_ns;
      return rows;
    };
    const ports = {
      threads: { threads },
      starters: null,
      totals: () => null,
      monotonic_ns: () => this.now_ns,
      boottime_ns: () => this.now_ns,
    };
    const options = {
      page_bytes: PAGE,
      usual: () => null,
      path_of: () => "/",
      protected_because: () => null,
      own_comm: "hosa",
    };
    this.watch = new TaskWatch(ports, options);
  }

  /** Asked at every beat for so long; the windows that came of it. */
  look(seconds: number, beat_s = 0.01, sparing = false): TaskWindow[] {
    const found: TaskWindow[] = [];
    for (const end_ns = this.now_ns + seconds * 1e9; this.now_ns < end_ns; this.now_ns += beat_s * 1e9) {
      const window = this.watch.look(sparing);
      if (window !== null) found.push(window);
    }
    return found;
  }
}

describe("the watch over all tasks", () => {
  test("a first window comes a fifth of a second after the rise, over that fifth alone", () => {
    const node = new Node();
    node.rows = (t_s) => [{ tid: 5, cpu_ns: t_s * 1e9 }];
    const [first] = node.look(0.3);
    expect((first!.after.t_ns - first!.before.t_ns) / 1e9).toBeCloseTo(0.19, 2);
    expect(first!.after.threads.get(5)!.cpu_ns - first!.before.threads.get(5)!.cpu_ns).toBeCloseTo(0.19e9, -7);
  });

  test("what was held before the onset is known from the sweep before it", () => {
    const node = new Node();
    const swept = node.look(0.2)[0]!;
    node.watch.swept({ ...swept.after, starters: null, totals: null });
    node.now_ns += 20e9;
    const later = node.look(0.3)[0]!;
    expect(later.onset.t_ns).toBe(swept.after.t_ns);
    expect(later.before.t_ns).toBeGreaterThan(later.onset.t_ns + 19e9);
  });

  test("the first reading is compared with a sweep of the last seconds, and said to be provisional", () => {
    const node = new Node();
    const swept = node.look(0.2)[0]!.after;
    node.now_ns += 3e9;
    node.watch.swept({ ...swept, t_ns: node.now_ns, starters: null, totals: null });
    node.now_ns += 2e9;
    const [first, second] = node.look(0.3);
    expect(first!.provisional).toBe(true);
    expect((first!.after.t_ns - first!.before.t_ns) / 1e9).toBeCloseTo(2, 6);
    expect(second!.provisional).toBe(false);
    expect((second!.after.t_ns - second!.before.t_ns) / 1e9).toBeCloseTo(0.19, 2);
  });

  test("a calm of seconds between two rises ends the window, not what gains are counted from", () => {
    const node = new Node();
    const first = node.look(1).at(-1)!;
    node.now_ns += 4e9;
    const again = node.look(0.3)[0]!;
    expect(again.onset.t_ns).toBe(first.onset.t_ns);
    expect((again.after.t_ns - again.before.t_ns) / 1e9).toBeCloseTo(0.19, 2);
    node.now_ns += 30e9;
    expect(node.look(0.3)[0]!.onset.t_ns).toBeGreaterThan(again.after.t_ns);
  });

  test("a long rise is read once a second, over no more than two", () => {
    const node = new Node();
    const windows = node.look(60);
    expect(node.reads).toBeLessThanOrEqual(5 * 6 + 56);
    for (const { before, after } of windows) expect(after.t_ns - before.t_ns).toBeLessThanOrEqual(2.1e9);
  });

  test("beside a hold it is read once in two seconds, and the windows go on", () => {
    const node = new Node();
    node.look(0.5);
    const { reads } = node;
    const windows = node.look(10, 0.01, true);
    expect(node.reads - reads).toBeLessThanOrEqual(5);
    expect(windows.length).toBeGreaterThanOrEqual(4);
  });

  test("is read no more often than a sixtieth of the time allows", () => {
    const node = new Node();
    node.cost_ns = 50e6;
    node.look(10);
    expect(node.reads).toBeLessThanOrEqual(5);
  });
});

test("the totals of the node: memory of the kernel by part, times of the processors, and the latest beat", () => {
  const files = new Map([
    ["/proc/meminfo", fixture("meminfo")],
    [
      "/proc/stat",
      bytes("cpu  100 10 50 800 5 3 7 2 0 0\ncpu0 50 5 25 400 2 1 3 1\ncpu1 50 5 25 400 3 2 4 1\nintr 5\n"),
    ],
  ]);
  const open = (path: string) => (files.has(path) ? { read: () => files.get(path)! } : null);
  const read = () => new NodeTotalsReader(open, () => ({ block_bytes: 9, forks: 8, connects: 7 })).read();
  const found = read()!;
  expect(found).toMatchObject({
    cores: 2,
    busy_ticks: 172,
    interrupt_ticks: 10,
    stolen_ticks: 2,
    block_bytes: 9,
    forks: 8,
  });
  expect(found.used_bytes).toBeGreaterThan(0);
  expect(Object.values(found.kernel_bytes).every((value) => Number.isFinite(value) && value >= 0)).toBe(true);
  expect(found.kernel_bytes.slab).toBeGreaterThan(0);
  files.set("/proc/stat", bytes("nonsense"));
  expect(read()).toBeNull();
  files.delete("/proc/meminfo");
  expect(read()).toBeNull();
  expect(parse_times(bytes("cpu  1 2\n"))).toBeNull();
});
