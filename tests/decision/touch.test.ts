import { describe, expect, test } from "bun:test";
import { step_hold } from "../../src/decision/hold.ts";
import { left_s } from "../../src/decision/left.ts";
import type { ContainmentState } from "../../src/decision/state.ts";
import type { ContainmentObservation } from "../../src/model/containment.ts";
import { CONFIG, MIB, observation } from "./fixtures.ts";

const S = 1e9;
const AT_TOUCH_BYTES = 150 * MIB;

const TOUCH: ContainmentState = {
  id: "c1",
  rung: "thread_hold",
  target: { cgroup_id: 7, path: "/payment.slice", pid: 100, tid: 102, comm: "worker" },
  applied_ns: S,
  onset_ns: 0.5 * S,
  memory_at_onset_bytes: 125 * MIB,
  headroom_at_onset_bytes: 900 * MIB,
  slope_before_bytes_per_s: 50 * MIB,
  slope_tail_bytes_per_s: MIB,
  phase: "touch",
  phase_since_ns: S,
  attempts: 0,
  aims: false,
  rest_pace_per_s: null,
  next_probe_s: 60,
  memory_at_dose_bytes: 0,
  quiet_doses: 0,
  quiet_since_ns: null,
  judged: false,
  high_bytes: 0,
};

/** Beats of 10 ms until the touch is over or 2 s have passed; `memory_of` gives the cgroup's memory by the seconds since the touch began. */
function touch(
  memory_of: (t_s: number) => number,
  more: (t_s: number) => Partial<ContainmentObservation> = () => ({}),
) {
  let state = TOUCH;
  for (let t_s = 0; t_s < 2; t_s += 0.01) {
    const seen = observation("c1", "thread_hold", {
      frozen: true,
      memory_bytes: memory_of(t_s),
      headroom_bytes: 800 * MIB,
      slope_bytes_per_s: 50 * MIB,
      rest_steps_per_s: 500,
      rest_steps_before_per_s: 500,
      rest_window_s: Math.max(0.01, t_s),
      ...more(t_s),
    });
    const step = step_hold(state, seen, CONFIG.hold, CONFIG.act, S + t_s * S);
    if (step.next?.phase !== "touch") return { t_s, step };
    state = step.next;
  }
  throw new Error("the touch did not end");
}

describe("the trial hold of a thread", () => {
  test("that carried the growth is over after its time, and probation follows", () => {
    const { t_s, step } = touch(() => AT_TOUCH_BYTES);
    expect(step.next).toMatchObject({ phase: "probation" });
    expect(step.next?.touched).toBeUndefined();
    expect(t_s).toBeLessThan(0.2);
  });

  test("beside which the cgroup grows on is given up after half a second, not after a probation", () => {
    const { t_s, step } = touch((t) => AT_TOUCH_BYTES + 50 * MIB * t);
    expect(step.verdicts).toEqual([
      { id: "c1", verdict: "no_effect", detail: "slope 50.0 MiB/s → 50.0 MiB/s: something else grows" },
    ]);
    expect(step).toMatchObject({ next: null, failed: true, actions: [{ verb: "release" }] });
    expect(t_s).toBeCloseTo(0.5, 1);
  });

  test("a burst of the rest while it lasts is no such growth", () => {
    const { t_s, step } = touch((t) => AT_TOUCH_BYTES + Math.min(8 * MIB, 80 * MIB * t));
    expect(step.next).toMatchObject({ phase: "probation" });
    expect(t_s).toBeLessThan(0.5);
  });

  test("what it grew before the freezer caught it is not the rest's", () => {
    const { step } = touch(
      (t) => AT_TOUCH_BYTES + 50 * MIB * Math.min(t, 0.2),
      (t) => ({ frozen: t > 0.2 }),
    );
    expect(step.next).toMatchObject({ phase: "probation" });
  });

  test("that nobody froze, in a dry run, is not seen to fail", () => {
    const { step } = touch(
      (t) => AT_TOUCH_BYTES + 50 * MIB * t,
      () => ({ slope_bytes_per_s: null }),
    );
    expect(step).toMatchObject({ next: { phase: "probation" }, verdicts: [] });
  });

  test("beside a slow leak, what requests in flight take says nothing", () => {
    const { step } = touch((t) => AT_TOUCH_BYTES + (t > 0.05 ? 3 * MIB : 0));
    expect(step.next).toMatchObject({ phase: "probation" });
  });
});

test("want of memory ends a probation before its time, whether its thread sleeps or not", () => {
  const aimed: ContainmentState = { ...TOUCH, phase: "probation", aims: true, phase_since_ns: S };
  const half_gone = { memory_bytes: 600 * MIB, headroom_bytes: 425 * MIB, slope_bytes_per_s: 350 * MIB };
  const at = (s: number, more: Partial<ContainmentObservation>) =>
    step_hold(aimed, observation("c1", "thread_hold", { asleep: false, ...more }), CONFIG.hold, CONFIG.act, s * S).next;
  expect(at(1.9, half_gone)?.phase).toBe("hold");
  // At the end of its time it waits a moment for one without a lock.
  const plenty = { memory_bytes: 280 * MIB, headroom_bytes: 745 * MIB, slope_bytes_per_s: 50 * MIB };
  expect([at(3.8, plenty)?.phase, at(4.1, plenty)?.phase]).toEqual(["probation", "hold"]);
});

test("a thread that is caught only asleep is looked at again when the last look is paid for, also when nothing grew in it", () => {
  const held: ContainmentState = {
    ...{ ...TOUCH, phase: "hold", aims: true, judged: true, next_probe_s: 5, quiet_doses: 1 },
    ...{ phase_since_ns: 10 * S, memory_at_dose_bytes: AT_TOUCH_BYTES },
  };
  const after = (s: number, aims: boolean) => {
    // 90 MiB were lost until it was caught again: 1 % of a leak of 50 MiB/s pays for that in 180 s, a quiet look waits no longer than 60.
    const seen = observation("c1", "thread_hold", { frozen: true, memory_bytes: AT_TOUCH_BYTES + 90 * MIB });
    return step_hold({ ...held, aims }, seen, CONFIG.hold, CONFIG.act, (10 + s) * S).next?.phase;
  };
  expect([after(6, true), after(59, true), after(61, true)]).toEqual(["hold", "hold", "dose"]);
  expect(after(6, false)).toBe("pulse");
});

describe("a thread that shares a lock", () => {
  const AFTER_PROBATION: Partial<ContainmentObservation> = {
    ...{ frozen: false, memory_bytes: 300 * MIB, headroom_bytes: 700 * MIB, slope_bytes_per_s: 50 * MIB },
    ...{ rest_steps_per_s: 500, rest_steps_before_per_s: 500, rest_window_s: 0.5 },
  };
  const on_probation: ContainmentState = { ...TOUCH, phase: "probation" };
  const step = (state: ContainmentState, seen: Partial<ContainmentObservation>, t_s: number) =>
    step_hold(state, observation("c1", "thread_hold", seen), CONFIG.hold, CONFIG.act, t_s * S);

  test.each([
    [20, true, "dose", 200],
    [19, false, "pulse", CONFIG.hold.probe_first_s],
    [null, false, "pulse", CONFIG.hold.probe_first_s],
  ] as const)("known by %p wakes: %p, first looked at in a %s after %p s", (wakes, careful, look, first_s) => {
    const first = { ...on_probation, next_probe_s: CONFIG.hold.probe_first_s };
    const held = step(first, { ...AFTER_PROBATION, wakes }, 4);
    expect(held.next).toMatchObject({ phase: "hold", aims: careful });
    expect(held.actions[0]!.reason.includes("woke others")).toBe(careful);
    const quiet = { ...AFTER_PROBATION, frozen: true, slope_bytes_per_s: 0, memory_bytes: 302 * MIB, wakes };
    const judged = step(held.next!, quiet, 5).next!;
    expect(step(judged, quiet, 4 + first_s - 0.1).next?.phase).toBe("hold");
    expect(step(judged, quiet, 4 + first_s + 0.1).next?.phase).toBe(look);
  });

  test("is looked at until it has worked off what it missed, and what it gained until it was caught is the answer", () => {
    const dose: ContainmentState = {
      ...{ ...TOUCH, phase: "dose", aims: true, judged: true, phase_since_ns: 10 * S },
      memory_at_dose_bytes: 300 * MIB,
    };
    const grows = { ...AFTER_PROBATION, memory_bytes: 350 * MIB, asleep: true };
    expect(step(dose, grows, 10.3).next?.phase).toBe("dose");
    expect(step(dose, { ...grows, headroom_bytes: 60 * MIB }, 10.3).next?.phase).toBe("hold");
    expect(step(dose, grows, 10.41).next).toMatchObject({ phase: "hold", quiet_doses: 0, next_probe_s: 100 });
    expect(step(dose, { ...grows, memory_bytes: 300 * MIB }, 10.3).next?.phase).toBe("dose");
    expect(step(dose, { ...grows, memory_bytes: 300 * MIB }, 10.41).next).toMatchObject({
      phase: "hold",
      quiet_doses: 1,
    });
    const caught: ContainmentState = { ...dose, phase: "missed", quiet_doses: 1, memory_at_thaw_bytes: 300 * MIB };
    expect(step(caught, { ...grows, rest_window_s: 0.3 }, 10.5).next).toMatchObject({ attempts: 1, quiet_doses: 0 });
  });

  test("runs twice as long after each further miss, so that it can work off what it missed; not where memory is scarce", () => {
    const moves = { ...AFTER_PROBATION, asleep: true };
    const caught_s = (attempts: number, seen: Partial<ContainmentObservation> = {}) => {
      const missed: ContainmentState = { ...TOUCH, phase: "missed", aims: true, attempts, phase_since_ns: 10 * S };
      for (let t_s = 0; t_s < 2; t_s += 0.01) {
        const { next } = step(missed, { ...moves, rest_window_s: Math.max(0.01, t_s), ...seen }, 10 + t_s);
        if (next?.phase !== "missed") return t_s;
      }
      return null;
    };
    expect(caught_s(0)).toBeLessThan(0.1);
    expect(caught_s(1)).toBeCloseTo(0.2, 1);
    expect(caught_s(2)).toBeCloseTo(0.4, 1);
    expect(caught_s(3)).toBeCloseTo(0.8, 1);
    expect(caught_s(6)).toBeCloseTo(0.8, 1);
    expect(caught_s(6, { headroom_bytes: 60 * MIB })).toBeLessThan(0.1);
  });
});

describe("beside a rest that does nothing", () => {
  const LULL: Partial<ContainmentObservation> = {
    ...{ frozen: true, memory_bytes: 300 * MIB, headroom_bytes: 700 * MIB, slope_bytes_per_s: 0, asleep: true },
    ...{ rest_steps_per_s: 0, rest_steps_before_per_s: 500, rest_window_s: 0.5 },
  };
  const HELD: ContainmentState = { ...TOUCH, phase: "hold", judged: true, phase_since_ns: 10 * S };
  const step = (state: ContainmentState, seen: Partial<ContainmentObservation>, t_s: number) =>
    step_hold(state, observation("c1", "thread_hold", { ...LULL, ...seen }), CONFIG.hold, CONFIG.act, t_s * S);
  const thawed = step(HELD, {}, 20).next!;

  test("a held thread runs, and is let go when it does not grow: its service may be waiting for it to end", () => {
    expect(thawed).toMatchObject({ phase: "missed", memory_at_thaw_bytes: 300 * MIB });
    const idle = { frozen: false, memory_bytes: 301 * MIB };
    expect(step(thawed, idle, 21)).toMatchObject({ next: { phase: "missed" }, actions: [] });
    expect(step(thawed, idle, 29.9)).toMatchObject({ next: { phase: "missed" }, actions: [] });
    expect(step(thawed, idle, 30.1)).toMatchObject({ next: null, verdicts: [{ verdict: "would_have_stopped" }] });
  });

  test("one that grows is held, at a moment in which it sleeps", () => {
    const grows = { frozen: false, memory_bytes: 320 * MIB };
    expect(step(thawed, { ...grows, asleep: false }, 20.6).next?.phase).toBe("missed");
    const again = step(thawed, grows, 20.6);
    expect(again.next).toMatchObject({ phase: "hold", rest_pace_per_s: 0, lull_from_per_s: 500 });
    expect(again.actions).toMatchObject([
      { setting: { frozen: true }, reason: expect.stringContaining("load has fallen") },
    ]);
  });

  test("it is missed again once the rest was back: what was expected of it is expected anew, never more", () => {
    const held = { ...HELD, rest_pace_per_s: 0, lull_from_per_s: 500 };
    expect(step(held, { rest_steps_per_s: 0 }, 21).next?.phase).toBe("hold");
    const back = step(held, { rest_steps_per_s: 420 }, 21).next!;
    expect(back.rest_pace_per_s).toBe(420);
    expect(step(held, { rest_steps_per_s: 420, rest_window_s: 0.05 }, 21).next!.rest_pace_per_s).toBe(0);
    expect(step(back, { rest_steps_per_s: 900 }, 22).next!.rest_pace_per_s).toBe(500);
    expect(step(back, { rest_steps_per_s: 0 }, 22).next).toMatchObject({ phase: "missed" });
  });
});

test("what the rest does beside the held thread is expected of it from then on: before, it also waited for that thread", () => {
  const judged = (rest_steps_per_s: number) => {
    const held: ContainmentState = { ...TOUCH, phase: "hold", phase_since_ns: 10 * S };
    const more = { rest_steps_per_s, rest_steps_before_per_s: 200, rest_window_s: 0.5 };
    const still = { frozen: true, memory_bytes: 300 * MIB, headroom_bytes: 700 * MIB, slope_bytes_per_s: 0 };
    const seen = observation("c1", "thread_hold", { ...still, ...more });
    const { next } = step_hold(held, seen, CONFIG.hold, CONFIG.act, 10.5 * S);
    const later = (per_s: number) =>
      step_hold(next!, { ...seen, rest_steps_per_s: per_s, rest_window_s: 1 }, CONFIG.hold, CONFIG.act, 12 * S).next;
    return { next, later };
  };
  const { next, later } = judged(120);
  expect(next).toMatchObject({ judged: true, rest_pace_per_s: 120, lull_from_per_s: 200 });
  expect([later(95)?.phase, later(50)?.phase]).toEqual(["hold", "missed"]);
  // By chance it is a little faster at times; only a pace beyond that is expected again.
  expect([later(150)?.rest_pace_per_s, later(170)?.rest_pace_per_s]).toEqual([120, 170]);
  expect(judged(230).next).toMatchObject({ judged: true, rest_pace_per_s: null });
});

test("in a dry run, where nothing can be verified, a hold is let go after a minute", () => {
  const held: ContainmentState = { ...TOUCH, phase: "hold", phase_since_ns: 10 * S };
  const unseen = observation("c1", "thread_hold", { frozen: true, memory_bytes: 300 * MIB, headroom_bytes: 700 * MIB });
  const after = (s: number, slope_bytes_per_s: number | null) =>
    step_hold(
      held,
      { ...unseen, slope_bytes_per_s, verifiable: slope_bytes_per_s !== null },
      CONFIG.hold,
      CONFIG.act,
      (10 + s) * S,
    );
  expect(after(59, null).next?.phase).toBe("hold");
  expect(after(60, null)).toMatchObject({ next: null, failed: false, verdicts: [{ verdict: "expired" }] });
  expect(after(60, 0).verdicts).toMatchObject([{ verdict: "effective" }]);
});

test("what is said of the next look is when it comes, and nothing where its price is not known yet", () => {
  const held: ContainmentState = { ...TOUCH, phase: "hold", judged: true, phase_since_ns: 10 * S, next_probe_s: 5 };
  expect(left_s(held, 12 * S)).toBe(3);
  expect(left_s({ ...held, aims: true }, 60 * S)).toBe(150);
  expect(left_s({ ...held, aims: true, memory_at_dose_bytes: 300 * MIB }, 60 * S)).toBeNull();
  expect(left_s({ ...held, phase: "dose" }, 12 * S)).toBeNull();
});
