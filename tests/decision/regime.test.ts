import { expect, test } from "bun:test";
import { decide } from "../../src/decision/decide.ts";
import { regime } from "../../src/decision/regime.ts";
import { initial_state } from "../../src/decision/state.ts";
import type { Assessment } from "../../src/model/assessment.ts";
import type { Level } from "../../src/model/level.ts";
import { assessment, CONFIG, growth, MIB, search } from "./fixtures.ts";

/** The regime of one beat at which the node already stands at a level. */
function told(look: Partial<Assessment>, level: Level = 0) {
  const seen = assessment(look);
  const { decision } = decide(seen, { ...initial_state(0), level }, CONFIG, 10e9);
  return regime(seen, decision, CONFIG.habituate);
}

const BUSY = ["cpu_busy_fraction"];

/** Forks per second, and its normal; a part of D² that is about them. */
function forking(rate_per_s: number, normal_per_s: number, part = 0.5) {
  return {
    dimension_names: ["forks_execs_per_s", "block_latency_ms"],
    x: [rate_per_s, 20],
    mean: [Math.log1p(normal_per_s), 0],
    contribution: [16 * part, 16 * (1 - part)],
    d: 4,
  };
}

test.each([
  [0, "homeostasis", {}],
  [-1, "legitimate idleness", { phi: -0.7 }],
  [-2, "structural idleness", { dimension_names: BUSY, x: [0.01], mean: [0.015], contribution: [1] }],
  [1, "plateau shift", { d_smooth: 4 }],
  [-3, "anomalous silence", { d_smooth: 4, phi: -1.4, velocity: 0.5 }],
  [3, "adversarial", { d_smooth: 4, velocity: 0.5, shape: { rho: 3, entropy_shift_bits: 0.1 } }],
  [4, "local failure", { d_smooth: 4, velocity: 1.2 }],
  [4, "local failure", { d_smooth: 12, velocity: 0.4, growth: [growth(50 * MIB, 0.5, 800 * MIB)], search: search() }],
  [5, "propagation", { ...forking(900, 20), d_smooth: 4, velocity: 0.5 }],
] as const)("%i %s", (number, name, look) => {
  expect(told(look, "d_smooth" in look ? 1 : 0)).toMatchObject({ number, name, also: [] });
});

test("where several fit, the most severe is told and the others are named", () => {
  const both = told({ d_smooth: 4, phi: -1.4, shape: { rho: 3, entropy_shift_bits: null } }, 1);
  expect(both).toMatchObject({ number: 3, also: [-3, 1] });
});

test("nothing is said of a node that is not known yet", () => {
  const forks = { dimension_names: ["forks_execs_per_s"], x: [900], mean: [0], contribution: [1] };
  const cold = told({ warm: false, d_smooth: 30, phi: -3, ...forks });
  expect(cold).toMatchObject({ number: 0, because: "not known yet" });
});

test("at level 0 there is no regime but that of a node at home, however much forks, rests or moves", () => {
  expect(told(forking(900, 20))).toMatchObject({ number: 0 });
  expect(told({ d_smooth: 2.5, shape: { rho: 30, entropy_shift_bits: 3 } })).toMatchObject({ number: 0 });
});

test("a disk that is written to while a script runs beside does not spread; a storm does, and so does what is about connections", () => {
  expect(told({ ...forking(35, 0, 0.01), d_smooth: 4 }, 1).number).not.toBe(5);
  expect(told({ ...forking(120, 0, 0.01), d_smooth: 4 }, 1).number).not.toBe(5);
  expect(told({ ...forking(5000, 0, 0.01), d_smooth: 4 }, 1)).toMatchObject({ number: 5 });
  const connecting = { ...forking(80, 0), dimension_names: ["tcp_connects_per_s", "block_latency_ms"] };
  expect(told({ ...connecting, d_smooth: 4 }, 1)).toMatchObject({ number: 5 });
});
