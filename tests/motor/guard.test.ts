import { expect, test } from "bun:test";
import type { Setting } from "../../src/model/containment.ts";
import { action } from "./fake.ts";
import { SECOND_NS, Setup } from "./setup.ts";

const HOLD: Setting = { rung: "thread_hold", frozen: true };
const FREEZE: Setting = { rung: "freeze", frozen: true };
const CPU_MAX: Setting = { rung: "cpu_max", quota_us: 50_000, period_us: 100_000 };

test("bounds: cooldown per target and rung, distinct targets per minute", () => {
  using setup = new Setup();
  for (const name of ["/b", "/c"]) setup.kernel.add_cgroup(name);
  const motor = setup.motor({ cooldown_s: 10, max_targets_per_minute: 2 });
  const perform = (id: string, path: string, now_s: number) =>
    motor.perform(action(id, "apply", setup.kernel.target(path), CPU_MAX), now_s * SECOND_NS);
  expect(perform("1", "/app", 0).status).toBe("done");
  motor.perform(action("1", "release", setup.kernel.target("/app"), CPU_MAX), 1 * SECOND_NS);
  expect(perform("2", "/app", 5)).toMatchObject({
    status: "refused",
    detail: expect.stringContaining("cools down"),
    wait_s: 6,
  });
  expect(perform("3", "/b", 5).status).toBe("done");
  expect(perform("4", "/c", 6)).toMatchObject({
    status: "refused",
    detail: expect.stringContaining("within a minute"),
    // /app was released after 1 s, /b began after 5.
    wait_s: 55,
  });
  expect(perform("5", "/app", 12).status).toBe("done");
  expect(perform("6", "/c", 75).status).toBe("done");
  motor.close();
});

test("the motor's own guard: protected, its own cgroup and ancestors, and whatever holds a protected one", () => {
  using setup = new Setup();
  const { kernel } = setup;
  kernel.add_cgroup("/app/inner");
  const motor = setup.motor({ protect: ["/app/inner"] });
  const refused = (path: string) => motor.perform(action(path, "apply", kernel.target(path), FREEZE), 0);
  expect(refused("/app/inner")).toMatchObject({ unmet: { code: "protected_by_config", pattern: "/app/inner" } });
  expect(refused("/app")).toMatchObject({ unmet: { code: "protected_by_config", path: "/app/inner" } });
  expect(refused("/hosa")).toMatchObject({ unmet: { code: "self" }, detail: expect.stringContaining("own cgroup") });
  expect(refused("/").detail).toContain("own cgroup");
  expect(kernel.get("/app", "cgroup.freeze")).toBe("0");
  motor.close();
});

test("a thread of a protected cgroup below its target is not held", () => {
  using setup = new Setup();
  const { kernel } = setup;
  kernel.add_cgroup("/app/database");
  kernel.add_thread(60, 60, "/app/database");
  const motor = setup.motor({ protect: ["/app/database"] });
  const before = kernel.snapshot();
  const outcome = motor.perform(action("h", "apply", { ...kernel.target("/app"), pid: 60, tid: 60 }, HOLD), 0);
  expect(outcome).toMatchObject({ status: "refused", unmet: { code: "protected_by_config", path: "/app/database" } });
  expect(kernel.snapshot()).toBe(before);
  motor.close();
});

test("nothing is ever loosened", () => {
  using setup = new Setup();
  const { kernel } = setup;
  kernel.set("/app", "cpu.max", "20000 100000\n");
  kernel.set("/app", "memory.high", "2097152\n");
  kernel.set("/app", "cpu.weight", "10\n");
  const motor = setup.motor();
  const settings: Setting[] = [
    CPU_MAX,
    { rung: "memory_governor", high_bytes: 4_194_304 },
    { rung: "cpu_weight", weight: 20 },
  ];
  for (const setting of settings) {
    expect(motor.perform(action(setting.rung, "apply", kernel.target("/app"), setting), 0).status).toBe("refused");
  }
  motor.close();
});

test("a layout that cannot take a threaded child is refused before anything is touched", () => {
  using setup = new Setup();
  const { kernel } = setup;
  kernel.add_cgroup("/app/kid");
  const before = kernel.snapshot();
  const motor = setup.motor();
  const outcome = motor.perform(action("h", "apply", kernel.target("/app", 41), HOLD), 0);
  expect(outcome).toMatchObject({ status: "refused", detail: expect.stringContaining("domain child") });
  expect(kernel.snapshot()).toBe(before);
  motor.close();
});
