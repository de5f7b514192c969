import { describe, expect, test } from "bun:test";
import { decide } from "../../src/decision/decide.ts";
import { step_hold } from "../../src/decision/hold.ts";
import { type ContainmentState, type DecisionState, initial_state } from "../../src/decision/state.ts";
import type { Assessment, GrowthAssessment, TimeToFailure } from "../../src/model/assessment.ts";
import { assessment, CONFIG, growth, MIB, observation, search } from "./fixtures.ts";

const S = 1e9;
const of_node = (headroom_mib: number, slope_mib: number): TimeToFailure => ({
  ...{
    resource: "node_memory",
    cgroup_id: null,
    headroom_bytes: headroom_mib * MIB,
    slope_bytes_per_s: slope_mib * MIB,
  },
  ...{ acceleration_bytes_per_s2: 0, ttf_s: headroom_mib / slope_mib, ttf_accelerated_s: null },
});
const node = (slope_mib: number, headroom_mib: number) =>
  growth(slope_mib * MIB, 20, headroom_mib * MIB, {
    ...{ cgroup_id: 1, path: "/", gained_bytes: 8000 * MIB, age_s: 9e4, exec_age_s: null },
    ttf: of_node(headroom_mib, slope_mib),
  });
const service = (slope_mib: number, headroom_mib: number, more: Partial<GrowthAssessment> = {}) =>
  growth(slope_mib * MIB, 5, headroom_mib * MIB, {
    ...{ path: "/system.slice/shipper.service", gained_bytes: 30 * MIB, age_s: 9e4, exec_age_s: 9e4 },
    ttf: of_node(headroom_mib, slope_mib),
    ...more,
  });
const changed = (rate_mib: number) => [
  { cgroup_id: 7, path: "/system.slice/shipper.service", rate: rate_mib * MIB, baseline_rate: 0, change: 8 },
];
const HUGE: Assessment["kernel_memory"] = { window_s: 1, takes: [{ use: "huge pages", bytes_per_s: 390 * MIB }] };

/** Four seconds of beats; what was done, and the last decision. */
function run(more: Partial<Assessment>) {
  let state: DecisionState = { ...initial_state(0), level: 1 };
  const did: string[] = [];
  for (let t = 10; ; t += 0.1) {
    const seen = assessment({
      t_ns: t * S,
      d_smooth: 30,
      velocity: 3,
      search: search(0.95, { cgroup_id: 7 }),
      ...more,
    });
    const { decision, state: next } = decide(seen, state, CONFIG, t * S);
    state = next;
    did.push(...decision.actions.map(({ verb, setting, target }) => `${verb} ${setting.rung} ${target.path}`));
    if (t >= 14) return { did, decision, state };
  }
}

describe("memory that no cgroup is charged for grows", () => {
  test("nothing is held for it when nothing else grows, and the kernel is named with what it takes", () => {
    const { did, decision } = run({ growth: [node(400, 1800)], changes: changed(6), kernel_memory: HUGE });
    expect(did).toEqual([]);
    expect(decision.culprit).toMatchObject({ scope: "kernel", path: "/", comm: "huge pages", rate: 390 * MIB });
    expect(decision.culprit!.share).toBeCloseTo(390 / 400, 6);
    expect(decision.harm).toMatchObject({ present: true, witness: "ttf" });
    expect(decision.inaction).toBe(
      "the kernel takes the node's memory: huge pages 390.0 MiB/s of 400.0 MiB/s; no cgroup carries it",
    );
  });

  // The three ways by which one was held: by the ranking of changes, by its own growth toward the end of the node, and for lack of another candidate.
  test.each([
    ["far from the end", 1800, HUGE],
    ["near the end, where its own growth would use up what is left within a minute", 100, HUGE],
    ["where nothing says what takes it", 1800, null],
    ["near the end, where nothing says what takes it", 100, null],
  ] as const)("a bystander that carries 1.5 %% of it is not held for it: %s", (_name, headroom_mib, kernel_memory) => {
    const grown = [node(400, headroom_mib), service(6, headroom_mib)];
    const { did, decision } = run({ growth: grown, changes: changed(6), kernel_memory });
    expect(did).toEqual([]);
    expect(decision.culprit?.path ?? "/").toBe("/");
  });

  test("nor one that is listed alone, while the node is known to lose memory much faster", () => {
    const { did, decision } = run({ growth: [service(6, 200)], changes: changed(6), node_ttf: of_node(200, 400) });
    expect(did).toEqual([]);
    expect(decision.harm).toMatchObject({
      present: false,
      excuse: { code: "small_part_of_node", slope_bytes_per_s: 6 * MIB, node_slope_bytes_per_s: 400 * MIB },
    });
  });

  test("but a cgroup that carries a third of it, or runs into a limit of its own, is held", () => {
    const third = [node(60, 300), service(25, 300)];
    expect(run({ growth: third, changes: changed(25) }).did[0]).toBe("apply thread_hold /system.slice/shipper.service");
    const own_limit = growth(6 * MIB, 5, 200 * MIB, { path: "/system.slice/shipper.service" });
    const limited = run({ growth: [node(400, 1800), own_limit], changes: changed(6), kernel_memory: HUGE });
    expect(limited.did[0]).toBe("apply thread_hold /system.slice/shipper.service");
  });

  test("a cgroup that takes more than the kernel is the one to blame", () => {
    const kernel_memory = { window_s: 1, takes: [{ use: "slab" as const, bytes_per_s: 30 * MIB }] };
    const { decision } = run({ growth: [node(80, 400), service(50, 400)], kernel_memory, changes: changed(50) });
    expect(decision.culprit).toMatchObject({ scope: "thread", path: "/system.slice/shipper.service" });
  });
});

describe("whether a hold helps the node is judged by the node", () => {
  const HELD: ContainmentState = {
    ...{ id: "c1", rung: "thread_hold", target: { cgroup_id: 7, path: "/a", pid: 100, tid: 102, comm: "filler" } },
    ...{ applied_ns: S, onset_ns: S, memory_at_onset_bytes: 300 * MIB, headroom_at_onset_bytes: 700 * MIB },
    ...{ slope_before_bytes_per_s: 50 * MIB, slope_tail_bytes_per_s: MIB, phase: "hold", phase_since_ns: 10 * S },
    ...{ attempts: 0, aims: false, rest_pace_per_s: null, next_probe_s: 60, memory_at_dose_bytes: 0, quiet_doses: 0 },
    ...{ quiet_since_ns: null, judged: false, high_bytes: 0, node_slope_before_bytes_per_s: 90 * MIB },
  };
  const judged = (after_s: number, node_mib: number) => {
    const still = { frozen: true, memory_bytes: 300 * MIB, headroom_bytes: 600 * MIB, slope_bytes_per_s: 0 };
    const seen = observation("c1", "thread_hold", {
      ...still,
      rest_steps_per_s: 500,
      rest_steps_before_per_s: 500,
      rest_window_s: 0.5,
    });
    const beside = { node_slope_bytes_per_s: node_mib * MIB };
    return step_hold(HELD, seen, CONFIG.hold, CONFIG.act, (10 + after_s) * S, beside);
  };

  test("effective when it loses less by half of what the thread took, no effect when others go on taking it", () => {
    expect(judged(0.6, 45).verdicts).toMatchObject([{ verdict: "effective" }]);
    // Its slope looks back for a while.
    expect(judged(0.6, 85)).toMatchObject({ verdicts: [], next: { judged: false } });
    const late = judged(3.1, 85);
    expect(late).toMatchObject({ next: null, failed: true, verdicts: [{ verdict: "no_effect" }] });
    expect(late.verdicts[0]!.detail).toBe("slope 50.0 MiB/s → 0.0 MiB/s, but the node lost 90.0 MiB/s, now 85.0 MiB/s");
  });
});

test("a cgroup that was always idle is not limited for a queue that another one fills, however far it is from its own past", () => {
  const idle = { cgroup_id: 5, path: "/idle", rate: 0.3, baseline_rate: 0, change: 60 };
  const hog = { cgroup_id: 9, path: "/hog", rate: 3, baseline_rate: 0.5, change: 12 };
  const seen = assessment({
    ...{ t_ns: 20 * S, d_smooth: 12, velocity: 1, dominant_resource: "cpu", changes: [idle, hog] },
    ...{ leader_stall: { cgroup_id: 5, cpu: 0, memory: 0, io: 0 }, stall: { cpu: 0.9, memory: 0, io: 0 } },
  });
  const before: DecisionState = { ...initial_state(0), level: 2, stalled_since_ns: 0 };
  expect(decide(seen, before, CONFIG, 20 * S).decision.culprit?.path).toBe("/hog");
});
