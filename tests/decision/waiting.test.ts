import { expect, test } from "bun:test";
import { decide } from "../../src/decision/decide.ts";
import { type ContainmentState, type DecisionState, initial_state } from "../../src/decision/state.ts";
import { assessment, CONFIG, growth, MIB, observation, search } from "./fixtures.ts";

const S = 1e9;

/** A leak of 50 MB/s with so much time left, whose thread hold was asked for a beat ago and refused: for so long, or for good. */
function refused(ttf_s: number, wait_s?: number) {
  const leak = { growth: [growth(50 * MIB, 0.5, ttf_s * 50 * MIB)], search: search(), d_smooth: 12, velocity: 3 };
  const before: DecisionState = { ...initial_state(0), level: 2, level_since_ns: 9 * S };
  const asked = decide(assessment({ t_ns: 10 * S, ...leak }), before, CONFIG, 10 * S);
  expect(asked.decision.actions).toMatchObject([{ verb: "apply", setting: { rung: "thread_hold" } }]);
  const { id } = asked.state.containments[0] as ContainmentState;
  const answer = { status: "refused", in_force: false, detail: "a bound" } as const;
  const seen = observation(id, "thread_hold", wait_s === undefined ? answer : { ...answer, wait_s });
  const next = assessment({ t_ns: 10.01 * S, ...leak, containments: [seen] });
  const first = decide(next, asked.state, CONFIG, 10.01 * S);
  const later = (t_s: number) => decide(assessment({ t_ns: t_s * S, ...leak }), first.state, CONFIG, t_s * S).decision;
  return { first, later };
}

test("what a bound of the motor forbids for a while is no rung that failed: it waits as long as the bound says", () => {
  const { first, later } = refused(20, 8);
  expect(first.decision.verdicts).toMatchObject([{ verdict: "refused", detail: "a bound" }]);
  expect(first.state).toMatchObject({ level: 2, failures: 0, rests: [{ rung: "thread_hold", waits: true }] });
  expect(first.decision).toMatchObject({
    actions: [],
    inaction: "a bound of the motor forbids thread_hold now",
  });
  expect(later(17).actions).toEqual([]);
  expect(later(18.02).actions).toMatchObject([{ verb: "apply", setting: { rung: "thread_hold" } }]);
});

test("where there is no time to wait, the governor answers, and says why the thread is not held", () => {
  const { first } = refused(4, 8);
  expect(first.decision.actions).toMatchObject([{ verb: "apply", setting: { rung: "memory_governor" } }]);
  expect(first.decision.actions[0]?.reason).toContain("a bound of the motor forbids thread_hold now");
});

test("nor is a long bound waited for to its end", () => {
  expect(refused(20, 16).first.decision.actions).toMatchObject([{ setting: { rung: "memory_governor" } }]);
});

test("what the layout forbids is not waited for: the governor answers at once", () => {
  const { first } = refused(20);
  expect(first.decision.actions).toMatchObject([{ verb: "apply", setting: { rung: "memory_governor" } }]);
});
