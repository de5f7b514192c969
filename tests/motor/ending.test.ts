/** A service that is asked to end, or to act, while it is contained. */
import { expect, test } from "bun:test";
import { RUNGS, type Setting } from "../../src/model/containment.ts";
import { RecordingMotor } from "../../src/motor/recording.ts";
import { FileTrouble } from "../../src/motor/trouble.ts";
import { action, MOUNT } from "./fake.ts";
import { SECOND_NS, Setup } from "./setup.ts";

test("a frozen cgroup whose process was asked to end is thawed within two seconds", () => {
  using setup = new Setup();
  const motor = setup.motor();
  const target = setup.kernel.target("/app");
  motor.perform({ id: "c1", verb: "apply", target, setting: { rung: "freeze", frozen: true }, reason: "" }, 0);
  expect(setup.kernel.get("/app", "cgroup.freeze")).toBe("1");
  for (const tid of [40, 41]) setup.kernel.thread_of(tid).ending = true; // SIGTERM pending: systemctl stop, docker stop
  for (let s = 1; s <= 9; s++) {
    motor.renew("c1", s * SECOND_NS);
    motor.poll(s * SECOND_NS);
  }
  expect(setup.kernel.get("/app", "cgroup.freeze")).toBe("0");
});

test("a freeze is refused where a process of it was already asked to end", () => {
  using setup = new Setup();
  const motor = setup.motor();
  for (const tid of [40, 41]) setup.kernel.thread_of(tid).ending = true;
  const outcome = motor.perform(
    {
      id: "c1",
      verb: "apply",
      target: setup.kernel.target("/app"),
      setting: { rung: "freeze", frozen: true },
      reason: "",
    },
    0,
  );
  expect(outcome.status).toBe("refused");
});

test("the same for the thread hold (there it works)", () => {
  using setup = new Setup();
  const motor = setup.motor();
  const target = setup.kernel.target("/app", 41);
  motor.perform({ id: "c1", verb: "apply", target, setting: { rung: "thread_hold", frozen: true }, reason: "" }, 0);
  for (const tid of [40, 41]) setup.kernel.thread_of(tid).ending = true;
  for (let s = 1; s <= 3; s++) {
    motor.renew("c1", s * SECOND_NS);
    motor.poll(s * SECOND_NS);
  }
  expect(motor.live().length).toBe(0);
});

const UNIT = "/app.slice/app.service";
const FREEZE: Setting = { rung: "freeze", frozen: true };

/** A unit with its main process and a worker, frozen in its child. */
function frozen_unit(setup: Setup) {
  const { kernel } = setup;
  kernel.add_cgroup("/app.slice");
  kernel.add_cgroup(UNIT);
  kernel.add_thread(50, 50, UNIT);
  kernel.add_thread(51, 51, UNIT);
  kernel.thread_of(50).about = { leads: "start" };
  const before = kernel.snapshot();
  const motor = setup.motor();
  const outcome = motor.perform(action("u", "apply", kernel.target(UNIT), FREEZE), 0);
  return { kernel, motor, outcome, before };
}

/** What the motor says at its check of the second after. */
function second_after(motor: ReturnType<Setup["motor"]>, second = 1) {
  motor.renew("u", second * SECOND_NS);
  return motor.poll((second + 0.01) * SECOND_NS);
}

test("a unit is frozen in a child of it, so that its own cgroup stays open to the manager", () => {
  using setup = new Setup();
  const { kernel, motor, outcome, before } = frozen_unit(setup);
  expect(outcome.status).toBe("done");
  expect(kernel.get(UNIT, "cgroup.freeze")).toBe("0");
  expect(kernel.get(`${UNIT}/hosa-freeze`, "cgroup.freeze")).toBe("1");
  expect([50, 51].map((tid) => kernel.thread_of(tid).cgroup_path)).toEqual([
    `${UNIT}/hosa-freeze`,
    `${UNIT}/hosa-freeze`,
  ]);
  expect(motor.live()[0]?.frozen).toBe(true);
  expect(motor.held()[0]).toMatchObject({ now: "frozen", restores: expect.stringContaining("processes back in") });
  expect(second_after(motor)).toEqual([]);
  motor.perform(action("u", "adjust", kernel.target(UNIT), { rung: "freeze", frozen: false }), 2 * SECOND_NS);
  expect(kernel.get(`${UNIT}/hosa-freeze`, "cgroup.freeze")).toBe("0");
  motor.release_all(3 * SECOND_NS, "end");
  expect(kernel.snapshot()).toBe(before);
});

test("what forks while its processes are moved is moved as well, and what never stops is given up", () => {
  using setup = new Setup();
  const { kernel } = setup;
  kernel.add_cgroup("/app.slice");
  kernel.add_cgroup(UNIT);
  kernel.add_thread(50, 50, UNIT);
  let next = 60;
  kernel.moved = (pid) => {
    if (pid === 50) kernel.add_thread(next++, next - 1, UNIT);
  };
  const motor = setup.motor();
  expect(motor.perform(action("u", "apply", kernel.target(UNIT), FREEZE), 0).status).toBe("done");
  expect(kernel.thread_of(60).cgroup_path).toBe(`${UNIT}/hosa-freeze`);
  motor.release_all(SECOND_NS, "end");
  kernel.moved = () => kernel.add_thread(next++, next - 1, UNIT);
  const outcome = motor.perform(action("v", "apply", kernel.target(UNIT), FREEZE), 2 * SECOND_NS);
  expect(outcome).toMatchObject({
    status: "refused",
    detail: expect.stringContaining("faster than they can be moved"),
  });
});

test("a command that the manager starts in a frozen unit (reload, stop) ends the freeze within a second", () => {
  using setup = new Setup();
  const { kernel, motor } = frozen_unit(setup);
  kernel.add_thread(70, 70, UNIT);
  expect(second_after(motor)).toMatchObject([
    { verb: "release", status: "refused", detail: expect.stringContaining("70") },
  ]);
  expect(kernel.thread_of(50).cgroup_path).toBe(UNIT);
});

test("a worker of a frozen unit that is killed thaws it, and the unit is left alone for a while", () => {
  using setup = new Setup();
  const { kernel, motor } = frozen_unit(setup);
  kernel.thread_of(51).about = { signal: "SIGKILL" };
  expect(second_after(motor)).toMatchObject([
    { verb: "release", status: "gone", unmet: { code: "being_ended", pid: 51, signal: "SIGKILL" } },
  ]);
  // It handles the signal now, and nothing waits any more.
  kernel.thread_of(51).about = {};
  const again = motor.perform(action("v", "apply", kernel.target(UNIT), FREEZE), 10 * SECOND_NS);
  expect(again).toMatchObject({ status: "refused", unmet: { code: "being_ended" } });
  const later = motor.perform(action("w", "apply", kernel.target(UNIT), FREEZE), 100 * SECOND_NS);
  expect(later.status).toBe("done");
});

test.each<[string, (setup: Setup) => void, string]>([
  ["delegated meanwhile", ({ kernel }) => kernel.attributes.set(`${UNIT} user.delegate`, "1"), "delegated"],
  [
    "who gets a watchdog",
    ({ kernel }) => kernel.units.set("app.service", { delegates: false, watchdog_s: 3 }),
    "watchdog",
  ],
  [
    "in which sshd appears",
    ({ kernel }) => Object.assign(kernel.thread_of(51).about, { comm: "sshd" }),
    "essential_program",
  ],
])("a frozen unit %s is thawed within a second", (_name, change, code) => {
  using setup = new Setup();
  const { kernel, motor } = frozen_unit(setup);
  change(setup);
  expect(second_after(motor)).toMatchObject([{ verb: "release", status: "refused", unmet: { code } }]);
  expect(kernel.thread_of(50).cgroup_path).toBe(UNIT);
});

test.each<[string, Setting, (setup: Setup) => void, string]>([
  ["a slice", FREEZE, () => undefined, "manager_may_spawn"],
  ["a cgroup below which others lie", FREEZE, ({ kernel }) => kernel.add_cgroup("/app/one"), "not_a_leaf"],
  [
    "a limit beside sshd",
    { rung: "cpu_max", quota_us: 20_000, period_us: 100_000 },
    about("sshd"),
    "essential_program",
  ],
  ["a weight beside chronyd", { rung: "cpu_weight", weight: 10 }, about("chronyd"), "essential_program"],
  ["a ceiling on a virtual machine", { rung: "memory_governor", high_bytes: 8e6 }, machine, "virtual_machine"],
])("refused before anything is touched: %s", (name, setting, change, code) => {
  using setup = new Setup();
  const { kernel } = setup;
  if (name === "a slice") {
    kernel.add_cgroup("/app.slice");
    kernel.add_thread(90, 90, "/app.slice");
  }
  change(setup);
  const before = kernel.snapshot();
  const target = kernel.target(name === "a slice" ? "/app.slice" : "/app");
  const outcome = setup.motor().perform(action("x", "apply", target, setting), 0);
  expect(outcome).toMatchObject({ status: "refused", unmet: { code }, ledger_id: null });
  expect(kernel.snapshot()).toBe(before);
});

function about(comm: string) {
  return ({ kernel }: Setup) => Object.assign(kernel.thread_of(40).about, { comm });
}

function machine({ kernel }: Setup): void {
  kernel.thread_of(40).about = { devices: ["/dev/kvm"] };
}

test.each<[string, (setup: Setup) => void, string]>([
  ["a delegated unit", ({ kernel }) => kernel.attributes.set("/app user.delegate", "1"), "delegated"],
  ["a container", ({ kernel }) => Object.assign(kernel.thread_of(40).about, { parent: "conmon" }), "runtime_owned"],
  ["a virtual machine", machine, "virtual_machine"],
  ["a unit with a watchdog", ({ kernel }) => Object.assign(kernel.thread_of(40).about, { watchdog_s: 3 }), "watchdog"],
])("no thread of %s is held, and the cgroup stays as it is", (_name, change, code) => {
  using setup = new Setup();
  change(setup);
  const before = setup.kernel.snapshot();
  const setting: Setting = { rung: "thread_hold", frozen: true };
  const outcome = setup.motor().perform(action("h", "apply", setup.kernel.target("/app", 41), setting), 0);
  expect(outcome).toMatchObject({ status: "refused", unmet: { code } });
  expect(setup.kernel.snapshot()).toBe(before);
});

test("a held thread is let go when the stop command of its unit runs", () => {
  using setup = new Setup();
  const motor = setup.motor();
  const setting: Setting = { rung: "thread_hold", frozen: true };
  motor.perform(action("u", "apply", setup.kernel.target("/app", 41), setting), 0);
  setup.kernel.add_thread(70, 70, "/app");
  setup.kernel.thread_of(70).about = { leads: "stop", comm: "nginx" };
  expect(second_after(motor)).toMatchObject([{ status: "gone", unmet: { code: "being_ended", signal: "ExecStop=" } }]);
  expect(motor.live()).toEqual([]);
});

test("a dry run refuses and ends the same, with the same reason", () => {
  using setup = new Setup();
  const { kernel } = setup;
  const recording = new RecordingMotor({
    enabled_rungs: RUNGS,
    max_targets_per_minute: 100,
    cooldown_s: 0,
    expiry_s: 3600,
    mount: MOUNT,
    protect: [],
    files: kernel,
    processes: kernel,
  });
  expect(recording.perform(action("f", "apply", kernel.target("/app"), FREEZE), 0).status).toBe("done");
  kernel.thread_of(40).ending = true;
  expect(recording.poll(1.1 * SECOND_NS)).toMatchObject([
    { verb: "release", status: "gone", unmet: { code: "being_ended" } },
  ]);
  expect(recording.perform(action("g", "apply", kernel.target("/app"), FREEZE), 2 * SECOND_NS)).toMatchObject({
    status: "refused",
    unmet: { code: "being_ended" },
  });
  kernel.thread_of(40).ending = false;
  kernel.attributes.set("/app user.delegate", "1");
  const hold = recording.perform(
    action("h", "apply", kernel.target("/app", 41), { rung: "thread_hold", frozen: true }),
    100 * SECOND_NS,
  );
  expect(hold).toMatchObject({ status: "refused", unmet: { code: "delegated" } });
  expect(kernel.get("/app", "cgroup.freeze")).toBe("0");
});

test("what cannot be read at all is refused where something would stand still, and ends what does", () => {
  using setup = new Setup();
  const { kernel } = setup;
  const motor = setup.motor();
  motor.perform(action("u", "apply", kernel.target("/app", 41), { rung: "thread_hold", frozen: true }), 0);
  const read = kernel.read.bind(kernel);
  kernel.read = (path) => {
    if (path.endsWith("/cgroup.procs")) throw new FileTrouble("read", path, "EIO");
    return read(path);
  };
  expect(second_after(motor)).toMatchObject([{ verb: "release", status: "refused", unmet: { code: "unknown" } }]);
  expect(motor.perform(action("f", "apply", kernel.target("/app"), FREEZE), 2 * SECOND_NS)).toMatchObject({
    status: "refused",
    unmet: { code: "unknown", what: expect.stringContaining("EIO") },
  });
});
