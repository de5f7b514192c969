import { expect, test } from "bun:test";
import { decide } from "../../src/decision/decide.ts";
import { initial_state } from "../../src/decision/state.ts";
import type { Assessment } from "../../src/model/assessment.ts";
import { assessment, CONFIG, growth, MIB } from "./fixtures.ts";

const RULES = { ...CONFIG, habituate: { ...CONFIG.habituate, after_s: 300 } };

/** When a node that looks like this from t = 0 on is first learned as normal; null within twenty minutes. */
function habituated_s(look: (t_s: number) => Partial<Assessment>): number | null {
  let state = initial_state(0);
  for (let t_s = 0; t_s < 1200; t_s++) {
    const step = decide(assessment({ d_smooth: 12, ...look(t_s) }), state, RULES, t_s * 1e9);
    if (step.decision.habituates) return t_s;
    state = step.state;
  }
  return null;
}

test("a calm plateau is learned as normal after its time", () => {
  expect(habituated_s(() => ({}))).toBe(300);
});

test("the noise of single beats, and of their slope, is no movement", () => {
  expect(habituated_s((t_s) => ({ d_smooth: 12 + Math.sin(7 * t_s), velocity: 5 * Math.cos(7 * t_s) }))).toBe(300);
});

test("a disturbance starts the time anew", () => {
  expect(habituated_s((t_s) => (t_s >= 200 && t_s < 220 ? { d_smooth: 16 } : {}))).toBe(511);
});

test("moments at the normal, where D̄ crosses θ1 to and fro, do not begin the time anew; a minute of it does", () => {
  expect(habituated_s((t_s) => (t_s % 40 < 4 ? { d_smooth: 2.9 } : { d_smooth: 3.2 }))).toBe(304);
  expect(habituated_s((t_s) => (t_s >= 100 && t_s < 220 ? { d_smooth: 1 } : {}))).toBeGreaterThan(500);
});

test("coming down is the way home; going up, however slowly, is not", () => {
  expect(habituated_s((t_s) => ({ d_smooth: 12 - t_s / 200 }))).toBe(300);
  expect(habituated_s((t_s) => ({ d_smooth: 8 + t_s / 200 }))).toBeNull();
});

test("what grows, stalls, is out of bounds or not yet known is never learned", () => {
  expect(habituated_s(() => ({ growth: [growth(MIB, 5, 800 * MIB)] }))).toBeNull();
  const change = { cgroup_id: 9, path: "/x", rate: 1, baseline_rate: 0, change: 9 };
  const leader_stall = { cgroup_id: 9, cpu: 0, memory: 0, io: 0 };
  expect(habituated_s(() => ({ stall: { cpu: 0, memory: 0.5, io: 0 }, changes: [change], leader_stall }))).toBeNull();
  expect(habituated_s(() => ({ d_smooth: 50 }))).toBeNull();
  expect(habituated_s(() => ({ warm: false }))).toBeNull();
});

test("another life is not the old one at another height: ρ or ΔH high is never learned", () => {
  expect(habituated_s(() => ({ shape: { rho: 0.5, entropy_shift_bits: 0.4 } }))).toBe(300);
  expect(habituated_s(() => ({ shape: { rho: 2.5, entropy_shift_bits: 0 } }))).toBeNull();
  expect(habituated_s(() => ({ shape: { rho: 0.5, entropy_shift_bits: 1.2 } }))).toBeNull();
  expect(habituated_s(() => ({ shape: { rho: 0.5, entropy_shift_bits: null } }))).toBe(300);
});

test("silence is never learned: the return of what fell silent would be the anomaly", () => {
  expect(habituated_s(() => ({ phi: -0.9 }))).toBe(300);
  expect(habituated_s(() => ({ phi: -1.1 }))).toBeNull();
});

test("what spreads, and what is near its limit, is never learned", () => {
  const names = ["memory_used_fraction", "tcp_connects_per_s", "forks_execs_per_s"];
  const normal = [0.4, Math.log1p(5), Math.log1p(20)];
  const looks = (used: number, connects: number, forks: number) =>
    habituated_s(() => ({
      dimension_names: names,
      x: [used, connects, forks],
      mean: normal,
      contribution: [50, 50, 44],
    }));
  expect(looks(0.9, 12, 40)).toBe(300);
  expect(looks(0.96, 5, 20)).toBeNull();
  // Sixteen times the connections; four times both; both doubled.
  expect(looks(0.4, 100, 20)).toBeNull();
  expect(looks(0.4, 24, 84)).toBeNull();
  expect(looks(0.4, 14, 41)).toBe(300);
});

test("sixteen times nearly nothing spreads nothing", () => {
  const look = { dimension_names: ["tcp_connects_per_s"], x: [9], mean: [0], contribution: [144] };
  expect(habituated_s(() => look)).toBe(300);
});
