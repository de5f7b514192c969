import { describe, expect, test } from "bun:test";
import { type CrashResult, crash_plan, crash_text, plan_text, WRITER_CASES, writer_failure } from "../../lab/crash.ts";

const RESULT: CrashResult = {
  number: 1,
  mode: "background",
  heal: "run",
  moment: "after",
  wait_ms: 10,
  killed_ms: 500,
  rungs: "thread_hold",
  left: "+child /payment.slice/hosa-hold.7",
  failed: "",
};
const WRITER = { case: "x", acted: true, expects: "gone", said: " gone x1", log_lines: 4, audit_lines: 6, failed: "" };

describe("crash_plan", () => {
  const plan = crash_plan(50, 1);

  test("the same seed kills at the same moments, another seed at others", () => {
    expect(crash_plan(50, 1)).toEqual(plan);
    expect(crash_plan(50, 2)).not.toEqual(plan);
  });

  test("heals by restart and by release in turns, and meets both kinds of containment with both", () => {
    expect(plan.filter((c) => c.heal === "run")).toHaveLength(25);
    for (const heal of ["run", "release"])
      expect(new Set(plan.filter((c) => c.heal === heal).map((c) => c.mode))).toEqual(
        new Set(["background", "inline"]),
      );
  });

  test("kills before the first action too, and up to three seconds after it", () => {
    const early = plan.filter((c) => c.moment === "early").length;
    expect(early).toBeGreaterThan(0);
    expect(early).toBeLessThan(25);
    for (const c of plan) expect(c.wait_ms).toBeLessThan(3000);
    expect(Math.max(...plan.map((c) => c.wait_ms))).toBeGreaterThan(2000);
  });

  test("is a line per case for the guest, the removed cgroup last", () => {
    const lines = plan_text(plan.slice(0, 1)).trimEnd().split("\n");
    expect(lines).toHaveLength(1 + WRITER_CASES.length);
    expect(lines[0]).toMatch(/^crash 1 background release (early|after) \d+$/);
    expect(lines.at(-1)).toStartWith("writer cgroup_removed");
  });
});

test("crash_text counts what was restored against what was asked, and says what was not", () => {
  const bad = { ...RESULT, number: 2, heal: "release" as const, failed: "-memory.high 943718400" };
  const text = crash_text([RESULT, bad], 3, []);
  expect(text).toStartWith("1 of 3 restored\n");
  expect(text).toContain("by a restart 1 of 1, by `hosa release` 0 of 1");
  expect(text).toContain("2 kills left something changed; in the ledger at the kill: thread_hold 2");
  expect(text).toContain("FAILED #2 background release, killed 500 ms after the onset: -memory.high 943718400");
});

test("another writer's case fails on a loop, on silence and where nothing was done", () => {
  expect(writer_failure(WRITER)).toBe("");
  expect(writer_failure({ ...WRITER, log_lines: 500 })).toBe("500 log lines in 5 s");
  expect(writer_failure({ ...WRITER, said: " done x3" })).toContain("does not say gone");
  expect(writer_failure({ ...WRITER, acted: false })).toContain("had not acted");
});
