import { describe, expect, test } from "bun:test";
import { guest_memory_bytes, jvm_heap_bytes } from "../../src/sensor/runtime.ts";
import { ThreadWatch } from "../../src/sensor/threads.ts";
import { type ThreadRow, thread_rows } from "./fakes.ts";

const PAGE = 4096;

/** A service whose threads are functions of time. */
class Service {
  now_ns = 1e12;
  threads_at: (t_s: number) => readonly ThreadRow[] = () => [];
  readonly watch: ThreadWatch;

  constructor(runtime: string | null = null) {
    const ports = {
      threads: { threads: () => thread_rows(this.now_ns, this.threads_at((this.now_ns - 1e12) / 1e9)) },
      monotonic_ns: () => this.now_ns,
      boottime_ns: () => this.now_ns,
    };
    const detect = () => ({ runtime, heap_limit_bytes: null });
    this.watch = new ThreadWatch(ports, { page_bytes: PAGE, detect });
  }

  pass(seconds: number): this {
    this.now_ns += seconds * 1e9;
    return this;
  }
}

/** Thread 5 always faults 1000 pages/s; thread 6 leaks from t = 11 s on, by small and by huge pages. */
function leak(t_s: number): readonly ThreadRow[] {
  const leaking_s = Math.max(0, t_s - 11);
  return [
    { tid: 5, comm: "busy", min_faults: t_s * 1000, waits: t_s * 400 },
    { tid: 6, comm: "leaker", min_faults: leaking_s * 500, huge_faults: leaking_s * 10, waits: t_s * 20 },
  ];
}

function calm_then_leak(): Service {
  const service = new Service("jvm");
  service.threads_at = leak;
  for (let i = 0; i < 3; i++) {
    service.watch.sweep(true);
    service.pass(5);
  }
  return service;
}

describe("thread search", () => {
  test("names the thread that changed, not the one that is always busy", () => {
    const service = calm_then_leak();
    expect(service.watch.search(7, "memory")).toBeNull();
    service.pass(0.05);
    expect(service.watch.search(7, "memory")).toBeNull();
    service.pass(0.05);
    const found = service.watch.search(7, "memory")!;
    expect(found.window_s).toBeCloseTo(0.1, 9);
    expect(found.threads_searched).toBe(2);
    expect(found.total_steps_per_s).toBeCloseTo(420, 3);
    expect(found.runtime).toBe("jvm");
    const [leaker, busy] = found.threads;
    expect(leaker!.comm).toBe("leaker");
    expect(leaker!.fault_bytes_per_s).toBeCloseTo(500 * PAGE + 10 * 2 * 1024 * 1024, 0);
    expect(leaker!.baseline_fault_bytes_per_s).toBe(0);
    expect(leaker!.share).toBeCloseTo(1, 6);
    expect(busy!.baseline_fault_bytes_per_s).toBeCloseTo(1000 * PAGE, 0);
  });

  test("without sweeps everything counts as change, and the baseline is unknown", () => {
    const service = new Service();
    service.threads_at = (t_s) => [
      { tid: 5, cpu_ns: t_s * 0.3e9 },
      { tid: 6, cpu_ns: t_s * 0.1e9 },
    ];
    service.watch.search(7, "cpu");
    const found = service.pass(0.2).watch.search(7, "cpu")!;
    expect(found.threads.map((thread) => thread.tid)).toEqual([5, 6]);
    expect(found.threads[0]!.share).toBeCloseTo(0.75, 6);
    expect(found.threads[0]!.cpu_share).toBeCloseTo(0.3, 6);
    expect(found.threads[0]!.baseline_fault_bytes_per_s).toBeNull();
  });

  test("a node that is not calm teaches nothing", () => {
    const service = calm_then_leak();
    for (let i = 0; i < 4; i++) {
      service.watch.sweep(false);
      service.pass(5);
    }
    service.watch.search(7, "memory");
    const found = service.pass(0.1).watch.search(7, "memory")!;
    expect(found.threads[0]!.baseline_fault_bytes_per_s).toBe(0);
  });

  test("a process is as old as its first thread", () => {
    const service = new Service();
    service.threads_at = (t_s) => [
      { tid: 5, pid: 5, start_ns: 0, min_faults: 0 },
      { tid: 6, pid: 5, start_ns: 999e9, min_faults: t_s * 900 },
    ];
    service.watch.search(7, "memory");
    const found = service.pass(0.2).watch.search(7, "memory")!;
    expect(found.threads[0]).toMatchObject({ tid: 6 });
    expect(found.threads[0]!.age_s).toBeCloseTo(1.2, 3);
    expect(found.threads[0]!.process_age_s).toBeCloseTo(1000.2, 3);
  });

  test("a reused tid is another thread", () => {
    const service = new Service();
    service.threads_at = () => [{ tid: 5, min_faults: 1e6, start_ns: 1 }];
    service.watch.search(7, "memory");
    service.threads_at = (t_s) => [{ tid: 5, min_faults: 10, start_ns: 1e12 + (t_s - 0.1) * 1e9 }];
    const found = service.pass(0.2).watch.search(7, "memory")!;
    expect(found.threads[0]!.fault_bytes_per_s).toBeCloseTo((10 * PAGE) / 0.1, 3);
  });

  test("reports at most 16 threads of those searched, the shares refer to all", () => {
    const service = new Service();
    service.threads_at = (t_s) => Array.from({ length: 40 }, (_, i) => ({ tid: i + 1, min_faults: t_s * 100 }));
    service.watch.search(7, "memory");
    const found = service.pass(0.1).watch.search(7, "memory")!;
    expect([found.threads.length, found.threads_searched]).toEqual([16, 40]);
    expect(found.threads[0]!.share).toBeCloseTo(1 / 40, 6);
  });

  test("the window follows the present", () => {
    const service = new Service();
    service.threads_at = (t_s) => [{ tid: 5, min_faults: Math.min(t_s, 1) * 1000 }];
    for (let i = 0; i < 40; i++) {
      service.watch.search(7, "memory");
      service.pass(0.1);
    }
    const found = service.watch.search(7, "memory")!;
    expect(found.window_s).toBeLessThanOrEqual(1.01);
    expect(found.threads[0]!.fault_bytes_per_s).toBe(0);
  });

  test("is read no more often than a fifteenth of the time allows, however fast the beats come", () => {
    for (const [cost_s, most] of [
      [0.0001, 42],
      [0.01, 9],
    ] as const) {
      const service = new Service();
      let reads = 0;
      service.threads_at = () => {
        reads++;
        service.pass(cost_s);
        return [{ tid: 5 }];
      };
      for (const end_ns = service.now_ns + 1.2e9; service.now_ns < end_ns; service.pass(0.01)) {
        service.watch.search(7, "memory");
      }
      expect(reads).toBeGreaterThan(most / 2);
      expect(reads).toBeLessThanOrEqual(most);
    }
  });
});

describe("heap limit of a JVM", () => {
  test.each([
    ["java\0-Xmx512m\0-jar\0x.jar", null, 512 * 1024 * 1024],
    ["java\0-Xmx512m\0-Xmx1G\0", null, 1024 ** 3],
    ["\0-Xmx100k\0java", null, 100 * 1024],
    ["java\0-XX:MaxRAMPercentage=75.0\0", 1000, 750],
    ["java\0-XX:MaxRAMPercentage=75.0\0", null, null],
    ["java\0-Dtext=-Xmx1g\0", 1000, null],
  ] as const)("%j of %p bytes is %p", (options, limit, expected) => {
    expect(jvm_heap_bytes(options, limit)).toBe(expected);
  });
});

test.each<[string, number | null]>([
  ["qemu-system-x86_64\0-m\x00512\0-smp\x002", 512 * 2 ** 20],
  ["qemu-system-x86_64\0-m\0size=4G,slots=2", 4 * 2 ** 30],
  ["qemu-system-x86_64\0-m\x002G\0-cpu\0max", 2 * 2 ** 30],
  ["cloud-hypervisor\0--memory\0size=1024M", 2 ** 30],
  ["firecracker\0--api-sock\0/x", null],
])("the memory of a virtual machine: %p", (args, bytes) => {
  expect(guest_memory_bytes(args, "")).toBe(bytes);
});
