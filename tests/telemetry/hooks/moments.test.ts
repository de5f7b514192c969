import { expect, test } from "bun:test";
import type { HookBeat, LeveledCall } from "../../../src/telemetry/hooks/moments.ts";
import { HookMoments, REMEMBERED_MAX } from "../../../src/telemetry/hooks/moments.ts";
import { environment_of, input_of } from "../../../src/telemetry/hooks/words.ts";
import { outcome } from "../metrics/figures.ts";
import { action, beat, call, TARGET } from "./calls.ts";

const events = (calls: readonly LeveledCall[]) => calls.map(({ call }) => `${call.event} ${call.action_id}`);
const told = (moments: HookMoments, ...beats: readonly HookBeat[]) => beats.flatMap((each) => moments.note(each));

test("an action is told when it is decided, done, judged and lifted, and its adjustments are not", () => {
  const moments = new HookMoments("node-1");
  const effective = { id: "c1", verdict: "effective", detail: "slope 42 → 0" } as const;
  const calls = told(
    moments,
    beat(1),
    beat(2, [action("c1")], [], "pending"),
    beat(2, [action("c1", "adjust")]),
    beat(2, [], [effective]),
    beat(2, [], [effective]),
    beat(1, [action("c1", "release")], [{ ...effective, verdict: "would_have_stopped" }]),
  );
  expect(events(calls)).toEqual(["decided c1", "applied c1", "judged c1", "released c1", "judged c1"]);
  expect(calls[0]!.call).toMatchObject({ level: 2, verb: "apply", rung: "freeze", status: null, reason: "apply it" });
  expect(calls[1]!.call).toMatchObject({ status: "pending", detail: "as asked", target: TARGET });
  expect(calls[2]!.call).toMatchObject({
    verdict: "effective",
    rung: "freeze",
    target: TARGET,
    detail: "slope 42 → 0",
  });
  expect(calls[3]!.call).toMatchObject({ verb: "release", status: "done", level: 1 });
});

test("whoever heard of an action hears of its end, although the level has fallen", () => {
  const moments = new HookMoments("node-1");
  const calls = told(moments, beat(3, [action("c1")]), beat(1, [action("c1", "release")]));
  expect(calls.map(({ highest_level }) => highest_level)).toEqual([3, 3, 3]);
});

test("a verdict on what is not remembered any more is told without its target", () => {
  const moments = new HookMoments("node-1");
  const many = Array.from({ length: REMEMBERED_MAX + 1 }, (_, i) => action(`c${i}`));
  told(moments, beat(2, many));
  const judged = (id: string) => moments.note(beat(2, [], [{ id, verdict: "effective", detail: "" }]))[0]!.call;
  expect(judged("c0")).toMatchObject({ rung: "unknown", target: { path: "" } });
  expect(judged("c1")).toMatchObject({ rung: "freeze", target: TARGET });
});

test("what is undone at the end is told, too", () => {
  const moments = new HookMoments("node-1");
  const undone = moments.undone([outcome("freeze", "done", { id: "c9" })], 2, "hosa ends", "2027-01-15T08:00:00.000Z");
  expect(undone[0]!.call).toMatchObject({ event: "released", action_id: "c9", reason: "hosa ends", status: "done" });
});

test("a quarantine is told with the rule that chose it", () => {
  const { call: said } = new HookMoments("node-1").quarantine(beat(5));
  expect(said).toMatchObject({ event: "quarantine", level: 5, rung: "quarantine", reason: "D̄ 4.50 > θ2 4.00" });
});

test("the environment and the line of JSON say the same", () => {
  const said = call({ target: { ...TARGET, pid: null, comm: "a\0b" }, status: "done" });
  const environment = environment_of(said);
  expect(environment).toMatchObject({
    HOSA_EVENT: "decided",
    HOSA_ACTION_ID: "c1",
    HOSA_LEVEL: "2",
    HOSA_RUNG: "freeze",
    HOSA_TARGET: "/leaky.service",
    HOSA_REASON: "it grows",
    HOSA_STATUS: "done",
    HOSA_VERDICT: "",
    HOSA_PID: "",
    HOSA_TID: "42",
    HOSA_COMM: "ab",
  });
  expect(Object.keys(environment).filter((name) => !name.startsWith("HOSA_"))).toEqual(["PATH", "LANG"]);
  const text = Buffer.from(input_of(said)).toString();
  expect(text.indexOf("\n")).toBe(text.length - 1);
  expect(JSON.parse(text)).toEqual({ v: 1, ...said });
});
