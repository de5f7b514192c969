import { expect, test } from "bun:test";
import { ContainmentWatch } from "../../src/agent/containment_watch.ts";
import { DialKeeper } from "../../src/agent/dial.ts";
import { dial_of, parse_config } from "../../src/config/index.ts";
import { RUNGS, type Setting } from "../../src/model/containment.ts";
import type { Level } from "../../src/model/level.ts";
import { RecordingMotor } from "../../src/motor/recording.ts";
import { SwitchableMotor } from "../../src/motor/switchable.ts";
import { action } from "../motor/fake.ts";
import { Setup } from "../motor/setup.ts";
import { NO_WATCH } from "./node.ts";

const SERVICE = { service: true, dry_run: false };
const CPU_MAX: Setting = { rung: "cpu_max", quota_us: 20_000, period_us: 100_000 };
const LIMITS = {
  enabled_rungs: RUNGS,
  max_targets_per_minute: 100,
  cooldown_s: 0,
  expiry_s: 3600,
  protect: [],
};
const config = (text: string) => parse_config(text, "test");

function made(setup: Setup, text: string, level: Level = 2, started = SERVICE) {
  const real = started.dry_run ? null : setup.motor();
  const dial = dial_of(config(text), started);
  const motor = new SwitchableMotor(real, new RecordingMotor(LIMITS), dial.acts);
  const watch = new ContainmentWatch(NO_WATCH, dial.acts);
  return { motor, watch, keeper: new DialKeeper({ motor, watch, started, level: () => level }, dial) };
}

const apply = (setup: Setup) =>
  action("c1", "apply", { cgroup_id: setup.app_id, path: "/app", pid: null, tid: null, comm: null }, CPU_MAX);

test("armed while it runs, it acts from the next action on, and what is seen of it is verified", () => {
  using setup = new Setup();
  const { motor, watch, keeper } = made(setup, "");
  expect(keeper.dial).toMatchObject({ autonomy: "detection", acts: false });
  const move = keeper.move(config("autonomy: correction\nmax_level: 3"), 1);
  expect(move).toMatchObject({
    from: { autonomy: "detection" },
    to: { autonomy: "correction", max_level: 3, acts: true },
  });
  expect(watch.verifiable).toBe(true);
  expect(motor.perform(apply(setup), 2).status).toBe("done");
  motor.close();
});

test("disarmed while it holds something, it releases that first and to the value", () => {
  using setup = new Setup();
  const before = setup.kernel.snapshot();
  const { motor, watch, keeper } = made(setup, "autonomy: correction");
  motor.perform(apply(setup), 0);
  const move = keeper.move(config("autonomy: detection"), 1);
  expect(move?.released).toMatchObject([
    { id: "c1", status: "done", detail: expect.stringContaining("correction → detection") },
  ]);
  expect(setup.kernel.snapshot()).toBe(before);
  expect(watch.verifiable).toBe(false);
  expect(keeper.dial.acts).toBe(false);
  motor.close();
});

test("its highest level lowered below the node's, what is held is released; above it stays", () => {
  using setup = new Setup();
  const { motor, keeper } = made(setup, "autonomy: correction", 3);
  motor.perform(apply(setup), 0);
  expect(keeper.move(config("autonomy: correction\nmax_level: 3"), 1)?.released).toEqual([]);
  expect(motor.held()).toHaveLength(1);
  expect(keeper.move(config("autonomy: correction\nmax_level: 2"), 2)?.released).toMatchObject([{ id: "c1" }]);
  expect(motor.held()).toEqual([]);
  expect(motor.name).toBe("cgroup");
  motor.close();
});

test("other keys move nothing", () => {
  using setup = new Setup();
  const { motor, keeper } = made(setup, "autonomy: correction");
  expect(keeper.move(config("autonomy: correction\nlevels: {trend_s: 0.7}"), 1)).toBeNull();
  motor.close();
});

test("a dry run moves its word and never acts; without cgroup v2 it says what is lost", () => {
  using setup = new Setup();
  const { keeper } = made(setup, "", 0, { service: false, dry_run: true });
  expect(keeper.move(config("autonomy: autonomous"), 1)).toMatchObject({ to: { autonomy: "autonomous", acts: false } });
  expect(keeper.lost).toBeNull();
  const motor = new SwitchableMotor(null, new RecordingMotor(LIMITS), true);
  const watch = new ContainmentWatch(NO_WATCH, false);
  const armed = config("autonomy: correction");
  const blind = new DialKeeper({ motor, watch, started: SERVICE, level: () => 0 }, dial_of(armed, SERVICE));
  expect(blind.dial).toMatchObject({ autonomy: "correction", acts: false });
  expect(blind.lost).toBe("containment, because there is no cgroup v2");
});
