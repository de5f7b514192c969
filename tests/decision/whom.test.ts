import { describe, expect, test } from "bun:test";
import { decide } from "../../src/decision/decide.ts";
import { find_harm } from "../../src/decision/harm.ts";
import { type ContainmentState, type DecisionState, initial_state } from "../../src/decision/state.ts";
import type { Assessment, GrowthAssessment } from "../../src/model/assessment.ts";
import type { Rung } from "../../src/model/containment.ts";
import { assessment, CONFIG, growth, MIB, search } from "./fixtures.ts";

const S = 1e9;

/** A growth of so many MiB/s of a cgroup that runs out after so long. */
function leak(cgroup_id: number, path: string, rate_mib: number, ttf_s: number): GrowthAssessment {
  return growth(rate_mib * MIB, 0.5, ttf_s * rate_mib * MIB, { cgroup_id, path });
}

function held(cgroup_id: number, path: string, rung: Rung = "memory_governor"): ContainmentState {
  const target = { cgroup_id, path, pid: null, tid: null, comm: null };
  return { id: `c${cgroup_id}`, rung, target, applied_ns: 9 * S } as ContainmentState;
}

function answered_to(
  grown: readonly GrowthAssessment[],
  state: Partial<DecisionState> = {},
  config = CONFIG,
  more: Partial<Assessment> = {},
) {
  const seen = assessment({ t_ns: 10 * S, growth: grown, d_smooth: 12, velocity: 3, ...more });
  return find_harm(seen, { ...initial_state(0), ...state }, config, 10 * S);
}

describe("two services leak in one slice", () => {
  const pair = [
    leak(5, "/app.slice", 100, 9),
    leak(6, "/app.slice/a.service", 50, 18),
    leak(7, "/app.slice/b.service", 50, 19),
  ];

  test("the slice runs out first, and each service is answered, the more urgent one first", () => {
    const { harm, growth: whom } = answered_to(pair);
    expect(harm.value).toBe(9);
    expect(whom?.path).toBe("/app.slice/a.service");
    expect(answered_to(pair, { containments: [held(6, "/app.slice/a.service")] }).growth?.cgroup_id).toBe(7);
  });

  test("the slice is not touched for what both of them still seem to grow", () => {
    const containments = [held(6, "/app.slice/a.service"), held(7, "/app.slice/b.service")];
    expect([6, 7]).toContain(answered_to(pair, { containments }).growth!.cgroup_id);
  });

  test("what grows in it beside them is the slice's own once they grow no more", () => {
    const containments = [held(6, "/app.slice/a.service"), held(7, "/app.slice/b.service")];
    expect(answered_to([pair[0]!], { containments }).growth?.path).toBe("/app.slice");
  });

  test("a small one does not stand for a slice in which most of the growth is nobody's who is listed", () => {
    const grown = [pair[0]!, leak(6, "/app.slice/a.service", 9, 55)];
    expect(answered_to(grown).growth?.path).toBe("/app.slice");
    expect(answered_to(grown, { containments: [held(6, "/app.slice/a.service")] }).growth?.path).toBe("/app.slice");
  });

  test("the one that was searched is answered first, while there is time and its next rung does not rest", () => {
    const searched = { search: search(0.95, { cgroup_id: 7 }) };
    expect(answered_to(pair, {}, CONFIG, searched).growth?.cgroup_id).toBe(7);
    const rests = [
      { cgroup_id: 7, rung: "memory_governor" as const, since_ns: 9 * S, until_ns: 60 * S, ended_well: false },
    ];
    expect(answered_to(pair, { rests }, CONFIG, searched).growth?.cgroup_id).toBe(6);
    const hurried = [leak(6, "/a.slice", 50, 0.9), leak(7, "/b.slice", 50, 19)];
    expect(answered_to(hurried, {}, CONFIG, searched).growth?.cgroup_id).toBe(6);
  });

  test("also in a slice that may not be touched itself", () => {
    const grown = pair.map((each) => ({ ...each, path: each.path.replace("/app.slice", "/system.slice") }));
    expect(answered_to(grown).growth?.path).toBe("/system.slice/a.service");
  });
});

describe("who may not be touched runs out first", () => {
  const two = [leak(6, "/db.slice", 50, 15), leak(7, "/payment.slice", 50, 40)];
  const protect = { ...CONFIG, protect: ["/db.slice"] };

  test("the other one is answered, whether it is protected or an operator released it", () => {
    expect(answered_to(two, {}, protect).growth?.cgroup_id).toBe(7);
    const cooldowns = [{ cgroup_id: 6, path: "/db.slice", until_ns: 600 * S }];
    expect(answered_to(two, { cooldowns }).growth?.cgroup_id).toBe(7);
    expect(answered_to(two).growth?.cgroup_id).toBe(6);
  });

  test("its urgency does not overrule an operator who released another one", () => {
    const config = { ...protect, release: { cooldown_s: 600, contain_again_when_critical: true } };
    const cooldowns = [{ cgroup_id: 7, path: "/payment.slice", until_ns: 600 * S }];
    const at = (ttf_s: number) => [leak(6, "/db.slice", 50, 1.5), leak(7, "/payment.slice", 50, ttf_s)];
    expect(answered_to(at(40), { cooldowns }, config).growth?.cgroup_id).toBe(6);
    expect(answered_to(at(1.8), { cooldowns }, config).growth?.cgroup_id).toBe(7);
  });

  test("once it is, why the first is left alone is said", () => {
    const containments = [held(7, "/payment.slice")];
    expect(answered_to(two, { containments }, protect).growth?.cgroup_id).toBe(6);
    const seen = assessment({ t_ns: 10 * S, growth: [two[0]!], d_smooth: 12, velocity: 3 });
    const before: DecisionState = { ...initial_state(0), level: 2, level_since_ns: 9 * S };
    expect(decide(seen, before, protect, 10 * S).decision.inaction).toContain("/db.slice is not limited");
  });
});
