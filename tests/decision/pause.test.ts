import { describe, expect, test } from "bun:test";
import { replay } from "../../src/agent/replay.ts";
import type { DecisionConfig } from "../../src/decision/config.ts";
import { decide } from "../../src/decision/decide.ts";
import { type DecisionState, initial_state } from "../../src/decision/state.ts";
import type { Assessment } from "../../src/model/assessment.ts";
import type { OperatorRelease } from "../../src/model/control.ts";
import { assessment, CONFIG, growth, MIB, observation, search } from "./fixtures.ts";
import { observed_shield, SHIELDED } from "./shield.fixtures.ts";

const S = 1e9;
const leak = growth(50 * MIB, 0.5, 800 * MIB);
const leaking: Partial<Assessment> = { d_smooth: 6, velocity: 1, growth: [leak], search: search() };
const vigilant: DecisionState = { ...initial_state(0), level: 1 };
const pause = (until_s: number, reason = "kernel upgrade") => ({ until_ns: until_s * S, reason });

function contained(): DecisionState {
  const { decision, state } = decide(assessment(leaking), vigilant, CONFIG, S);
  expect(decision.actions).toMatchObject([{ id: "c1", verb: "apply" }]);
  return state;
}

describe("while an operator's pause is in force", () => {
  test("nothing new is contained, the level is judged as ever, and it is said how long yet and why", () => {
    const { decision, state } = decide(assessment({ ...leaking, pause: pause(1801) }), vigilant, CONFIG, S);
    expect(decision).toMatchObject({
      level: 2,
      actions: [],
      inaction: "paused for another 30 min (kernel upgrade): nothing new is contained",
      paused: { code: "paused", left_s: 1800, reason: "kernel upgrade" },
    });
    expect(decision.harm.present).toBe(true);
    expect(state.containments).toEqual([]);
  });

  test("its end needs nobody: the beat after it contains", () => {
    let { decision, state } = decide(assessment({ ...leaking, pause: pause(10) }), vigilant, CONFIG, 9.95 * S);
    expect(decision.inaction).toContain("less than a minute");
    ({ decision, state } = decide(assessment({ ...leaking, pause: pause(10) }), state, CONFIG, 10 * S));
    expect(decision.actions).toMatchObject([{ verb: "apply" }]);
    expect(decision.paused).toBeUndefined();
    expect(state.containments).toHaveLength(1);
  });

  test("what is held is released by its beat, and leaves no cooldown", () => {
    const asked: OperatorRelease = {
      by: { uid: 0, pid: 1 },
      reason: "paused: kernel upgrade",
      ids: ["c1"],
      targets: [],
      quarantine: false,
    };
    const seen = { ...leaking, releases: [asked], pause: pause(60) };
    const { decision, state } = decide(assessment(seen), contained(), CONFIG, 2 * S);
    expect(decision.actions).toMatchObject([{ id: "c1", verb: "release" }]);
    expect(state.cooldowns).toEqual([]);
    expect(decide(assessment(leaking), state, CONFIG, 61 * S).decision.actions).toMatchObject([{ verb: "apply" }]);
  });

  test("what is kept is still followed and let go in its time, and nothing takes its place", () => {
    const held = contained();
    const gone = observation("c1", "thread_hold", { alive: false });
    const after = decide(assessment({ ...leaking, pause: pause(600), containments: [gone] }), held, CONFIG, 2 * S);
    expect(after.decision.verdicts).toMatchObject([{ id: "c1", verdict: "gone" }]);
    expect(after.decision.actions.filter(({ verb }) => verb === "apply")).toEqual([]);
    expect(after.state.containments).toEqual([]);
  });

  test("a shield that is kept is not tightened, and one that only looked is taken off", () => {
    const flood = assessment({
      dimension_names: ["net_rx_packets_per_s", "net_tx_packets_per_s", "cpu_busy_fraction"],
      x: [40_000, 700, 0.95],
      mean: [Math.log1p(500), Math.log1p(500), 0.2],
      arrivals_per_s: 12_000,
      ...{ contribution: [250, 10, 140], d: 20, d_smooth: 20, velocity: 2, acceleration: 1, dominant: [0, 2] },
      dominant_resource: "network",
      stall: { cpu: 0.7, memory: 0, io: 0 },
    });
    let state = vigilant;
    let t_s = 1;
    const beat = (more: Partial<Assessment> = {}, config = SHIELDED) => {
      const live = state.containments.find(({ rung }) => rung === "shield");
      const network = { admitted_per_s: 2000, refused_per_s: 38_000, new_flows_per_s: 38_500 };
      const containments = live === undefined ? [] : [observed_shield(live.id, network)];
      const made = decide({ ...flood, containments, ...more }, state, config, t_s * S);
      state = made.state;
      t_s += 0.1;
      return made.decision.actions.filter(({ setting }) => setting.rung === "shield");
    };
    const until_asked = (more: Partial<Assessment> = {}) => {
      for (let count = 0; count < 100; count++) {
        const asked = beat(more);
        if (asked.length > 0) return asked;
      }
      return [];
    };
    expect(until_asked()).toMatchObject([{ verb: "apply", setting: { admit_share: 1 } }]);
    const looking = state;
    const looked_s = t_s;
    expect(until_asked({ pause: pause(1e6) })).toMatchObject([
      { verb: "release", reason: "paused before anything was refused" },
    ]);
    expect(until_asked({ pause: pause(1e6) })).toEqual([]);
    state = looking;
    t_s = looked_s;
    expect(until_asked()).toMatchObject([{ verb: "adjust", setting: { mode: "shed", admit_share: 0.5 } }]);
    expect(until_asked({ pause: pause(1e6) })).toEqual([]);
    expect(until_asked()).toMatchObject([{ verb: "adjust" }]);
  });

  test("level 5 is not entered, and a quarantine that stands is not left", () => {
    const worse = assessment({ ...leaking, d_smooth: 20, velocity: 3, acceleration: 1 });
    const failed: DecisionState = { ...initial_state(0), level: 4, failures: 2 };
    expect(decide(worse, failed, CONFIG, S).decision.level).toBe(5);
    const { decision } = decide({ ...worse, pause: pause(60) }, failed, CONFIG, S);
    expect(decision.level).toBe(4);
    expect(decision.rule).toContain("not above level 4 while paused");
    const standing = decide({ ...worse, pause: pause(60) }, initial_state(0, 5), CONFIG, S).decision;
    expect(standing).toMatchObject({ level: 5, rule: "quarantine is left only by `hosa release`" });
  });

  test("the record decides the same again, with the pause as an input", () => {
    const input = { assessment: assessment({ ...leaking, pause: pause(60) }), state: vigilant, config: CONFIG };
    const { decision } = decide(input.assessment, vigilant, CONFIG, input.assessment.t_ns);
    const record = JSON.parse(JSON.stringify({ input, decision }));
    expect(replay(record)).toEqual({ identical: true, difference: "" });
    const { pause: _, ...without } = record.input.assessment;
    expect(replay({ ...record, input: { ...record.input, assessment: without } }).identical).toBe(false);
  });
});

describe("the highest level", () => {
  const worse = assessment({ ...leaking, d_smooth: 20, velocity: 3, acceleration: 1 });
  const failed: DecisionState = { ...initial_state(0), level: 2, failures: 2 };

  test.each([
    [{ ceiling: 2, ceiling_because: "max_level" }, "not above level 2 by max_level"],
    [{ ceiling: 3, ceiling_because: "autonomy" }, "not above level 3 without autonomy: autonomous"],
    [{ ceiling: 2 }, "not above level 2 in conservative mode"],
  ] as const)("%j is kept, and named", (more, said) => {
    const { decision } = decide(worse, failed, { ...CONFIG, ...more }, S);
    expect(decision.level).toBe(more.ceiling);
    expect(decision.rule).toContain(said);
  });

  test("lowered below the present level, it holds at once; it does not lift a quarantine", () => {
    const lowered: DecisionConfig = { ...CONFIG, ceiling: 2, ceiling_because: "max_level" };
    const { decision, state } = decide(worse, { ...failed, level: 4 }, lowered, S);
    expect(decision.level).toBe(2);
    expect(decision.rule).toContain("the highest level is now 2");
    expect(state.level_since_ns).toBe(S);
    expect(decide(worse, initial_state(0, 5), lowered, S).decision.level).toBe(5);
  });
});
