import { expect, test } from "bun:test";
import { RUNGS, type Setting, type Target } from "../../src/model/containment.ts";
import { RecordingMotor } from "../../src/motor/recording.ts";
import { action } from "./fake.ts";

const TARGET: Target = { cgroup_id: 5, path: "/app", pid: null, tid: null, comm: null };
const SETTING: Setting = { rung: "cpu_max", quota_us: 50_000, period_us: 100_000 };

function motor(): RecordingMotor {
  return new RecordingMotor({
    enabled_rungs: RUNGS,
    max_targets_per_minute: 5,
    cooldown_s: 0,
    expiry_s: 5,
    mount: null,
    protect: ["/safe"],
  });
}

test("a dry run says what would be done, and records it", () => {
  const recording = motor();
  const outcome = recording.perform(action("a", "apply", TARGET, SETTING), 7);
  expect(outcome).toMatchObject({ status: "done", file: null, written: null, ledger_id: null, t_ns: 7 });
  expect(outcome.detail).toContain("50000");
  expect(recording.actions).toHaveLength(1);
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
