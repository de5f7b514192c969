import { describe, expect, test } from "bun:test";
import { replay } from "../../src/agent/replay.ts";
import { decide } from "../../src/decision/decide.ts";
import { type DecisionState, initial_state } from "../../src/decision/state.ts";
import type { Assessment } from "../../src/model/assessment.ts";
import type { OperatorRelease } from "../../src/model/control.ts";
import { assessment, CONFIG, growth, MIB, search } from "./fixtures.ts";

const S = 1e9;
const leak = growth(50 * MIB, 0.5, 800 * MIB);
const leaking: Partial<Assessment> = { d_smooth: 6, velocity: 1, growth: [leak], search: search() };
const APP = { cgroup_id: 7, path: "/payment.slice" };
const OPERATOR: OperatorRelease = {
  by: { uid: 0, pid: 4711 },
  reason: "it is the month's end",
  ids: ["c1"],
  targets: [APP],
  quarantine: false,
};

/** The leak is seen and contained as c1 at 1 s. */
function contained(config = CONFIG): DecisionState {
  const { decision, state } = decide(assessment(leaking), { ...initial_state(0), level: 1 }, config, S);
  expect(decision.actions).toMatchObject([{ id: "c1", verb: "apply", setting: { rung: "thread_hold" } }]);
  return state;
}

const released = (state: DecisionState, t_s: number, release = OPERATOR, config = CONFIG) =>
  decide(assessment({ ...leaking, releases: [release] }), state, config, t_s * S);

describe("an operator's release", () => {
  test("ends the containment, with who and why in the action, and contains nothing in its place", () => {
    const { decision, state } = released(contained(), 2);
    expect(decision.actions).toEqual([
      {
        id: "c1",
        verb: "release",
        target: { ...APP, pid: 100, tid: 102, comm: "cache-filler" },
        setting: { rung: "thread_hold", frozen: false },
        reason: "released by the operator (uid 0): it is the month's end",
      },
    ]);
    expect(decision.harm.present).toBe(true);
    expect(decision.inaction).toContain("left alone: an operator released /payment.slice");
    expect(state.containments).toEqual([]);
  });

  test("leaves the target alone for the cooldown and not longer, however harmful it is", () => {
    let { state } = released(contained(), 2);
    for (const t_s of [2.1, 10, 300, 601.9]) {
      const step = decide(assessment(leaking), state, CONFIG, t_s * S);
      expect(step.decision.actions).toEqual([]);
      state = step.state;
    }
    expect(decide(assessment(leaking), state, CONFIG, 602.1 * S).decision.actions).toMatchObject([{ verb: "apply" }]);
  });

  test("a cooldown of nothing lets it be contained again at once", () => {
    const config = { ...CONFIG, release: { ...CONFIG.release, cooldown_s: 0 } };
    const { decision } = released(contained(config), 2, OPERATOR, config);
    expect(decision.actions.map((action) => `${action.verb} ${action.id}`)).toEqual(["release c1", "apply c2"]);
  });

  test("only a configuration that says so lets a failure seconds away overrule the operator", () => {
    const urgent = assessment({ ...leaking, growth: [growth(50 * MIB, 0.5, 50 * MIB)] });
    const { state } = released(contained(), 2);
    expect(decide(urgent, state, CONFIG, 3 * S).decision.actions).toEqual([]);
    const config = { ...CONFIG, release: { ...CONFIG.release, contain_again_when_critical: true } };
    expect(decide(assessment(leaking), state, config, 3 * S).decision.actions).toEqual([]);
    expect(decide(urgent, state, config, 3 * S).decision.actions).toMatchObject([{ verb: "apply" }]);
  });

  test.each([
    ["what lies in it", "/payment.slice/worker", true],
    ["what it lies in", "/", true],
    ["a neighbour whose name begins alike", "/payment.slice2", false],
  ])("%s", (_name, path, spared) => {
    const other = { cgroup_id: 70, path };
    const { state } = released({ ...contained(), containments: [] }, 2);
    const harmful = assessment({ ...leaking, growth: [{ ...leak, ...other }], search: search(1, { cgroup_id: 70 }) });
    const { decision } = decide(harmful, state, CONFIG, 3 * S);
    if (spared) expect(decision.actions).toEqual([]);
    else expect(decision.actions).toMatchObject([{ verb: "apply", target: other }]);
  });

  test("of another containment changes nothing of this one", () => {
    const { decision, state } = released(contained(), 2, { ...OPERATOR, ids: ["c9"], targets: [] });
    expect(decision.actions.filter((action) => action.verb === "release")).toEqual([]);
    expect(state.containments).toHaveLength(1);
  });

  test("is in the record: read back, it decides the same again, and without it another thing", () => {
    const state = contained();
    const input = { assessment: assessment({ ...leaking, releases: [OPERATOR], t_ns: 2 * S }), state, config: CONFIG };
    const { decision } = decide(input.assessment, state, CONFIG, 2 * S);
    const record = JSON.parse(JSON.stringify({ input, decision }));
    expect(replay(record)).toEqual({ identical: true, difference: "" });
    delete record.input.assessment.releases;
    expect(replay(record).identical).toBe(false);
  });

  test("a state recorded before there were cooldowns is decided as it was", () => {
    const { cooldowns: _, ...old } = contained();
    const now = decide(assessment(leaking), old as DecisionState, CONFIG, 2 * S).decision;
    expect(now).toEqual(decide(assessment(leaking), contained(), CONFIG, 2 * S).decision);
  });
});

describe("quarantine", () => {
  const worse = { ...leaking, d_smooth: 20, velocity: 3 };
  const out: OperatorRelease = { ...OPERATOR, ids: [], targets: [], quarantine: true };
  const quarantined: DecisionState = { ...initial_state(0), level: 5, failures: 3 };

  test("is left by the operator alone, to a level that touches nothing", () => {
    const calm = assessment({ d_smooth: 1, releases: [{ ...out, quarantine: false }] });
    expect(decide(calm, quarantined, CONFIG, S).decision.level).toBe(5);
    const { decision, state } = decide({ ...calm, releases: [out] }, quarantined, CONFIG, S);
    expect(decision).toMatchObject({ level: 1, previous_level: 5 });
    expect(decision.rule).toContain("quarantine left by the operator");
    expect(state.failures).toBe(0);
  });

  test("is not entered again within the cooldown, only after it", () => {
    const lifted = decide(assessment({ ...worse, releases: [out] }), quarantined, CONFIG, S).state;
    const failing: DecisionState = { ...lifted, level: 4, failures: 2 };
    expect(decide(assessment(worse), failing, CONFIG, 500 * S).decision.level).toBe(4);
    expect(decide(assessment(worse), failing, CONFIG, 602 * S).decision.level).toBe(5);
  });
});
