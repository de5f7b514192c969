import { describe, expect, test } from "bun:test";
import { decide } from "../../src/decision/decide.ts";
import { type DecisionState, initial_state } from "../../src/decision/state.ts";
import { assessment, CONFIG, growth, MIB, search } from "./fixtures.ts";

const S = 1e9;
const leak = growth(50 * MIB, 0.5, 800 * MIB);

function at(level: DecisionState["level"], since_s = 0): DecisionState {
  return { ...initial_state(since_s * S), level };
}

describe("level machine (SPEC §5)", () => {
  test("homeostasis below θ1, vigilance above it", () => {
    expect(decide(assessment({ d_smooth: 2.9 }), at(0), CONFIG, S).decision.level).toBe(0);
    expect(decide(assessment({ d_smooth: 3.1 }), at(0), CONFIG, S).decision.level).toBe(1);
  });

  test("a D̄ that hovers at θ1 crosses it once: level 1 is left only well below it; in records of older versions at θ1 itself", () => {
    const rises = (config: typeof CONFIG): number => {
      let state = at(0);
      let count = 0;
      for (let k = 0; k < 1700; k++) {
        // A second beyond θ1, then three just below it, longer than level 1 is held.
        const d_smooth = k % 40 < 10 ? 3.1 : 2.8;
        const { decision, state: after } = decide(assessment({ d_smooth }), state, config, k * 0.1 * S);
        if (decision.level === 1 && decision.previous_level === 0) count += 1;
        state = after;
      }
      return count;
    };
    const brief = { ...CONFIG, hold_s: [1, 5, 10, 20] as const };
    expect(rises(brief)).toBe(43);
    expect(rises({ ...brief, calm_part: 0.85 })).toBe(1);
    const calm = decide(assessment({ d_smooth: 2.5 }), at(1), { ...brief, calm_part: 0.85 }, 0);
    expect(
      decide(assessment({ d_smooth: 2.5 }), calm.state, { ...brief, calm_part: 0.85 }, 1.1 * S).decision.level,
    ).toBe(0);
  });

  test("a rise that lasts means vigilance before θ1 is crossed, a flicker does not", () => {
    const rising = assessment({ d_smooth: 2, velocity: 3 });
    const first = decide(rising, at(0), CONFIG, S);
    expect(first.decision.level).toBe(0);
    expect(decide(rising, first.state, CONFIG, 1.4 * S).decision.level).toBe(0);
    expect(decide(rising, first.state, CONFIG, 1.6 * S).decision.level).toBe(1);
    const flat = decide(assessment({ d_smooth: 2, velocity: 0.1 }), first.state, CONFIG, 1.4 * S);
    expect(decide(rising, flat.state, CONFIG, 1.6 * S).decision.level).toBe(0);
  });

  test("deviation alone never goes above level 1, however far", () => {
    const { decision } = decide(assessment({ d_smooth: 100, velocity: 50, acceleration: 9 }), at(0), CONFIG, S);
    expect(decision.level).toBe(1);
    expect(decision.actions).toEqual([]);
    expect(decision.inaction).toContain("nothing runs out");
  });

  test("with harm, level 2 needs D̄ beyond θ2 and rising", () => {
    const state = at(1);
    const harmful = { growth: [leak], search: search() };
    expect(decide(assessment({ ...harmful, d_smooth: 6, velocity: -1 }), state, CONFIG, S).decision.level).toBe(1);
    expect(decide(assessment({ ...harmful, d_smooth: 4, velocity: 1 }), state, CONFIG, S).decision.level).toBe(1);
    expect(decide(assessment({ ...harmful, d_smooth: 6, velocity: 1 }), state, CONFIG, S).decision.level).toBe(2);
  });

  test("before the warm-up has ended nothing goes above level 1", () => {
    const cold = assessment({ warm: false, d_smooth: 50, velocity: 9, growth: [leak], search: search() });
    const { decision } = decide(cold, at(0), CONFIG, S);
    expect(decision.level).toBe(1);
    expect(decision.actions).toEqual([]);
  });

  test("a far deviation with time left starts at the cheapest rung; a critical TTF goes straight to level 4", () => {
    const far = { d_smooth: 60, velocity: 20, acceleration: 5, search: search() };
    expect(decide(assessment({ ...far, growth: [leak] }), at(0), CONFIG, S).decision.level).toBe(2);
    const urgent = growth(300 * MIB, 0.5, 400 * MIB);
    expect(decide(assessment({ ...far, growth: [urgent] }), at(0), CONFIG, S).decision.level).toBe(4);
  });

  test("level 5 only after containments failed while D̄ still rises, and it is never left by itself", () => {
    const worse = assessment({ d_smooth: 20, velocity: 3, growth: [leak], search: search() });
    const failed: DecisionState = { ...at(4), failures: 2 };
    const up = decide(worse, failed, CONFIG, S);
    expect(up.decision.level).toBe(5);
    const calm = decide(assessment({ d_smooth: 0.5 }), up.state, CONFIG, 1e6 * S);
    expect(calm.decision.level).toBe(5);
    expect(calm.decision.rule).toContain("hosa release");
  });

  test("down one level at a time, each after its own hold time", () => {
    const calm = assessment({ d_smooth: 1 });
    let state = at(4);
    const left: [number, number][] = [];
    for (let t_s = 0; t_s <= 40; t_s += 0.1) {
      const step = decide(calm, state, CONFIG, t_s * S);
      if (step.decision.level !== state.level) left.push([step.decision.level, Math.round(t_s)]);
      state = step.state;
    }
    expect(left).toEqual([
      [3, 20],
      [2, 30],
      [1, 35],
      [0, 37],
    ]);
  });

  test("the beat is fast from level 1 up and for relax_s after", () => {
    const up = decide(assessment({ d_smooth: 4 }), at(0, -100), CONFIG, S);
    expect(up.decision.beat_period_ms).toBe(10);
    let state: DecisionState = { ...up.state, level: 0, level_since_ns: 2 * S, calm_since_ns: null };
    const soon = decide(assessment(), state, CONFIG, 6 * S);
    expect(soon.decision.beat_period_ms).toBe(10);
    state = soon.state;
    expect(decide(assessment(), state, CONFIG, 7.1 * S).decision.beat_period_ms).toBe(100);
  });

  test("a plateau, once settled, is watched at the ordinary beat: noise does not bring the fast one back, a rise does", () => {
    let state = at(0, -100);
    const period_at = (t_s: number, velocity: number) => {
      const step = decide(assessment({ d_smooth: 4, velocity }), state, CONFIG, t_s * S);
      state = step.state;
      return step.decision.beat_period_ms;
    };
    expect(period_at(1, 0)).toBe(10);
    expect(period_at(2.9, 0)).toBe(10);
    expect(period_at(3.1, 0)).toBe(100);
    expect(period_at(3.2, 1)).toBe(100);
    expect(period_at(4.2, 3)).toBe(10);
    expect(period_at(6.1, 0)).toBe(10);
    expect(period_at(6.3, 0)).toBe(100);
  });

  const batch = { cgroup_id: 9, path: "/batch.slice", rate: 1, baseline_rate: 0, change: 20 };
  const deviating = { d_smooth: 6, velocity: 1, changes: [batch] };

  test("stalls of others count as harm beyond floor and learned tail, sustained", () => {
    const leader_stall = { cgroup_id: 9, cpu: 0, memory: 0.1, io: 0 };
    const stalled = assessment({ ...deviating, stall: { cpu: 0, memory: 0.4, io: 0 }, leader_stall });
    const first = decide(stalled, at(1), CONFIG, S);
    expect(first.decision.harm.present).toBe(false);
    // A backup that fills the page cache of the node makes everybody reclaim for some seconds.
    expect(decide(stalled, first.state, CONFIG, 4.9 * S).decision.harm.present).toBe(false);
    const later = decide(stalled, first.state, CONFIG, 5.1 * S);
    expect(later.decision.harm).toMatchObject({ present: true, witness: "stall" });
    expect(later.decision.harm.value).toBeCloseTo(0.3, 9);
    expect(later.decision.level).toBe(2);
  });

  test("a stall, however far D̄ is, begins with the cheapest rung: its share is no time to failure", () => {
    const leader_stall = { cgroup_id: 9, cpu: 0, memory: 0.1, io: 0 };
    const far = { ...deviating, d_smooth: 50, acceleration: 1 };
    const stalled = assessment({ ...far, stall: { cpu: 0, memory: 0.4, io: 0 }, leader_stall });
    const first = decide(stalled, at(1), CONFIG, S);
    expect(decide(stalled, first.state, CONFIG, 5.1 * S).decision.level).toBe(2);
  });

  test("a job that stalls only itself, or whose own stalls are unknown, stays at level 1", () => {
    const stall = { cpu: 0.99, memory: 0.5, io: 0.9 };
    for (const leader_stall of [
      { cgroup_id: 9, cpu: 0.9, memory: 0.45, io: 0.85 },
      null,
      { cgroup_id: 8, cpu: 0, memory: 0, io: 0 },
    ]) {
      const busy = assessment({ ...deviating, stall, leader_stall });
      let state = at(1);
      for (let t_s = 0; t_s < 10; t_s++) {
        const step = decide(busy, state, CONFIG, t_s * S);
        expect(step.decision.level).toBe(1);
        state = step.state;
      }
    }
  });

  test("a decision is a pure function: the same record gives the same decision, and inputs stay untouched", () => {
    const input = assessment({ d_smooth: 6, velocity: 1, growth: [leak], search: search() });
    const frozen = JSON.stringify([input, CONFIG]);
    const once = decide(input, at(1), CONFIG, S);
    const again = decide(JSON.parse(frozen)[0], at(1), JSON.parse(frozen)[1], S);
    expect(JSON.stringify(again)).toBe(JSON.stringify(once));
    expect(JSON.stringify([input, CONFIG])).toBe(frozen);
  });
});
