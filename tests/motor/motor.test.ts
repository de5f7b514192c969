import { expect, test } from "bun:test";
import type { Setting } from "../../src/model/containment.ts";
import type { CgroupFiles } from "../../src/motor/files.ts";
import type { Processes } from "../../src/motor/processes.ts";
import { release_from_ledger } from "../../src/motor/recover.ts";
import { FileTrouble } from "../../src/motor/trouble.ts";
import { action, FakeKernel } from "./fake.ts";
import { SECOND_NS, Setup, with_methods } from "./setup.ts";

const HOLD: Setting = { rung: "thread_hold", frozen: true };
const FREEZE: Setting = { rung: "freeze", frozen: true };
const CPU_MAX: Setting = { rung: "cpu_max", quota_us: 50_000, period_us: 100_000 };

/** Thread 41 of /app held by containment h, and the child in which it stands still. */
function held(setup: Setup) {
  const { kernel } = setup;
  const motor = setup.motor();
  const target = kernel.target("/app", 41);
  motor.perform(action("h", "apply", target, HOLD), 0);
  return { kernel, motor, target, child: kernel.thread_of(41).cgroup_path };
}

test("a hold freezes one thread in a child of its own and gives it back", () => {
  using setup = new Setup();
  const { kernel } = setup;
  const motor = setup.motor();
  const target = kernel.target("/app", 41);
  expect(motor.perform(action("h", "apply", target, HOLD), 0)).toMatchObject({ status: "done", written: "1" });
  expect(kernel.thread_of(41).cgroup_path).toBe("/app/hosa-hold.41");
  expect(kernel.thread_of(40).cgroup_path).toBe("/app");
  expect(motor.live()).toMatchObject([{ id: "h", rung: "thread_hold", frozen: true, alive: true }]);
  expect(motor.perform(action("h", "release", target, HOLD), 1).detail).toContain("type domain");
  expect(kernel.thread_of(41).cgroup_path).toBe("/app");
  expect(motor.live()).toEqual([]);
  motor.close();
});

test("two threads of one cgroup are held apart, and either is given back alone", () => {
  using setup = new Setup();
  const { kernel } = setup;
  kernel.add_thread(42, 40, "/app");
  const motor = setup.motor();
  motor.perform(action("h", "apply", kernel.target("/app", 41), HOLD), 0);
  expect(motor.perform(action("i", "apply", kernel.target("/app", 42), HOLD), 0).status).toBe("done");
  expect([41, 42].map((tid) => kernel.thread_of(tid).cgroup_path)).toEqual(["/app/hosa-hold.41", "/app/hosa-hold.42"]);
  motor.perform(action("h", "release", kernel.target("/app", 41), HOLD), 1);
  expect([41, 42].map((tid) => kernel.thread_of(tid).cgroup_path)).toEqual(["/app", "/app/hosa-hold.42"]);
  expect(motor.release_all(2, "over")).toMatchObject([{ id: "i", status: "done" }]);
  expect(kernel.thread_of(42).cgroup_path).toBe("/app");
  motor.close();
});

test("a hold that is refused half-way while its cgroup is still busy is cleared away later, and that is told", () => {
  using setup = new Setup();
  const { kernel } = setup;
  let busy = false;
  const motor = setup.motor({
    files: with_methods<CgroupFiles>(kernel, {
      remove_directory(path) {
        if (busy) throw new FileTrouble("rmdir", path, "EBUSY");
        kernel.remove_directory(path);
      },
    }),
    // Between the first look and the move the number passes to another thread.
    processes: with_methods<Processes>(kernel, {
      thread(pid, tid) {
        const seen = kernel.thread(pid, tid);
        return seen?.cgroup_path.includes("hosa-hold") ? { ...seen, start_ticks: -1 } : seen;
      },
    }),
  });
  const before = kernel.snapshot();
  busy = true;
  expect(motor.perform(action("h", "apply", kernel.target("/app", 41), HOLD), 0).status).toBe("gone");
  expect(kernel.snapshot()).not.toBe(before);
  expect(motor.poll(2 * SECOND_NS)).toEqual([]);
  busy = false;
  expect(motor.poll(2.5 * SECOND_NS)).toEqual([]);
  expect(motor.poll(3.1 * SECOND_NS)).toMatchObject([{ id: "h", verb: "release", status: "done" }]);
  expect(kernel.snapshot()).toBe(before);
  motor.close();
});

test("an agent that ends while a thread cannot leave its hold yet leaves it to the ledger", () => {
  using setup = new Setup();
  const { kernel } = setup;
  const files = with_methods<CgroupFiles>(kernel, {
    remove_directory(path) {
      if (path.includes("hosa-hold")) throw new FileTrouble("rmdir", path, "EBUSY");
      kernel.remove_directory(path);
    },
  });
  const before = kernel.snapshot();
  const motor = setup.motor({ files });
  motor.perform(action("h", "apply", kernel.target("/app", 41), HOLD), 0);
  expect(motor.release_all(SECOND_NS, "hosa ends")).toMatchObject([{ status: "pending" }]);
  motor.close();
  expect(release_from_ledger(setup.ledger_dir, { files: kernel, processes: kernel })).toMatchObject([
    { status: "done" },
  ]);
  expect(kernel.snapshot()).toBe(before);
});

test("a freeze is pending until the kernel confirms", () => {
  using setup = new Setup();
  setup.kernel.freezes_at_once = false;
  const motor = setup.motor();
  const apply = action("f", "apply", setup.kernel.target("/app"), FREEZE);
  expect(motor.perform(apply, 0).status).toBe("pending");
  expect(motor.poll(0.1 * SECOND_NS)).toEqual([]);
  setup.kernel.confirm_freezes();
  expect(motor.poll(0.2 * SECOND_NS)).toMatchObject([{ id: "f", status: "done" }]);
  expect(motor.poll(0.3 * SECOND_NS)).toEqual([]);
  motor.close();
});

test("a freeze the kernel never confirms is undone and said to have failed", () => {
  using setup = new Setup();
  setup.kernel.freezes_at_once = false;
  const motor = setup.motor();
  motor.perform(action("h", "apply", setup.kernel.target("/app", 41), HOLD), 0);
  expect(motor.poll(2.1 * SECOND_NS)).toMatchObject([{ id: "h", verb: "release", status: "failed" }]);
  expect(setup.kernel.thread_of(41).cgroup_path).toBe("/app");
  expect(motor.live()).toEqual([]);
  motor.close();
});

test("what is not renewed lapses", () => {
  using setup = new Setup();
  const motor = setup.motor({ expiry_s: 5 });
  motor.perform(action("c", "apply", setup.kernel.target("/app"), CPU_MAX), 0);
  motor.renew("c", 4 * SECOND_NS);
  expect(motor.poll(8 * SECOND_NS)).toEqual([]);
  expect(motor.poll(9.5 * SECOND_NS)[0]?.detail).toContain("expired");
  expect(setup.kernel.get("/app", "cpu.max")).toBe("max 100000");
  motor.close();
});

test("a new cgroup by the old name is not ours; a moved one is found by its id", () => {
  using setup = new Setup();
  const { kernel } = setup;
  const motor = setup.motor();
  const target = kernel.target("/app");
  motor.perform(action("c", "apply", target, CPU_MAX), 0);
  kernel.rename("/app", "/elsewhere");
  kernel.add_cgroup("/app", { "cpu.max": "50000 100000\n" });
  expect(motor.perform(action("c", "release", target, CPU_MAX), 1).status).toBe("done");
  expect(kernel.get("/elsewhere", "cpu.max")).toBe("max 100000");
  expect(kernel.get("/app", "cpu.max")).toBe("50000 100000");
  kernel.delete_cgroup("/elsewhere");
  expect(motor.perform(action("d", "apply", target, CPU_MAX), 2).status).toBe("gone");
  motor.close();
});

test("drift is recorded, re-applied once when asked, and left alone after that", () => {
  using setup = new Setup();
  const { kernel } = setup;
  const motor = setup.motor();
  const target = kernel.target("/app");
  motor.perform(action("c", "apply", target, CPU_MAX), 0);
  kernel.set("/app", "cpu.max", "70000 100000\n");
  expect(motor.poll(0.5 * SECOND_NS)).toEqual([]);
  expect(motor.poll(1.1 * SECOND_NS)).toMatchObject([{ status: "drifted" }]);
  expect(motor.poll(2.2 * SECOND_NS)).toEqual([]);
  expect(motor.perform(action("c", "adjust", target, CPU_MAX), 3 * SECOND_NS).status).toBe("done");
  kernel.set("/app", "cpu.max", "60000 100000\n");
  expect(motor.perform(action("c", "adjust", target, CPU_MAX), 4 * SECOND_NS).status).toBe("drifted");
  expect(motor.perform(action("c", "release", target, CPU_MAX), 5 * SECOND_NS).status).toBe("drifted");
  expect(kernel.get("/app", "cpu.max")).toBe("60000 100000");
  motor.close();
});

test("what another writer set between two adjustments is told, and is what the release restores", () => {
  using setup = new Setup();
  const { kernel } = setup;
  kernel.set("/app", "memory.high", "943718400\n");
  const motor = setup.motor();
  const target = kernel.target("/app");
  const ask = (verb: "apply" | "adjust" | "release", t_s: number, high_bytes = 209_715_200) =>
    motor.perform(action("m", verb, target, { rung: "memory_governor", high_bytes }), t_s * SECOND_NS);
  ask("apply", 0);
  kernel.set("/app", "memory.high", "734003200\n");
  expect(ask("adjust", 0.1, 213_909_504).status).toBe("done");
  expect(kernel.get("/app", "memory.high")).toBe("213909504");
  expect(motor.poll(1.1 * SECOND_NS)).toMatchObject([{ status: "drifted", prior: "734003200" }]);
  expect(motor.poll(2.2 * SECOND_NS)).toEqual([]);
  expect(ask("release", 3).status).toBe("done");
  expect(kernel.get("/app", "memory.high")).toBe("734003200");
  motor.close();
});

test("a tighter value of another writer is not loosened by an adjustment", () => {
  using setup = new Setup();
  const { kernel } = setup;
  const motor = setup.motor();
  const target = kernel.target("/app");
  const setting: Setting = { rung: "memory_governor", high_bytes: 209_715_200 };
  motor.perform(action("m", "apply", target, setting), 0);
  kernel.set("/app", "memory.high", "104857600\n");
  expect(motor.perform(action("m", "adjust", target, setting), 0.1 * SECOND_NS).status).toBe("refused");
  expect(motor.perform(action("m", "release", target, setting), 0.2 * SECOND_NS).status).toBe("drifted");
  expect(kernel.get("/app", "memory.high")).toBe("104857600");
  motor.close();
});

test("memory.high is raised above the usage read right before", () => {
  using setup = new Setup();
  setup.kernel.set("/app", "memory.current", "104857600\n");
  const motor = setup.motor();
  const apply = action("m", "apply", setup.kernel.target("/app"), { rung: "memory_governor", high_bytes: 4096 });
  expect(motor.perform(apply, 0)).toMatchObject({ status: "done", written: String(104_857_600 + 65_536) });
  motor.close();
});

test("a ceiling the usage has passed stays where it is, so that the kernel's throttle bites", () => {
  using setup = new Setup();
  setup.kernel.set("/app", "memory.current", "104857600\n");
  const motor = setup.motor();
  const target = setup.kernel.target("/app");
  const ask = (verb: "apply" | "adjust", high_bytes: number) =>
    motor.perform(action("m", verb, target, { rung: "memory_governor", high_bytes }), 0);
  expect(ask("apply", 115_343_360)).toMatchObject({ status: "done", written: "115343360" });
  setup.kernel.set("/app", "memory.current", "125829120\n");
  expect(ask("adjust", 116_391_936)).toMatchObject({ status: "done", written: "115343360" });
  expect(ask("adjust", 136_314_880)).toMatchObject({ status: "done", written: "136314880" });
  motor.close();
});

test("threads that the held one made while it ran are given back before they stand still with it", () => {
  using setup = new Setup();
  const { kernel, motor, target, child } = held(setup);
  const born = (tid: number) => kernel.add_thread(tid, 40, child);
  const places = (...tids: number[]) => tids.map((tid) => kernel.thread_of(tid).cgroup_path);
  motor.perform(action("h", "adjust", target, { rung: "thread_hold", frozen: false }), 1);
  born(50);
  expect(motor.perform(action("h", "adjust", target, HOLD), 2)).toMatchObject({ status: "done", written: "1" });
  expect(places(41, 50)).toEqual([child, "/app"]);
  born(51);
  motor.perform(action("h", "adjust", target, { rung: "thread_hold", frozen: true, pulse_ms: 1 }), 3);
  expect(places(41, 50, 51)).toEqual([child, "/app", "/app"]);
  motor.close();
});

test("a pulse thaws for its time and ends frozen, within one call", () => {
  using setup = new Setup();
  const { kernel, motor, target, child } = held(setup);
  const pulse: Setting = { rung: "thread_hold", frozen: true, pulse_ms: 2 };
  expect(motor.perform(action("h", "adjust", target, pulse), 1e9)).toMatchObject({
    status: "done",
    written: "1",
    detail: "thawed for 1.5 ms (2 asked); frozen",
  });
  expect(kernel.urgent).toBe(1);
  // Meanwhile both were on the lowest CPU they may share; afterwards each has its own again.
  expect(kernel.pauses.map(({ affinities }) => affinities)).toEqual([["0100", "0100"]]);
  expect([kernel.own_affinity, kernel.thread_of(41).affinity]).toEqual(["ff00", "0f00"]);
  expect(kernel.pauses.map(({ duration_ms, freeze }) => [duration_ms, freeze.get(child)])).toEqual([[2, "0"]]);
  expect(kernel.get(child, "cgroup.freeze")).toBe("1");
  motor.perform(action("h", "adjust", target, { ...pulse, pulse_ms: 60_000 }), 2e9);
  expect(kernel.pauses.at(-1)?.duration_ms).toBe(5);
  motor.close();
});

test("a hold is lifted when its process is asked to end, and cleared away when it has ended", () => {
  using setup = new Setup();
  const { kernel, motor, target } = held(setup);
  kernel.thread_of(41).ending = true;
  expect(motor.poll(1.1 * SECOND_NS)[0]?.detail).toContain("asked to end");
  expect(kernel.thread_of(41).cgroup_path).toBe("/app");
  kernel.thread_of(41).ending = false;
  motor.perform(action("i", "apply", target, HOLD), 2 * SECOND_NS);
  kernel.end_thread(41);
  expect(motor.poll(2.1 * SECOND_NS)).toMatchObject([{ id: "i", status: "gone" }]);
  expect(kernel.directories("/cg/app")).toEqual([]);
  motor.close();
});

test("without a v2 freezer the processes are stopped, and continued by the ledger alone", () => {
  using setup = new Setup();
  const { kernel } = setup;
  const id = kernel.add_cgroup("/old");
  kernel.add_thread(50, 50, "/old");
  const read = kernel.read.bind(kernel);
  kernel.read = (path) => (path === "/cg/old/cgroup.freeze" ? kernel.read("/cg/old/none") : read(path));
  const motor = setup.motor();
  expect(motor.perform(action("s", "apply", kernel.target("/old"), FREEZE), 0)).toMatchObject({ status: "done" });
  expect(id).toBeGreaterThan(0);
  motor.close();
  release_from_ledger(setup.ledger_dir, { files: kernel, processes: kernel });
  expect(kernel.signals).toEqual(["SIGSTOP 50", "SIGCONT 50"]);
});

test("who sees another part of the cgroup tree strikes nothing off", () => {
  using setup = new Setup();
  const { kernel, motor } = held(setup);
  motor.close();
  // A container with /run of the host: its /sys/fs/cgroup shows itself.
  const container = new FakeKernel();
  container.set_root_id(4711);
  const elsewhere = release_from_ledger(setup.ledger_dir, { files: container, processes: container });
  expect(elsewhere).toMatchObject([{ status: "failed", detail: expect.stringContaining("another part of the node") }]);
  expect(release_from_ledger(setup.ledger_dir, { files: kernel, processes: kernel })).toMatchObject([
    { status: "done" },
  ]);
  expect(kernel.thread_of(41).cgroup_path).toBe("/app");
});

test("a new motor undoes what its predecessor left", () => {
  using setup = new Setup();
  const before = setup.kernel.snapshot();
  const first = setup.motor();
  first.perform(action("h", "apply", setup.kernel.target("/app", 41), HOLD), 0);
  first.perform(action("c", "apply", setup.kernel.target("/app"), CPU_MAX), 0);
  first.close();
  const second = setup.motor();
  expect(second.recovered.map((each) => [each.id, each.status])).toEqual([
    ["c", "done"],
    ["h", "done"],
  ]);
  expect(setup.kernel.snapshot()).toBe(before);
  second.close();
});

test("rungs the host lacks are named, with the reason", () => {
  using setup = new Setup();
  setup.kernel.set("/", "cgroup.controllers", "cpu\n");
  const motor = setup.motor({ enabled_rungs: ["cpu_weight", "memory_governor", "cpu_max", "io_max", "thread_hold"] });
  const missing = new Map(motor.missing().map((each) => [each.rung, each.why]));
  expect([...missing.keys()]).toEqual(["memory_governor", "swap_reserve", "io_max", "freeze", "shield"]);
  expect(missing.get("memory_governor")).toContain("cgroup.controllers");
  expect(setup.kernel.directories("/cg")).toEqual(["hosa", "app"]);
  motor.close();
});
