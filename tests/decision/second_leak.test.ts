import { describe, expect, test } from "bun:test";
import { decide } from "../../src/decision/decide.ts";
import { type ContainmentState, type DecisionState, initial_state } from "../../src/decision/state.ts";
import type { Assessment } from "../../src/model/assessment.ts";
import { assessment, CONFIG, growth, MIB, observation, search } from "./fixtures.ts";

const S = 1e9;

/** A hold of one thread of the service, judged effective at 2 s. */
function held(tid: number, since_s: number, more: Partial<ContainmentState> = {}): ContainmentState {
  return {
    id: `c${tid}`,
    rung: "thread_hold",
    target: { cgroup_id: 7, path: "/payment.slice", pid: 100, tid, comm: "filler" },
    applied_ns: S,
    onset_ns: S,
    memory_at_onset_bytes: 100 * MIB,
    headroom_at_onset_bytes: 900 * MIB,
    slope_before_bytes_per_s: 50 * MIB,
    slope_tail_bytes_per_s: MIB,
    phase: "hold",
    phase_since_ns: since_s * S,
    attempts: 0,
    aims: false,
    rest_pace_per_s: null,
    next_probe_s: 60,
    memory_at_dose_bytes: 150 * MIB,
    quiet_doses: 0,
    quiet_since_ns: null,
    judged: true,
    high_bytes: 0,
    ...more,
  };
}

/** The service with threads held, and 50 MB/s more since half a second, of which thread 102 carries nearly all. */
function beat(containments: readonly ContainmentState[], now_s: number, more: Partial<Assessment> = {}) {
  const state: DecisionState = {
    ...initial_state(0),
    level: 2,
    level_since_ns: S,
    next_id: 50,
    containments,
    searching: { cgroup_id: 7, resource: "memory" },
  };
  const observed = containments.map(({ id }) =>
    observation(id, "thread_hold", {
      frozen: true,
      memory_bytes: 200 * MIB,
      headroom_bytes: 800 * MIB,
      slope_bytes_per_s: 50 * MIB,
      rest_steps_per_s: 480,
      rest_steps_before_per_s: 500,
      rest_window_s: 1,
    }),
  );
  const seen = assessment({
    t_ns: now_s * S,
    d_smooth: 12,
    velocity: 3,
    growth: [growth(50 * MIB, 0.5, 800 * MIB)],
    search: search(),
    containments: observed,
    ...more,
  });
  return decide(seen, state, CONFIG, now_s * S);
}

describe("a second thread of a service begins to leak while the first is held", () => {
  test("it is searched for, found and held as well, and the first hold stays", () => {
    const before = beat([held(41, 2)], 10, { search: null });
    expect(before.decision.search).toEqual({ cgroup_id: 7, resource: "memory" });
    expect(before.decision).toMatchObject({ actions: [], inaction: "its threads are being searched" });

    const { decision, state } = beat([held(41, 2)], 10);
    expect(decision.actions).toMatchObject([{ verb: "apply", target: { tid: 102 }, setting: { rung: "thread_hold" } }]);
    expect(state.containments.map(({ target }) => target.tid)).toEqual([41, 102]);
  });

  test("whose steps are no longer expected of the rest of the first one", () => {
    // The leader of the search made 100 of the 500 steps.
    expect(beat([held(41, 2)], 10).state.containments[0]?.rest_pace_per_s).toBe(400);
    expect(beat([held(41, 2, { rest_pace_per_s: 60 })], 10).state.containments[0]?.rest_pace_per_s).toBe(0);
  });

  test.each([
    ["that was frozen just now", held(41, 8)],
    ["on trial", held(41, 2, { phase: "probation", judged: false, onset_ns: 9 * S })],
    ["that is looked at", held(41, 10, { phase: "pulse" })],
    ["of the whole cgroup", held(41, 2, { rung: "freeze", applied_ns: 9 * S })],
  ])("but a hold %s may still be what the slope shows", (_what, live) => {
    const { decision } = beat([live], 10);
    expect(decision.actions.filter(({ verb }) => verb === "apply")).toEqual([]);
    expect(decision.search).toBeNull();
  });

  test("behind a third thread stands the service: the governor answers", () => {
    const { decision } = beat([held(41, 2), held(42, 3)], 10);
    expect(decision.actions).toMatchObject([{ verb: "apply", setting: { rung: "memory_governor" } }]);
    expect(decision.actions[0]?.reason).toContain("2 of its threads are held");
  });
});

test("a share of a queue taken from the service answers no growth: its thread is held beside it", () => {
  const share = held(41, 9, { rung: "cpu_weight", applied_ns: 9 * S, next_probe_s: 10 });
  expect(beat([share], 10, { search: null }).decision.search).toEqual({ cgroup_id: 7, resource: "memory" });
  const { decision, state } = beat([share], 10);
  expect(decision.actions).toMatchObject([{ verb: "apply", target: { tid: 102 }, setting: { rung: "thread_hold" } }]);
  expect(state.containments.map(({ rung }) => rung)).toEqual(["cpu_weight", "thread_hold"]);
});

test("the first is not looked at before the second is judged, or what it gains would be the second's failure", () => {
  const due = held(41, 2, { next_probe_s: 5 });
  const looks = (second: ContainmentState) =>
    beat([due, second], 10, { growth: [] }).decision.actions.filter(({ id }) => id === due.id);
  expect(looks(held(102, 9.8, { judged: false }))).toEqual([]);
  expect(looks(held(102, 9.8))).toMatchObject([{ verb: "adjust", setting: { pulse_ms: 1 } }]);
});

test("once the second is given up, its steps are expected of the first one's rest again", () => {
  const [first, second] = [held(41, 2, { rest_pace_per_s: 400 }), held(102, 9, { judged: false, steps_per_s: 100 })];
  const { state, decision } = beat([first, second], 10, { growth: [] });
  expect(decision.verdicts).toMatchObject([{ id: second.id, verdict: "no_effect" }]);
  expect(state.containments).toMatchObject([{ id: first.id, rest_pace_per_s: 500 }]);
});

test("a leak elsewhere does not wait behind one that is held and still the more urgent", () => {
  const governed = held(41, 2, { rung: "memory_governor", target: { ...held(41, 2).target, pid: null, tid: null } });
  const creeping = growth(20 * MIB, 5, 60 * MIB);
  const elsewhere = growth(50 * MIB, 0.5, 800 * MIB, { cgroup_id: 8, path: "/batch.slice" });
  const { decision } = beat([governed], 10, {
    growth: [creeping, elsewhere],
    search: search(0.95, { cgroup_id: 8 }),
    containments: [observation(governed.id, "memory_governor")],
  });
  expect(decision.culprit?.path).toBe("/batch.slice");
  // How urgent it is, the one that is held says.
  expect(decision.harm.value).toBe(3);
  expect(decision.actions).toMatchObject([{ verb: "apply", target: { cgroup_id: 8, tid: 102 } }]);
});

describe("what counts toward quarantine", () => {
  const seen = (id: string, more: Parameters<typeof observation>[2]) => [observation(id, "thread_hold", more)];

  test("is what was tried and seen to fail, not what the motor refused; the next rung may answer either", () => {
    const live = held(41, 9, { judged: false });
    const refused = beat([live], 10, { containments: seen(live.id, { status: "refused", in_force: false }) });
    expect(refused.decision.verdicts).toMatchObject([{ verdict: "refused" }]);
    expect(refused.state.failures).toBe(0);
    const strict = { ...CONFIG, refusals_count: true };
    const seen_refused = assessment({
      t_ns: 10 * S,
      containments: seen(live.id, { status: "refused", in_force: false }),
    });
    const held_state = { ...initial_state(0), level: 2 as const, containments: [live] };
    expect(decide(seen_refused, held_state, strict, 10 * S).state.failures).toBe(1);
    expect(refused.state.rests).toMatchObject([{ rung: "thread_hold", ended_well: false }]);
    const failed = beat([live], 10, { containments: seen(live.id, { slope_bytes_per_s: 45 * MIB }) });
    expect(failed.state.failures).toBe(1);
  });

  test("is forgotten once harm has been over for a while, however long something stays held", () => {
    const quiet = { growth: [], search: null, d_smooth: 12, velocity: 0 };
    const before = {
      ...initial_state(0),
      level: 2 as const,
      failures: 1,
      harm_ns: 10 * S,
      containments: [held(41, 2)],
    };
    const failures_at = (t_s: number) =>
      decide(assessment({ t_ns: t_s * S, ...quiet }), before, CONFIG, t_s * S).state.failures;
    expect(failures_at(29)).toBe(1);
    expect(failures_at(31)).toBe(0);
  });
});

test("whoever grows without harm is not whom a stall of others is put down to", () => {
  const hog = { cgroup_id: 9, path: "/hog", rate: 2, baseline_rate: 0.1, change: 40 };
  const stalled = assessment({
    d_smooth: 12,
    velocity: 3,
    dominant_resource: "cpu",
    changes: [hog],
    leader_stall: { cgroup_id: 9, cpu: 0.1, memory: 0, io: 0 },
    stall: { cpu: 0.9, memory: 0, io: 0 },
    growth: [growth(3 * MIB, 5, 900 * MIB)],
  });
  const state = { ...initial_state(0), level: 1 as const, stalled_since_ns: S };
  const { decision } = decide(stalled, state, CONFIG, 10 * S);
  expect(decision.harm.witness).toBe("stall");
  expect(decision.actions).toMatchObject([
    { verb: "apply", target: { path: "/hog" }, setting: { rung: "cpu_weight" } },
  ]);
});
