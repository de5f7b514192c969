import { describe, expect, test } from "bun:test";
import type { Setting } from "../../src/model/containment.ts";
import type { CgroupFiles } from "../../src/motor/files.ts";
import { read_entries } from "../../src/motor/ledger.ts";
import { release_from_ledger } from "../../src/motor/recover.ts";
import { FileTrouble } from "../../src/motor/trouble.ts";
import { action, FakeKernel } from "./fake.ts";
import { SECOND_NS, Setup } from "./setup.ts";

class Crash extends Error {}

const LIMIT: Setting = { rung: "io_max", bytes_per_s: 1_000_000 };
const TIGHTER: Setting = { rung: "io_max", bytes_per_s: 500_000 };
const limited = (device: string, bytes: number) => `${device} rbps=${bytes} wbps=${bytes} riops=max wiops=max`;

/** A kernel in which chosen devices and threads refuse. */
class RefusingKernel extends FakeKernel {
  readonly refused = new Map<string, string>();

  override write(path: string, text: string): void {
    const subject = path.endsWith("/io.max") ? text.split(" ", 1)[0]! : path.endsWith("/cgroup.threads") ? text : "";
    const code = this.refused.get(subject);
    if (code !== undefined) throw new FileTrouble(`write "${text}" to`, path, code);
    super.write(path, text);
  }

  override set_nice(tid: number, nice: number): void {
    const code = this.refused.get(String(tid));
    if (code !== undefined) throw new FileTrouble("renice", `thread ${tid}`, code);
    super.set_nice(tid, nice);
  }

  override signal(pid: number, name: string): void {
    const code = this.refused.get(String(pid));
    if (code !== undefined) throw new FileTrouble("signal", `process ${pid}`, code);
    super.signal(pid, name);
  }
}

class RefusingSetup extends Setup {
  override readonly kernel = new RefusingKernel();
  constructor() {
    super();
    this.kernel.add_cgroup("/app", {
      "io.stat": "8:0 rbytes=1 wbytes=2\n8:16 rbytes=5 wbytes=5\n8:32 rbytes=4 wbytes=0\n",
    });
    this.kernel.add_thread(40, 40, "/app");
    this.kernel.add_thread(41, 40, "/app");
    this.kernel.add_thread(50, 50, "/app");
  }
}

describe("io.max on several devices, of which one refuses", () => {
  test("the others are limited, and the one that refused is named with its cause", () => {
    using setup = new RefusingSetup();
    setup.kernel.refused.set("8:16", "ENODEV");
    const before = setup.kernel.snapshot();
    const motor = setup.motor();
    const target = setup.kernel.target("/app");
    const outcome = motor.perform(action("a", "apply", target, LIMIT), 0);
    expect(outcome.status).toBe("done");
    expect(outcome.detail).toContain("without 8:16: no such whole disk: it was unplugged, or is a partition (ENODEV)");
    expect(outcome.parts?.map(({ subject, status }) => [subject, status])).toEqual([
      ["8:16", "refused"],
      ["8:32", "done"],
      ["8:0", "done"],
    ]);
    expect(setup.kernel.get("/app", "io.max")).toBe(`${limited("8:32", 1_000_000)}\n${limited("8:0", 1_000_000)}`);
    expect([...read_entries(`${setup.ledger_dir}/ledger.jsonl`).values()].at(0)?.intended).not.toContain("8:16");
    // It is no drift that a device has no limit which it never took.
    expect(motor.poll(2 * SECOND_NS)).toEqual([]);
    const released = motor.perform(action("a", "release", target, LIMIT), 3 * SECOND_NS);
    expect([released.status, setup.kernel.snapshot()]).toEqual(["done", before]);
  });

  test("where all refuse, nothing is limited, and the cause is none of a cgroup that is gone", () => {
    using setup = new RefusingSetup();
    for (const device of ["8:0", "8:16", "8:32"]) setup.kernel.refused.set(device, "ENODEV");
    const outcome = setup.motor().perform(action("a", "apply", setup.kernel.target("/app"), LIMIT), 0);
    expect(outcome.status).toBe("refused");
    expect(outcome.detail).toContain("no device took the limit: 8:16: no such whole disk");
    expect(read_entries(`${setup.ledger_dir}/ledger.jsonl`).size).toBe(0);
  });

  test("a cgroup that was removed meanwhile is gone, whatever errno its file gives", () => {
    using setup = new RefusingSetup();
    const motor = setup.motor({
      step: (name) => {
        if (name === "after ledger open") setup.kernel.delete_cgroup("/app");
      },
    });
    expect(motor.perform(action("a", "apply", setup.kernel.target("/app"), LIMIT), 0).status).toBe("gone");
  });

  test("one that refuses a tighter limit keeps the old one, which the undo still lifts", () => {
    using setup = new RefusingSetup();
    const before = setup.kernel.snapshot();
    const motor = setup.motor();
    const target = setup.kernel.target("/app");
    motor.perform(action("a", "apply", target, LIMIT), 0);
    setup.kernel.refused.set("8:32", "EBUSY");
    const adjusted = motor.perform(action("a", "adjust", target, TIGHTER), 0);
    expect([adjusted.status, adjusted.detail]).toEqual([
      "done",
      expect.stringContaining("without 8:32: the device is being removed (EBUSY)"),
    ]);
    expect(setup.kernel.get("/app", "io.max")).toContain(limited("8:32", 1_000_000));
    setup.kernel.refused.clear();
    motor.perform(action("a", "adjust", target, { rung: "io_max", bytes_per_s: 400_000 }), 0);
    setup.forget_lock();
    release_from_ledger(setup.ledger_dir, { files: setup.kernel, processes: setup.kernel });
    expect(setup.kernel.snapshot()).toBe(before);
  });

  test("one that refuses its undo keeps none of the others limited, and is tried again", () => {
    using setup = new RefusingSetup();
    const before = setup.kernel.snapshot();
    const motor = setup.motor();
    const target = setup.kernel.target("/app");
    motor.perform(action("a", "apply", target, LIMIT), 0);
    setup.kernel.refused.set("8:16", "EBUSY");
    const released = motor.perform(action("a", "release", target, LIMIT), 0);
    expect([released.status, released.detail]).toEqual([
      "failed",
      expect.stringContaining("not restored: 8:16: in use (EBUSY)"),
    ]);
    expect(setup.kernel.get("/app", "io.max")).toBe(limited("8:16", 1_000_000));
    expect(motor.stuck).toHaveLength(1);
    setup.kernel.refused.clear();
    expect(motor.poll(2 * SECOND_NS)).toMatchObject([{ verb: "release", status: "done" }]);
    expect([motor.stuck.length, setup.kernel.snapshot()]).toEqual([0, before]);
  });

  test("of more devices than the bound the busiest are limited, and the others are named", () => {
    using setup = new RefusingSetup();
    const stat = Array.from({ length: 20 }, (_, i) => `8:${i} rbytes=${i} wbytes=0\n`).join("");
    setup.kernel.set("/app", "io.stat", stat);
    const outcome = setup.motor().perform(action("a", "apply", setup.kernel.target("/app"), LIMIT), 0);
    expect(outcome.status).toBe("done");
    expect(outcome.parts?.filter(({ status }) => status === "refused").map(({ subject }) => subject)).toEqual([
      "8:3",
      "8:2",
      "8:1",
      "8:0",
    ]);
  });

  test("a device that was unplugged is told as that, not as another writer", () => {
    using setup = new RefusingSetup();
    const motor = setup.motor();
    motor.perform(action("a", "apply", setup.kernel.target("/app"), LIMIT), 0);
    setup.kernel.set("/app", "io.max", `${limited("8:32", 1_000_000)}\n${limited("8:0", 1_000_000)}\n`);
    expect(motor.poll(2 * SECOND_NS)).toMatchObject([
      { status: "drifted", detail: expect.stringContaining("8:16 was unplugged") },
    ]);
  });

  test("stopped at any step, the ledger alone restores every device that was limited", () => {
    let stop_at = 1;
    for (; stop_at < 60; stop_at++) {
      using setup = new RefusingSetup();
      setup.kernel.set("/app", "io.max", `${limited("8:32", 2_000_000)}\n`);
      setup.kernel.refused.set("8:16", "ENODEV");
      const before = setup.kernel.snapshot();
      let steps = Number.NEGATIVE_INFINITY;
      let stopped: string | null = null;
      const motor = setup.motor({
        step(name) {
          steps += 1;
          if (steps >= stop_at) stopped ??= name;
          if (stopped !== null) throw new Crash(stopped);
        },
      });
      const target = setup.kernel.target("/app");
      steps = 0;
      try {
        motor.perform(action("a", "apply", target, LIMIT), 0);
        setup.kernel.refused.set("8:0", "EBUSY");
        motor.perform(action("a", "adjust", target, TIGHTER), 0);
        setup.kernel.refused.clear();
        motor.perform(action("a", "adjust", target, LIMIT), 0);
        motor.perform(action("a", "release", target, LIMIT), 0);
        steps = Number.NEGATIVE_INFINITY;
        motor.close();
      } catch (error) {
        if (!(error instanceof Crash)) throw error;
      }
      if (stopped === null) break;
      setup.kernel.refused.clear();
      setup.forget_lock();
      const options = { files: setup.kernel, processes: setup.kernel };
      const statuses = release_from_ledger(setup.ledger_dir, options).map(({ status }) => status);
      expect([stopped, statuses.filter((status) => status !== "done")]).toEqual([stopped, []]);
      expect(`${stopped}\n${setup.kernel.snapshot()}`).toBe(`${stopped}\n${before}`);
    }
    expect(stop_at).toBeGreaterThan(15);
    expect(stop_at).toBeLessThan(60);
  }, 60_000);
});

describe("threads and processes of which one refuses", () => {
  const NICE: Setting = { rung: "cpu_weight", weight: 20 };

  test("the others are reniced, the one that refused is named, and an undo that one refuses gives the others back", () => {
    using setup = new RefusingSetup();
    setup.kernel.delete_file("/app", "cpu.weight");
    setup.kernel.refused.set("41", "EPERM");
    const before = setup.kernel.snapshot();
    const motor = setup.motor();
    const target = setup.kernel.target("/app");
    const outcome = motor.perform(action("a", "apply", target, NICE), 0);
    expect([outcome.status, outcome.detail]).toEqual([
      "done",
      expect.stringContaining("without thread 41: operation not permitted (EPERM)"),
    ]);
    expect([40, 41, 50].map((tid) => setup.kernel.nice(tid))).toEqual([7, 0, 7]);
    setup.kernel.refused.clear();
    setup.kernel.refused.set("50", "EPERM");
    expect(motor.perform(action("a", "release", target, NICE), 0)).toMatchObject({
      status: "failed",
      detail: expect.stringContaining("not restored: thread 50: operation not permitted (EPERM)"),
    });
    expect([40, 41, 50].map((tid) => setup.kernel.nice(tid))).toEqual([0, 0, 7]);
    setup.kernel.refused.clear();
    expect(motor.poll(2 * SECOND_NS)).toMatchObject([{ verb: "release", status: "done" }]);
    expect(setup.kernel.snapshot()).toBe(before);
  });

  test("where every thread refuses, the action is refused with the cause", () => {
    using setup = new RefusingSetup();
    setup.kernel.delete_file("/app", "cpu.weight");
    for (const tid of ["40", "41", "50"]) setup.kernel.refused.set(tid, "EPERM");
    const outcome = setup.motor().perform(action("a", "apply", setup.kernel.target("/app"), NICE), 0);
    expect([outcome.status, outcome.detail]).toEqual([
      "refused",
      expect.stringContaining("thread 40: operation not permitted (EPERM)"),
    ]);
    expect(read_entries(`${setup.ledger_dir}/ledger.jsonl`).size).toBe(0);
  });

  test("processes are stopped and continued one by one, and what refuses is named", () => {
    using setup = new RefusingSetup();
    setup.kernel.delete_file("/app", "cgroup.freeze");
    setup.kernel.refused.set("40", "EPERM");
    const before = setup.kernel.snapshot();
    const motor = setup.motor();
    const target = setup.kernel.target("/app");
    const freeze: Setting = { rung: "freeze", frozen: true };
    const outcome = motor.perform(action("a", "apply", target, freeze), 0);
    expect([outcome.status, outcome.detail]).toEqual([
      "done",
      expect.stringContaining("without process 40: operation not permitted (EPERM)"),
    ]);
    expect(setup.kernel.signals).toEqual(["SIGSTOP 50"]);
    // In an undo the first of them refuses, and the next one still runs again.
    expect(motor.perform(action("a", "release", target, freeze), 0)).toMatchObject({
      status: "failed",
      detail: expect.stringContaining("not sent: process 40: operation not permitted (EPERM)"),
    });
    expect(setup.kernel.signals).toEqual(["SIGSTOP 50", "SIGCONT 50"]);
    setup.kernel.refused.clear();
    expect(motor.poll(2 * SECOND_NS)).toMatchObject([{ verb: "release", status: "done" }]);
    expect(setup.kernel.snapshot()).toBe(before);
  });

  test("of threads in a hold one that cannot be moved keeps none of the others in it", () => {
    using setup = new RefusingSetup();
    const before = setup.kernel.snapshot();
    const motor = setup.motor();
    const target = setup.kernel.target("/app", 41);
    const hold: Setting = { rung: "thread_hold", frozen: true };
    expect(motor.perform(action("a", "apply", target, hold), 0).status).toBe("done");
    for (const tid of [60, 61]) setup.kernel.add_thread(tid, 40, "/app/hosa-hold.41");
    setup.kernel.refused.set("60", "EOPNOTSUPP");
    const adjusted = motor.perform(action("a", "adjust", target, hold), 0);
    expect([adjusted.status, adjusted.detail]).toEqual([
      "done",
      expect.stringContaining("held with it: thread 60: not supported (EOPNOTSUPP)"),
    ]);
    expect(setup.kernel.thread_of(61).cgroup_path).toBe("/app");
    expect(motor.perform(action("a", "release", target, hold), 0)).toMatchObject({
      status: "failed",
      detail: expect.stringContaining("not returned: thread 60: not supported (EOPNOTSUPP)"),
    });
    expect(setup.kernel.thread_of(41).cgroup_path).toBe("/app");
    setup.kernel.refused.clear();
    expect(motor.poll(2 * SECOND_NS)).toMatchObject([{ verb: "release", status: "done" }]);
    for (const tid of [60, 61]) setup.kernel.end_thread(tid);
    expect(setup.kernel.snapshot()).toBe(before);
  });
});

test("a cgroup that is not found among the first 8192 is not told to be gone, and its entry stays", () => {
  using setup = new RefusingSetup();
  const motor = setup.motor();
  motor.perform(action("a", "apply", setup.kernel.target("/app"), LIMIT), 0);
  setup.kernel.rename("/app", "/elsewhere");
  const files = {
    ...bound(setup.kernel),
    directories: (path: string) => (path === "/cg" ? Array.from({ length: 9000 }, (_, i) => `c${i}`) : []),
  };
  setup.forget_lock();
  const [outcome] = release_from_ledger(setup.ledger_dir, { files, processes: setup.kernel });
  expect([outcome?.status, outcome?.detail]).toEqual([
    "failed",
    expect.stringContaining("not among the first 8192 cgroups"),
  ]);
  expect(read_entries(`${setup.ledger_dir}/ledger.jsonl`).size).toBe(1);
});

/** The methods of a kernel as functions of their own. */
function bound(kernel: FakeKernel): CgroupFiles {
  return {
    read: (path) => kernel.read(path),
    write: (path, text) => kernel.write(path, text),
    make_directory: (path) => kernel.make_directory(path),
    remove_directory: (path) => kernel.remove_directory(path),
    inode: (path) => kernel.inode(path),
    owner_uid: (path) => kernel.owner_uid(path),
    directories: (path) => kernel.directories(path),
    keep: (path) => kernel.keep(path),
    attribute: (path, name) => kernel.attribute(path, name),
  };
}
