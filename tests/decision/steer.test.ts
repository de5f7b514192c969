import { expect, test } from "bun:test";
import { unrest, unrest_since } from "../../src/decision/pace.ts";
import type { ContainmentState, HoldPhase } from "../../src/decision/state.ts";
import { steer } from "../../src/decision/steer.ts";
import type { ContainmentObservation } from "../../src/model/containment.ts";
import type { Harm } from "../../src/model/decision.ts";
import { assessment, CONFIG, growth, MIB } from "./fixtures.ts";

function hold(phase: HoldPhase, judged = true): ContainmentState {
  return {
    id: "c1",
    rung: "thread_hold",
    target: { cgroup_id: 7, path: "/app", pid: 40, tid: 41, comm: "filler" },
    applied_ns: 0,
    onset_ns: 0,
    memory_at_onset_bytes: 100 * MIB,
    headroom_at_onset_bytes: 900 * MIB,
    slope_before_bytes_per_s: 50 * MIB,
    slope_tail_bytes_per_s: MIB,
    phase,
    phase_since_ns: 0,
    attempts: 0,
    aims: false,
    rest_pace_per_s: null,
    next_probe_s: 5,
    memory_at_dose_bytes: 200 * MIB,
    quiet_doses: 0,
    quiet_since_ns: null,
    judged,
    high_bytes: 0,
  };
}

const SEEN: ContainmentObservation = {
  id: "c1",
  rung: "thread_hold",
  status: "done",
  detail: "",
  frozen: true,
  alive: true,
  in_force: true,
  memory_bytes: 200 * MIB,
  headroom_bytes: 800 * MIB,
  slope_bytes_per_s: 0,
  rest_steps_per_s: 400,
  rest_steps_before_per_s: 400,
  rest_window_s: 1,
  asleep: null,
  stall_full: null,
};

const NO_HARM: Harm = {
  present: false,
  witness: "none",
  value: null,
  bound: null,
  unit: "",
  evidence: "none",
  because: [],
};
const SITUATION = { level: 2, harm: NO_HARM, narrower: false, calm: true, leader_id: null } as const;

const beat = (state: ContainmentState, seen: Partial<ContainmentObservation>, t_s: number) =>
  steer(state, { ...SEEN, ...seen }, CONFIG, t_s * 1e9, SITUATION);

test.each([
  ["gone", { status: "gone", detail: "the held thread has exited" }, "gone", "the held thread has exited"],
  ["refused", { status: "refused", detail: "a bound" }, "refused", "a bound"],
  ["lapsed", { status: "done", detail: "expired" }, "expired", "expired"],
] as const)(
  "a containment the motor has ended (%s) is over without another release",
  (_name, seen, verdict, detail) => {
    const step = beat(hold("hold"), { ...seen, in_force: false }, 1);
    expect(step).toMatchObject({ next: null, actions: [], verdicts: [{ verdict, detail }] });
  },
);

test("a containment whose cgroup has gone before the motor saw it is released", () => {
  expect(beat(hold("hold"), { alive: false }, 1).actions).toMatchObject([{ verb: "release" }]);
});

test("a leak is looked at for a millisecond, and again no sooner than at 1 % of its slope", () => {
  const probe = beat(hold("hold"), {}, 5);
  expect(probe.actions).toMatchObject([{ setting: { frozen: true, pulse_ms: 1 } }]);
  const after = (grown_mib: number) => beat(probe.next!, { memory_bytes: (200 + grown_mib) * MIB }, 5.1).next;
  expect(after(1.5)).toMatchObject({ phase: "hold", next_probe_s: 10, quiet_doses: 0 });
  expect(after(50)).toMatchObject({ phase: "hold", next_probe_s: 100 });
  expect(after(5000)).toMatchObject({ phase: "hold", next_probe_s: 600 });
});

test("only three quiet pulses lead to a dose, the dose to a longer one, and that to the end", () => {
  let state = hold("hold");
  const lengths: (number | null)[] = [];
  for (let t_s = 5.05; state.phase === "hold" && lengths.length < 5; ) {
    const began_s = t_s;
    let step = beat(state, {}, t_s);
    const pulse = step.actions[0]?.setting;
    while (step.next !== null && step.next.phase !== "hold") {
      t_s += 0.01;
      step = beat(step.next, {}, t_s);
    }
    lengths.push(pulse?.rung === "thread_hold" && pulse.pulse_ms ? 0 : Math.round((t_s - began_s) * 10) / 10);
    if (step.next === null) {
      expect(step.verdicts).toMatchObject([{ verdict: "would_have_stopped" }]);
      break;
    }
    state = step.next;
    t_s += 5.05;
  }
  expect(lengths).toEqual([0, 0, 0, 0.1, 1]);
});

test("behind a verified hold only a growth or a level is news, while it is pulsed too", () => {
  const far = assessment({ d_smooth: 15, velocity: 8 });
  expect(unrest(far, false, true, [], CONFIG)).toBe(true);
  expect(unrest(far, false, false, [], CONFIG)).toBe(false);
  expect(unrest({ ...far, growth: [growth(2 * MIB, 0.1, 800 * MIB)] }, false, true, [], CONFIG)).toBe(false);
  expect(unrest(far, false, true, [hold("hold", false)], CONFIG)).toBe(true);
  expect(unrest(far, false, true, [hold("dose")], CONFIG)).toBe(true);
  expect(unrest(far, false, true, [hold("hold")], CONFIG)).toBe(false);
  expect(unrest(far, false, true, [hold("pulse")], CONFIG)).toBe(false);
  expect(unrest(far, true, true, [hold("hold")], CONFIG)).toBe(true);
  // Right after the hold the slope looks back on what was gained before it; three seconds later another thread grows.
  const near = { ...far, t_ns: 40e9, growth: [growth(5 * MIB, 0.1, 500 * MIB)] };
  const held_since = (s: number, judged: boolean) => [{ ...hold("hold", judged), phase_since_ns: s * 1e9 }];
  expect(unrest(near, false, true, held_since(38, true), CONFIG)).toBe(false);
  expect(unrest(near, false, true, held_since(38, false), CONFIG)).toBe(true);
  expect(unrest(near, false, true, held_since(36, true), CONFIG)).toBe(true);
  // Minutes away from its end, the ordinary beat is soon enough.
  expect(unrest({ ...far, growth: [growth(2 * MIB, 0.1, 800 * MIB)] }, false, true, [hold("hold")], CONFIG)).toBe(
    false,
  );
});

test("what is in hand is not hurried: a hold found to work, and a leak on probation whose end is far", () => {
  const since_s = (live: ContainmentState, ttf_s: number) => {
    const leak = growth(50 * MIB, 1, 50 * MIB * ttf_s);
    return unrest_since(assessment({ growth: [leak] }), false, true, [live], CONFIG, 9e9, 10e9) / 1e9;
  };
  expect(since_s(hold("touch", false), 17)).toBe(10);
  expect(since_s(hold("probation", false), 17)).toBe(8);
  expect(since_s(hold("probation", false), 9)).toBe(10);
  expect(unrest_since(assessment(), false, false, [hold("hold")], CONFIG, 9e9, 10e9)).toBe(8e9);
  expect(unrest_since(assessment(), false, false, [hold("hold", false)], CONFIG, 9e9, 10e9)).toBe(10e9);
  // Nothing is in force: what happened is a second ago, and still looked back on.
  expect(unrest_since(assessment(), false, false, [], CONFIG, 9e9, 10e9)).toBe(9e9);
});

test("a growth that ends below the ceiling is no effect of the governor", () => {
  const governed: ContainmentState = {
    ...hold("touch", false),
    rung: "memory_governor",
    high_bytes: 880 * MIB,
    quiet_since_ns: 0,
  };
  const look = (memory_mib: number, slope_mib: number, t_s: number) =>
    steer(
      governed,
      {
        ...SEEN,
        rung: "memory_governor",
        memory_bytes: memory_mib * MIB,
        headroom_bytes: (1000 - memory_mib) * MIB,
        slope_bytes_per_s: slope_mib * MIB,
      },
      CONFIG,
      t_s * 1e9,
      SITUATION,
    );
  expect(look(400, 0, 5)).toMatchObject({ verdicts: [], actions: [], next: { high_bytes: 880 * MIB, judged: false } });
  expect(look(879, 1, 5).verdicts).toMatchObject([{ verdict: "effective" }]);
  expect(look(879, 49, 5)).toMatchObject({ verdicts: [], next: { judged: false } });
  expect(look(960, 49, 5).verdicts).toMatchObject([{ verdict: "no_effect" }]);
});

test("a governor at its plateau is lifted once nobody in it has stalled for a minute, unless it grows on into swap", () => {
  const governed: ContainmentState = { ...hold("touch"), rung: "memory_governor", high_bytes: 958 * MIB };
  const ended_s = (stall_full: number, swapped_mib: (t_s: number) => number, high_mib = 958) => {
    let state = { ...governed, high_bytes: high_mib * MIB };
    for (let t_s = 10; t_s < 200; t_s += 0.5) {
      const swap = { used_bytes: swapped_mib(t_s) * MIB, max_bytes: null, node_free_bytes: 0 };
      const full = { memory_bytes: (high_mib - 1) * MIB, headroom_bytes: (1001 - high_mib) * MIB, stall_full, swap };
      const { next, verdicts } = beat(state, { rung: "memory_governor", ...full }, t_s);
      if (next === null) return { t_s, verdict: verdicts[0]?.verdict };
      state = next;
    }
    return null;
  };
  expect(ended_s(0, () => 0)).toEqual({ t_s: 70, verdict: "would_have_stopped" });
  expect(ended_s(0.3, () => 0)).toBeNull();
  expect(ended_s(0, (t_s) => t_s)).toBeNull();
});

test("a containment whose target the configuration protects meanwhile is let go; without that it goes on", () => {
  for (const rung of ["thread_hold", "memory_governor", "freeze"] as const) {
    const state = { ...hold("hold"), rung };
    const seen = { ...SEEN, rung };
    const { next, actions, verdicts } = steer(state, seen, { ...CONFIG, protect: ["/ap*"] }, 6e9, SITUATION);
    expect(next).toBeNull();
    expect(actions).toMatchObject([
      { verb: "release", setting: { rung }, reason: expect.stringContaining("protected") },
    ]);
    expect(verdicts).toMatchObject([{ id: "c1", verdict: "expired" }]);
    expect(steer(state, seen, { ...CONFIG, protect: ["/other"] }, 1e9, SITUATION).next).not.toBeNull();
  }
});
