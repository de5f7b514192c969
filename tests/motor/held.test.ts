import { describe, expect, test } from "bun:test";
import type { Setting } from "../../src/model/containment.ts";
import type { HeldItem, Selector } from "../../src/model/control.ts";
import { selected } from "../../src/motor/held.ts";
import { Ledger } from "../../src/motor/ledger.ts";
import { RecordingMotor } from "../../src/motor/recording.ts";
import { release_from_ledger } from "../../src/motor/recover.ts";
import { action, MOUNT } from "./fake.ts";
import { Setup } from "./setup.ts";

const CPU_MAX: Setting = { rung: "cpu_max", quota_us: 50_000, period_us: 100_000 };

describe("what is held", () => {
  test.each([
    [{ rung: "cpu_max", quota_us: 50_000, period_us: 100_000 }, "cpu.max", "50000 100000", "max 100000"],
    [{ rung: "memory_governor", high_bytes: 8_388_608 }, "memory.high", "8388608", "max"],
    [{ rung: "cpu_weight", weight: 20 }, "cpu.weight", "20", "100"],
    [{ rung: "io_max", bytes_per_s: 1_000_000 }, "io.max", expect.stringContaining("8:0 rbps=1000000"), "no limit"],
    [{ rung: "freeze", frozen: true }, "cgroup.freeze", "1", "0"],
  ] as const)("%j: its file, the value now, the value restored", (setting, file, now, restores) => {
    using setup = new Setup();
    const motor = setup.motor();
    motor.perform(action("c1", "apply", setup.kernel.target("/app"), setting), 0);
    expect(motor.held()).toMatchObject([
      { id: "c1", rung: setting.rung, file: `${MOUNT}/app/${file}`, now, restores, quarantine: false },
    ]);
    motor.close();
  });

  test("a thread, and niceness, in words", () => {
    using setup = new Setup();
    const motor = setup.motor();
    const thread = setup.kernel.target("/app", 41);
    motor.perform(action("c1", "apply", thread, { rung: "thread_hold", frozen: true }), 0);
    setup.kernel.add_thread(42, 40, "/app");
    motor.perform(action("c2", "apply", setup.kernel.target("/app", 42), { rung: "cpu_weight", weight: 20 }), 0);
    expect(motor.held()).toMatchObject([
      {
        file: `${MOUNT}/app/hosa-hold.41`,
        now: "thread 41 alone in it",
        restores: expect.stringContaining("back in /app"),
      },
      { file: "nice of thread in /app", now: "7", restores: "0" },
    ]);
    motor.close();
  });

  test("a value another writer changed is shown as it is, one that is gone as unknown", () => {
    using setup = new Setup();
    const motor = setup.motor();
    motor.perform(action("c1", "apply", setup.kernel.target("/app"), CPU_MAX), 0);
    setup.kernel.set("/app", "cpu.max", "7000 100000\n");
    expect(motor.held()[0]!.now).toBe("7000 100000");
    setup.kernel.delete_cgroup("/app");
    expect(motor.held()[0]!.now).toBeNull();
    motor.close();
  });
});

describe("letting go", () => {
  test("undoes the chosen ones exactly and leaves the others", () => {
    using setup = new Setup();
    const before = setup.kernel.snapshot();
    const motor = setup.motor();
    motor.perform(action("c1", "apply", setup.kernel.target("/app"), CPU_MAX), 0);
    motor.perform(action("c2", "apply", setup.kernel.target("/app"), { rung: "freeze", frozen: true }), 0);
    const [first, second] = motor.held();
    expect(motor.let_go([first!], 5, "asked")).toMatchObject([
      { id: "c1", verb: "release", status: "done", file: "/app/cpu.max", written: "max 100000", t_ns: 5 },
    ]);
    expect(motor.held()).toEqual([second!]);
    expect(motor.let_go([first!], 5, "asked")).toEqual([]);
    expect(motor.let_go([second!], 5, "asked")).toMatchObject([{ id: "c2", status: "done" }]);
    expect(setup.kernel.snapshot()).toBe(before);
    expect(motor.live()).toEqual([]);
    motor.close();
  });

  test("reaches what others than the motor wrote into the ledger", () => {
    using setup = new Setup();
    const ledger = new Ledger(setup.ledger_dir);
    ledger.open({
      containment: "quarantine",
      rung: "freeze",
      target: setup.kernel.target("/app"),
      mount: MOUNT,
      cgroup_id: setup.app_id,
      path: "/app",
      kind: "file",
      file: "cgroup.freeze",
      prior: "0",
      intended: "1",
      threads: [],
      until: "release",
    });
    ledger.close();
    setup.kernel.set("/app", "cgroup.freeze", "1\n");
    const select = (entries: Parameters<NonNullable<Parameters<typeof release_from_ledger>[1]>["select"] & {}>[0]) =>
      entries.filter((entry) => entry.until === "release");
    const outcomes = release_from_ledger(setup.ledger_dir, { files: setup.kernel, processes: setup.kernel, select });
    expect(outcomes).toMatchObject([{ id: "quarantine", status: "done", written: "0" }]);
    expect(setup.kernel.get("/app", "cgroup.freeze")).toBe("0");
  });

  test("of a recording motor ends what it would hold", () => {
    const motor = new RecordingMotor({
      enabled_rungs: ["cpu_max"],
      max_targets_per_minute: 6,
      cooldown_s: 0,
      expiry_s: 30,
      mount: null,
      protect: [],
    });
    const target = { cgroup_id: 7, path: "/app", pid: null, tid: null, comm: null };
    motor.perform(action("c1", "apply", target, CPU_MAX), 0);
    expect(motor.held()).toMatchObject([{ id: "c1", ledger_id: null, restores: "nothing was touched" }]);
    expect(motor.let_go(motor.held(), 1, "asked")).toMatchObject([{ id: "c1", verb: "release", status: "done" }]);
    expect(motor.held()).toEqual([]);
  });
});

describe("a selector", () => {
  const item = (id: string, path: string, more: Partial<HeldItem> = {}): HeldItem => ({
    id,
    ledger_id: `9-${id}`,
    rung: "cpu_max",
    target: { cgroup_id: path.length, path, pid: null, tid: null, comm: null },
    file: `/cg${path}/cpu.max`,
    now: null,
    restores: "",
    quarantine: false,
    ...more,
  });
  const ITEMS = [item("c1", "/app"), item("c2", "/app/worker"), item("c3", "/b", { quarantine: true })];

  test.each([
    [{ all: true }, ["c1", "c2", "c3"]],
    [{ quarantine: true }, ["c3"]],
    [{ id: "c2" }, ["c2"]],
    [{ id: "9-c1" }, ["c1"]],
    [{ id: "c" }, []],
    [{ target: "/app" }, ["c1"]],
    [{ target: "/app/" }, ["c1"]],
    [{ target: "/cg/app/worker" }, ["c2"]],
    [{ target: "4" }, ["c1"]],
    [{ target: "/" }, []],
  ] as const)("%j means %j", (selector, ids) => {
    expect(selected(ITEMS, selector as Selector).map((one) => one.id)).toEqual([...ids]);
  });
});
