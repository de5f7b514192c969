import { expect, test } from "bun:test";
import { RUNGS, type Setting, type Target } from "../../src/model/containment.ts";
import { RecordingMotor } from "../../src/motor/recording.ts";
import { action } from "./fake.ts";

const TARGET: Target = { cgroup_id: 5, path: "/app", pid: null, tid: null, comm: null };
const SETTING: Setting = { rung: "cpu_max", quota_us: 50_000, period_us: 100_000 };

const LIMITS = {
  enabled_rungs: RUNGS,
  max_targets_per_minute: 5,
  cooldown_s: 0,
  expiry_s: 5,
  mount: null,
  protect: ["/safe"],
};

function motor(): RecordingMotor {
  return new RecordingMotor(LIMITS);
}

test("a dry run says what would be done, and records it", () => {
  const recording = motor();
  const outcome = recording.perform(action("a", "apply", TARGET, SETTING), 7);
  expect(outcome).toMatchObject({ status: "would_do", file: null, written: null, ledger_id: null, t_ns: 7 });
  expect(outcome.detail).toContain("50000");
  expect(recording.actions).toHaveLength(1);
});

test("what the real motor beside it could not do is refused, too, and only what would be begun is counted", () => {
  const missing = [{ rung: "io_max", why: "the io controller is not on cgroup v2" }] as const;
  const recording = new RecordingMotor({ ...LIMITS, missing });
  const io: Setting = { rung: "io_max", bytes_per_s: 1 };
  const refused = recording.perform(action("a", "apply", TARGET, io), 0);
  expect(refused).toMatchObject({
    status: "refused",
    detail: "io_max is not available: the io controller is not on cgroup v2",
  });
  recording.perform(action("b", "apply", TARGET, SETTING), 0);
  recording.perform(action("b", "adjust", TARGET, SETTING), 1);
  recording.perform(action("b", "release", TARGET, SETTING), 2);
  expect(recording.applied).toBe(1);
  expect(recording.missing()).toEqual(missing);
});

test("a dry run has the same refusals", () => {
  const recording = motor();
  expect(recording.perform(action("a", "apply", { ...TARGET, path: "/safe" }, SETTING), 0).status).toBe("refused");
  expect(recording.perform(action("b", "adjust", TARGET, SETTING), 0).status).toBe("gone");
});

test("a dry run lets its containments lapse and releases them newest first", () => {
  const recording = motor();
  recording.perform(action("a", "apply", TARGET, SETTING), 0);
  recording.perform(action("b", "apply", { ...TARGET, cgroup_id: 6 }, SETTING), 0);
  recording.renew("b", 4e9);
  expect(recording.poll(6e9).map((each) => each.id)).toEqual(["a"]);
  recording.perform(action("c", "apply", { ...TARGET, cgroup_id: 7 }, SETTING), 6e9);
  expect(recording.release_all(7e9, "end").map((each) => each.id)).toEqual(["c", "b"]);
});

test("a dry run refuses what the motor that acts would find missing, in its words", () => {
  const missing = [{ rung: "cpu_max" as const, why: "the cpu controller is not on cgroup v2" }];
  const limits = { max_targets_per_minute: 5, cooldown_s: 0, expiry_s: 5, protected_ids: () => null };
  const recording = new RecordingMotor({ enabled_rungs: RUNGS, ...limits, missing });
  expect(recording.missing()).toEqual(missing);
  const outcome = recording.perform(action("a", "apply", TARGET, SETTING), 0);
  expect(outcome).toMatchObject({
    status: "refused",
    detail: "cpu_max is not available: the cpu controller is not on cgroup v2",
  });
});
