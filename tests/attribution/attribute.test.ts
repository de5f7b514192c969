import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { attribute } from "../../src/attribution/attribute.ts";
import type { Attributed, Carrier } from "../../src/model/attribution.ts";
import { MIB, reading, starter, task, totals, window } from "./window.ts";

describe("memory", () => {
  test("a leak is named by what its process holds, down to the thread that faults", () => {
    const before = [
      task(10, { own_bytes: 400 * MIB, comm: "python3" }),
      task(11, { pid: 10, own_bytes: 400 * MIB, comm: "filler" }),
      task(20, { own_bytes: 900 * MIB }),
    ];
    const after = [
      task(10, { own_bytes: 800 * MIB, comm: "python3", fault_bytes: 5 * MIB }),
      task(11, { pid: 10, own_bytes: 800 * MIB, comm: "filler", fault_bytes: 395 * MIB }),
      // Takes and gives back more than the leak grows by, and holds the same.
      task(20, { own_bytes: 900 * MIB, fault_bytes: 4000 * MIB }),
    ];
    const onset = reading(-4, [task(10, { own_bytes: 10 * MIB }), task(20, { own_bytes: 900 * MIB })], {
      totals: null,
    });
    const grown = totals({ used_bytes: 410 * MIB });
    const { memory } = attribute(window(reading(0, before), reading(1, after, { totals: grown }), { onset }));
    expect(memory.node_rate).toBe(410 * MIB);
    expect(memory.carriers).toHaveLength(1);
    expect(memory.carriers[0]).toMatchObject({
      kind: "process",
      comm: "python3",
      pid: 10,
      tid: 11,
      thread_comm: "filler",
      rate: 400 * MIB,
      share: 400 / 410,
      share_of_cgroup: 1,
      held_bytes: 800 * MIB,
      gained_bytes: 790 * MIB,
      path: "/service-7",
    });
    expect(memory.carriers[0]!.thread_share).toBeCloseTo(395 / 400, 9);
  });

  test("pages that many processes map are charged once", () => {
    const before = [30, 31, 32, 33].map((pid) => task(pid, { comm: "postgres" }));
    const after = before.map((one) => ({ ...one, shared_bytes: 100 * MIB }));
    const grown = totals({ used_bytes: 100 * MIB, shared_bytes: 100 * MIB });
    const { memory } = attribute(window(reading(0, before), reading(1, after, { totals: grown })));
    expect(memory.carriers[0]).toMatchObject({
      kind: "processes",
      comm: "postgres",
      count: 4,
      rate: 100 * MIB,
      share: 1,
    });
  });

  test("what the kernel takes is the kernel's, and no process is blamed for it", () => {
    const tasks = [task(10, { own_bytes: 100 * MIB })];
    const after = [task(10, { own_bytes: 106 * MIB })];
    const grown = totals({
      used_bytes: 248 * MIB,
      kernel_bytes: { ...totals().kernel_bytes, huge_page_pool: 242 * MIB },
    });
    const { memory } = attribute(window(reading(0, tasks), reading(1, after, { totals: grown })));
    expect(memory.carriers.map(({ kind, comm }) => [kind, comm])).toEqual([
      ["kernel", "huge_page_pool"],
      ["process", "program-10"],
    ]);
    expect(memory.carriers[1]!.share).toBeCloseTo(6 / 248, 3);
  });

  test("files in memory are named by who writes as much; where nobody does, as what they are", () => {
    const grown = totals({ used_bytes: 300 * MIB, shared_bytes: 300 * MIB });
    const told = (written_mib: number) => {
      const before = [task(10, { comm: "dd" }), task(11)];
      const after = [task(10, { comm: "dd", written_bytes: written_mib * MIB }), task(11, { written_bytes: 9 * MIB })];
      return attribute(window(reading(0, before), reading(1, after, { totals: grown }))).memory.carriers[0];
    };
    expect(told(305)).toMatchObject({ kind: "process", comm: "dd", pid: 10, rate: 300 * MIB });
    expect(told(5000)).toMatchObject({ kind: "kernel", comm: "files_in_memory", pid: null, rate: 300 * MIB });
  });

  test("a growth that pauses keeps its name; one that began before it was known is not told as a gain", () => {
    const held = [task(10, { own_bytes: 900 * MIB })];
    const onset = reading(-5, [task(10, { own_bytes: 100 * MIB })], { totals: null });
    const { memory } = attribute(window(reading(0, held), reading(1, held), { onset }));
    expect(memory.carriers[0]).toMatchObject({ pid: 10, rate: 0, gained_bytes: 800 * MIB });
    const unknown = attribute(window(reading(0, []), reading(1, held)));
    expect(unknown.memory.carriers).toEqual([]);
  });

  test("what was given back is told with who gave it, also when it has ended", () => {
    const before = [task(10, { own_bytes: 8000 * MIB, comm: "python3" }), task(20, { own_bytes: 50 * MIB })];
    const after = [task(20, { own_bytes: 20 * MIB })];
    const { released } = attribute(window(reading(0, before), reading(1, after)));
    expect(released).toMatchObject({ comm: "python3", pid: 10, gained_bytes: -8000 * MIB, ended: true });
    const shrunk = attribute(window(reading(0, before.slice(1)), reading(1, after))).released;
    expect(shrunk).toMatchObject({ pid: 20, gained_bytes: -30 * MIB });
    expect(shrunk).not.toHaveProperty("ended");
  });
});

describe("processors", () => {
  test("who departs from its usual comes before who is always busy", () => {
    const before = [task(10, { comm: "database" }), task(20, { comm: "spin" })];
    const after = [task(10, { comm: "database", cpu_ns: 1.2e9 }), task(20, { comm: "spin", cpu_ns: 0.7e9 })];
    const busy = totals({ busy_ticks: 190 });
    const usual = { 10: { cpu_share: 1.15, io_bytes_per_s: 0 } };
    const { cpu } = attribute(window(reading(0, before), reading(1, after, { totals: busy }), { usual }));
    expect(cpu.carriers.map(({ comm }) => comm)).toEqual(["spin", "database"]);
    expect(cpu.carriers[0]!.rate).toBeCloseTo(0.7, 9);
    expect(cpu.carriers[0]!.share).toBeCloseTo(0.7 / 1.9, 9);
  });

  test("processes of one name are one thing, unless one of them does most", () => {
    const of = (...cores: readonly number[]) => {
      const tasks = cores.map((_, i) => task(10 + i, { comm: "worker" }));
      const after = tasks.map((one, i) => ({ ...one, cpu_ns: cores[i]! * 1e9 }));
      return attribute(window(reading(0, tasks), reading(1, after))).cpu.carriers[0]!;
    };
    expect(of(1, 0.9)).toMatchObject({ kind: "processes", comm: "worker", count: 2, pid: 10, rate: 1.9 });
    expect(of(0.1, 0.9)).toMatchObject({ kind: "process", count: 1, pid: 11, tid: 11, rate: 0.9 });
  });

  test("the kernel's own threads, interrupts and the hypervisor are named as what they are", () => {
    const before = [
      task(3, { is_kernel: true, comm: "kworker/u8:1-flush" }),
      task(4, { is_kernel: true, comm: "kworker/0:2" }),
    ];
    const after = before.map((one) => ({ ...one, cpu_ns: 0.1e9 }));
    const storm = totals({ busy_ticks: 190, interrupt_ticks: 100, stolen_ticks: 60 });
    const { cpu } = attribute(window(reading(0, before), reading(1, after, { totals: storm })));
    expect(cpu.carriers).toMatchObject([
      { kind: "kernel", comm: "interrupts", pid: null, rate: 1 },
      { kind: "kernel", comm: "time taken by the hypervisor", rate: 0.6 },
      { kind: "kernel", count: 2, rate: 0.2 },
    ]);
  });

  test("what was born within the window has the rate of its life, and the share of the window", () => {
    const before = [task(10)];
    const after = [task(10, { cpu_ns: 0.3e9 }), task(11, { cpu_ns: 0.1e9, age_s: 0.2, comm: "hosa" })];
    const { cpu } = attribute(window(reading(0, before), reading(1, after)));
    expect(cpu.carriers.map(({ pid }) => pid)).toEqual([10, 11]);
    expect(cpu.carriers[0]!.share).toBeCloseTo(0.75, 9);
    expect(cpu.carriers[1]!.share).toBeCloseTo(0.25, 9);
    expect(cpu.carriers.map(({ own }) => own)).toEqual([undefined, true]);
    expect(cpu.carriers[1]!.rate).toBeCloseTo(0.5, 9);
  });

  test("nothing is said of a thread that is older than the reading in which it is missing", () => {
    const old = task(10, { cpu_ns: 500e9, age_s: 600 });
    const young = task(11, { cpu_ns: 0.4e9, age_s: 0.5 });
    const { cpu } = attribute(window(reading(0, []), reading(1, [old, young])));
    expect(cpu.carriers.map(({ pid }) => pid)).toEqual([11]);
  });
});

test("block I/O: a direct writer, with the part it wrote", () => {
  const before = [task(10, { comm: "dd", cgroup_id: 1 }), task(20)];
  const after = [
    task(10, { comm: "dd", cgroup_id: 1, io_bytes: 900 * MIB, disk_written_bytes: 900 * MIB }),
    task(20, { io_bytes: 100 * MIB }),
  ];
  const { io } = attribute(
    window(reading(0, before), reading(1, after, { totals: totals({ block_bytes: 1000 * MIB }) })),
  );
  expect(io.carriers[0]).toMatchObject({
    comm: "dd",
    rate: 900 * MIB,
    share: 0.9,
    written_share: 1,
    path: "/",
    protected: "it is protected by default (/)",
  });
  expect(io.carriers[1]).toMatchObject({ pid: 20, written_share: 0 });
});

describe("what is begun", () => {
  test("the forker is named, not the forked, also when it has ended", () => {
    const tasks = [task(10, { comm: "stress-ng-fork" }), task(11, { comm: "stress-ng-fork" })];
    const before = [starter(10, { forks: 100 }), starter(11, { forks: 50 }), starter(99, { forks: 7 })];
    const after = [
      starter(10, { forks: 1300 }),
      starter(11, { forks: 1150 }),
      starter(99, { forks: 47, comm: "make" }),
    ];
    const { forks } = attribute(
      window(
        reading(0, tasks, { starters: before }),
        reading(1, tasks, { starters: after, totals: totals({ forks: 2400 }) }),
      ),
    );
    expect(forks.carriers[0]).toMatchObject({
      kind: "processes",
      comm: "stress-ng-fork",
      count: 2,
      pid: 10,
      rate: 2300,
    });
    expect(forks.carriers[1]).toMatchObject({ kind: "process", comm: "make", pid: 99, rate: 40, ended: true });
  });

  test("a pid that was used again begins at nothing", () => {
    const before = [starter(10, { connects: 900 })];
    const after = [starter(10, { connects: 30, start_ns: 77 })];
    const { network } = attribute(window(reading(0, [], { starters: before }), reading(1, [], { starters: after })));
    expect(network.carriers[0]).toMatchObject({ pid: 10, rate: 30 });
  });

  test("where no thread can be read at once, nothing is known of memory, processors and disks", () => {
    const { memory, cpu, io } = attribute(window(reading(0, []), reading(1, [])));
    expect([memory.unknown, cpu.unknown, io.unknown]).toEqual(["no_counter", "no_counter", "no_counter"]);
  });

  test("where nothing counts them, that is said", () => {
    const none = attribute(window(reading(0, [], { starters: null }), reading(1, [], { starters: null })));
    expect(none.forks).toEqual({ node_rate: 0, carriers: [], unknown: "no_counter" });
    const first = attribute(window(reading(0, [], { starters: null }), reading(1, [])));
    expect(first.network.unknown).toBe("not_counted");
  });
});

test("whatever the readings: a share lies between 0 and 1, the shares of one resource sum to no more than 1, figures are finite", () => {
  const figure = fc.record({
    pid: fc.integer({ min: 1, max: 6 }),
    cpu_ns: fc.integer({ min: 0, max: 2e9 }),
    own_bytes: fc.integer({ min: 0, max: 4e9 }),
    shared_bytes: fc.integer({ min: 0, max: 4e9 }),
    io_bytes: fc.integer({ min: 0, max: 4e9 }),
    written_bytes: fc.integer({ min: 0, max: 4e9 }),
    age_s: fc.constantFrom(0.1, 600),
    is_kernel: fc.boolean(),
  });
  const list = fc.array(figure, { maxLength: 12 });
  fc.assert(
    fc.property(
      list,
      list,
      fc.integer({ min: 0, max: 8e9 }),
      fc.integer({ min: 0, max: 8e9 }),
      (one, other, used, shared) => {
        const tasks = (figures: typeof one) => figures.map((each, i) => task(i + 1, each));
        const grown = totals({ used_bytes: used, shared_bytes: shared, busy_ticks: used / 4e7, block_bytes: used });
        const found = attribute(window(reading(0, tasks(one)), reading(1, tasks(other), { totals: grown })));
        for (const resource of ["memory", "cpu", "io", "forks", "network"] satisfies Attributed[]) {
          const { carriers } = found[resource];
          expect(carriers.length).toBeLessThanOrEqual(3);
          for (const each of carriers) sound(each);
          expect(carriers.reduce((sum, { share }) => sum + share, 0)).toBeLessThanOrEqual(1 + 1e-9);
        }
      },
    ),
    { numRuns: 300 },
  );
});

function sound({ share, share_of_cgroup, thread_share, rate, count }: Carrier): void {
  for (const part of [share, share_of_cgroup ?? 0, thread_share ?? 0]) {
    expect(part).toBeGreaterThanOrEqual(0);
    expect(part).toBeLessThanOrEqual(1);
  }
  expect(Number.isFinite(rate)).toBe(true);
  expect(count).toBeGreaterThanOrEqual(1);
}
