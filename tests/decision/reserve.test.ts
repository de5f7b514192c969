import { expect, test } from "bun:test";
import type { DecisionConfig } from "../../src/decision/config.ts";
import { plan_reserve, step_reserve, with_reserve } from "../../src/decision/reserve.ts";
import { type ContainmentState, type DecisionState, initial_state } from "../../src/decision/state.ts";
import { steer } from "../../src/decision/steer.ts";
import type { ContainmentObservation, SwapObservation } from "../../src/model/containment.ts";
import type { Harm } from "../../src/model/decision.ts";
import { assessment, CONFIG, growth, MIB } from "./fixtures.ts";

const SIZE = 4000 * MIB;
const WITH: DecisionConfig = { ...CONFIG, reserve: { size_bytes: SIZE } };
const NO_SWAP: SwapObservation = { used_bytes: 0, max_bytes: 0, node_free_bytes: 0 };
const NO_HARM: Harm = {
  ...{ present: false, witness: "none", value: null, bound: null, unit: "" },
  ...{ evidence: "none", because: [] },
};

const GOVERNED: ContainmentState = {
  id: "c1",
  rung: "memory_governor",
  target: { cgroup_id: 7, path: "/app", pid: null, tid: null, comm: null },
  applied_ns: 0,
  onset_ns: 0,
  memory_at_onset_bytes: 100 * MIB,
  headroom_at_onset_bytes: 900 * MIB,
  slope_before_bytes_per_s: 50 * MIB,
  slope_tail_bytes_per_s: MIB,
  phase: "touch",
  phase_since_ns: 0,
  attempts: 0,
  aims: false,
  rest_pace_per_s: null,
  next_probe_s: 0,
  memory_at_dose_bytes: 0,
  quiet_doses: 0,
  quiet_since_ns: null,
  judged: true,
  high_bytes: 865 * MIB,
};

function seen(
  usage_mib: number,
  swap: SwapObservation | null,
  more: Partial<ContainmentObservation> = {},
): ContainmentObservation {
  return {
    id: "c1",
    rung: "memory_governor",
    status: "done",
    detail: "",
    frozen: null,
    alive: true,
    in_force: true,
    memory_bytes: usage_mib * MIB,
    headroom_bytes: (1000 - usage_mib) * MIB,
    slope_bytes_per_s: 50 * MIB,
    rest_steps_per_s: null,
    rest_steps_before_per_s: null,
    rest_window_s: null,
    asleep: null,
    stall_full: 0,
    swap,
    ...more,
  };
}

function planned(observed: ContainmentObservation, state: Partial<DecisionState> = {}, config = WITH) {
  const whole = { ...initial_state(0), containments: [GOVERNED], next_id: 2, ...state };
  return plan_reserve(assessment({ containments: [observed] }), whole, NO_HARM, whole.next_id, config, 20e9);
}

/** The reserve of the cgroup, and how it looks. */
const [RESERVE, USED] = (() => {
  const containment = planned(seen(864, NO_SWAP))?.containment;
  if (containment === undefined) throw new Error("nothing was planned");
  return [
    containment,
    (mib: number): SwapObservation => ({ used_bytes: mib * MIB, max_bytes: 3800 * MIB, node_free_bytes: SIZE }),
  ];
})();

test("it is asked for when the ceiling is three seconds away, not before", () => {
  expect(planned(seen(700, NO_SWAP))).toBeNull();
  expect(planned(seen(720, NO_SWAP))).not.toBeNull();
  expect(planned(seen(720, NO_SWAP, { slope_bytes_per_s: 10 * MIB }))).toBeNull();
  expect(planned(seen(864, NO_SWAP, { slope_bytes_per_s: 0 }))?.action).toMatchObject({
    id: "c2",
    verb: "apply",
    target: GOVERNED.target,
    setting: { rung: "swap_reserve", swap_max_bytes: 3800 * MIB },
  });
});

test("nobody asks for it without one, with swap to spare, twice, while it rests, or ungoverned", () => {
  expect(planned(seen(864, NO_SWAP), {}, CONFIG)).toBeNull();
  expect(planned(seen(864, { used_bytes: 0, max_bytes: null, node_free_bytes: 500 * MIB }))).toBeNull();
  expect(planned(seen(864, { used_bytes: 0, max_bytes: null, node_free_bytes: 0 }))).not.toBeNull();
  expect(planned(seen(864, { used_bytes: 0, max_bytes: 0, node_free_bytes: 500 * MIB }))).not.toBeNull();
  expect(planned(seen(864, null))).toBeNull();
  expect(planned(seen(864, NO_SWAP), { containments: [GOVERNED, RESERVE] })).toBeNull();
  const rest = { cgroup_id: 7, rung: "swap_reserve", since_ns: 0, until_ns: 60e9, ended_well: false } as const;
  expect(planned(seen(864, NO_SWAP), { rests: [rest] })).toBeNull();
  expect(planned(seen(864, NO_SWAP), { containments: [] })).toBeNull();
  const released = { cgroup_id: 7, path: "/app", until_ns: 600e9 };
  expect(planned(seen(864, NO_SWAP), { cooldowns: [released] })).toBeNull();
});

test("what the cgroup had in swap before is not taken from the reserve", () => {
  const before = { used_bytes: 100 * MIB, max_bytes: 100 * MIB, node_free_bytes: 0 };
  expect(planned(seen(864, before))?.action.setting).toEqual({ rung: "swap_reserve", swap_max_bytes: 3900 * MIB });
});

function stepped(
  usage_mib: number,
  swap: SwapObservation,
  at_s: number,
  more: { state?: ContainmentState; harm?: Harm; stall?: number } = {},
) {
  const { state = RESERVE, harm = NO_HARM, stall = 0.1 } = more;
  const observed = seen(usage_mib, swap, { id: state.id, rung: "swap_reserve", stall_full: stall });
  return step_reserve(state, observed, { harm, governed: GOVERNED }, WITH, at_s * 1e9);
}

test("judged once, ten seconds after the ceiling first bound", () => {
  const waiting = stepped(864, USED(0), 20);
  expect(waiting.verdicts).toEqual([]);
  expect(stepped(864, USED(300), 25, { state: waiting.next! }).verdicts).toEqual([]);
  const judged = stepped(850, USED(500), 30, { state: waiting.next! });
  expect(judged.verdicts).toMatchObject([{ verdict: "effective", detail: expect.stringContaining("500 MiB") }]);
  expect(stepped(864, USED(900), 40, { state: judged.next! }).verdicts).toEqual([]);
});

test("a service that stands still beside it was not helped, and one that puts nothing there lets it go", () => {
  const waiting = stepped(864, USED(0), 20).next!;
  const still = stepped(864, USED(500), 30, { state: waiting, stall: 0.8 });
  expect([still.verdicts[0]?.verdict, still.failed]).toEqual(["no_effect", false]);
  const none = stepped(864, USED(1), 30, { state: waiting });
  expect([none.verdicts[0]?.verdict, none.failed, none.next]).toEqual(["no_effect", true, null]);
  expect(none.actions).toMatchObject([{ verb: "release" }]);
});

test("a dry run, which pushes nothing out, is not judged", () => {
  const dry = seen(900, USED(0), { id: "c2", rung: "swap_reserve", slope_bytes_per_s: null });
  const state = { ...RESERVE, quiet_since_ns: 0 };
  const step = step_reserve(state, dry, { harm: NO_HARM, governed: GOVERNED }, WITH, 60e9);
  expect([step.verdicts, step.actions]).toEqual([[], []]);
});

test("a growth that never reached the ceiling says nothing of the reserve", () => {
  let state = RESERVE;
  for (const at_s of [20, 40, 80]) {
    const step = stepped(500, USED(0), at_s, { state });
    expect([step.verdicts, step.actions]).toEqual([[], []]);
    state = step.next!;
  }
});

test("others who wait for the disk close it: nothing more goes in, once", () => {
  const harm: Harm = {
    ...{ present: true, witness: "stall", value: 0.4, bound: 0.2, unit: "share of time others stall on io" },
    ...{ evidence: "strong", because: ["others have been stalled on io for 2.0 s"] },
  };
  const closed = stepped(864, USED(700), 30, { harm });
  expect(closed.actions).toMatchObject([
    { verb: "adjust", setting: { rung: "swap_reserve", swap_max_bytes: 700 * MIB } },
  ]);
  expect(closed.verdicts).toMatchObject([{ verdict: "harmful" }]);
  const again = stepped(864, USED(700), 31, { state: closed.next!, harm });
  expect([again.actions, again.verdicts]).toEqual([[], []]);
  const memory: Harm = { ...harm, unit: "share of time others stall on memory" };
  expect(stepped(864, USED(700), 30, { harm: memory }).actions).toEqual([]);
});

test("what is left of the reserve is headroom of whoever draws on it, and of nobody else", () => {
  const state = { ...initial_state(0), containments: [GOVERNED, RESERVE] };
  const observed = seen(864, USED(800), { id: RESERVE.id, rung: "swap_reserve" });
  const grown = growth(50 * MIB, 1, 80 * MIB);
  const other = growth(50 * MIB, 1, 80 * MIB, { cgroup_id: 8 });
  const counted = with_reserve(assessment({ growth: [grown, other], containments: [observed] }), state);
  expect(counted.growth.map(({ ttf }) => ttf.ttf_s)).toEqual([(80 + 3000) / 50, 80 / 50]);
  const full = { ...observed, swap: USED(3800) };
  expect(with_reserve(assessment({ growth: [grown], containments: [full] }), state).growth).toEqual([grown]);
  const without = assessment({ growth: [grown] });
  expect(with_reserve(without, { ...state, containments: [GOVERNED] })).toBe(without);
});

test("it ends with the governor of its cgroup", () => {
  const observed = seen(864, USED(700), { id: "c2", rung: "swap_reserve" });
  const situation = { level: 2, harm: NO_HARM, narrower: false, calm: true, leader_id: null } as const;
  const other: ContainmentState = { ...GOVERNED, id: "c9", target: { ...GOVERNED.target, cgroup_id: 8 } };
  expect(steer(RESERVE, observed, WITH, 30e9, situation, [GOVERNED, RESERVE]).actions).toEqual([]);
  const over = steer(RESERVE, observed, WITH, 30e9, situation, [other, RESERVE]);
  expect(over.actions).toMatchObject([{ id: "c2", verb: "release" }]);
  expect([over.next, over.failed]).toEqual([null, false]);
});

test("a leak that goes to swap is not over for the governor", () => {
  const situation = { level: 2, harm: NO_HARM, narrower: false, calm: true, leader_id: null } as const;
  const run = (leak_mib_s: number) => {
    let state: ContainmentState | null = GOVERNED;
    for (let at_s = 0; at_s <= 25 && state !== null; at_s++) {
      // Usage stays a little below the ceiling: the kernel pushes out more than it must.
      state = steer(
        state,
        seen(860, USED(at_s * leak_mib_s), { slope_bytes_per_s: 0 }),
        WITH,
        at_s * 1e9,
        situation,
      ).next;
    }
    return state;
  };
  expect(run(50)).not.toBeNull();
  expect(run(0)).toBeNull();
});
