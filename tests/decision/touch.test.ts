import { describe, expect, test } from "bun:test";
import { step_hold } from "../../src/decision/hold.ts";
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
