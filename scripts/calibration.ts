/** Streams of noise whose law is known, judged by the agent's own cortex and decision: how many alarms come of it? */

import { cortex_options } from "../src/agent/cortex_options.ts";
import { decision_config } from "../src/agent/decision_config.ts";
import type { FlightRing, SpentBeat } from "../src/audit/index.ts";
import { default_config } from "../src/config/index.ts";
import { Cortex, type Extras } from "../src/cortex/cortex.ts";
import { type Desk, decide } from "../src/decision/decide.ts";
import { initial_state } from "../src/decision/state.ts";
import type { Dimension } from "../src/model/dimension.ts";
import type { Sample } from "../src/model/sample.ts";

export const NOISES = ["gaussian", "student_t4", "lognormal", "bimodal", "daily"] as const;
export type Noise = (typeof NOISES)[number];

const BEAT_S = 0.1;
const DAY_S = 86_400;
const GIB = 2 ** 30;
const MEMORY = { total_bytes: 4 * GIB, available_bytes: 2 * GIB } as const;
const NOTHING: Extras = { search: null, containments: [] };
const RESOURCES = ["cpu", "memory", "io", "network"] as const;

/** What the first beat of an episode gave as its reason. */
export type Cause = "distance" | "opinions" | "trend";

export interface Calibration {
  readonly noise: Noise;
  readonly dimensions: number;
  /** Beats judged after the warm-up, at 10 Hz of kernel time. */
  readonly beats: number;
  /** Runs of level 1 or above. */
  readonly episodes: number;
  readonly causes: Readonly<Record<Cause, number>>;
  /** Episodes the budget allows in that time. */
  readonly budget: number;
  readonly ratio: number;
  /** One standard error of the ratio, were episodes independent (Poisson): √max(1, episodes) / budget. */
  readonly ratio_error: number;
  readonly theta: readonly number[];
}

/** Seeded uniform numbers in [0, 1): mulberry32. */
export function uniform(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Seeded standard normal numbers, two for each pair of uniform ones (Box and Muller 1958). */
export function normal(seed: number): () => number {
  const next = uniform(seed);
  let spare = 0;
  let has_spare = false;
  return () => {
    has_spare = !has_spare;
    if (!has_spare) return spare;
    const radius = Math.sqrt(-2 * Math.log(1 - next()));
    const angle = 2 * Math.PI * next();
    spare = radius * Math.sin(angle);
    return radius * Math.cos(angle);
  };
}

/**
 * Fills x with one draw of the noise; the dimensions share a common part, so that they are correlated (ρ = 0.2).
 * student_t4: multivariate t of 4 degrees of freedom; lognormal: exp of a normal of σ 1; bimodal: two modes 6 σ apart in
 * every other dimension, changed at once with a chance of 1 % a beat; daily: every other dimension follows the day by 3 σ.
 */
export function noise_source(noise: Noise, seed: number): (x: Float64Array, t_s: number) => void {
  const z = normal(seed);
  const u = uniform(seed ^ 0x5bd1e995);
  let mode = 0;
  return (x, t_s) => {
    const common = z();
    const chi = noise === "student_t4" ? Math.sqrt((z() ** 2 + z() ** 2 + z() ** 2 + z() ** 2) / 4) : 1;
    if (noise === "bimodal" && u() < 0.01) mode = 6 - mode;
    const day = noise === "daily" ? 3 * Math.sin((2 * Math.PI * t_s) / DAY_S) : 0;
    for (let j = 0; j < x.length; j++) {
      const g = (z() + 0.5 * common) / Math.sqrt(1.25);
      if (noise === "lognormal") x[j] = Math.exp(g);
      else x[j] = g / chi + (j % 2 === 0 ? mode + day : 0);
    }
  };
}

function dimensions(count: number): Dimension[] {
  return Array.from({ length: count }, (_, j) => ({
    name: `d${j}`,
    unit: "1",
    resource: RESOURCES[j % RESOURCES.length]!,
    load_sign: 1,
    scale: "linear",
    resolution: 1e-3,
  }));
}

export function sample_at(sequence: number, x: Float64Array): Sample {
  const t_ns = sequence * BEAT_S * 1e9;
  return {
    t_ns,
    sequence,
    dimensions: [],
    x,
    node_memory: MEMORY,
    stall: { cpu: 0, memory: 0, io: 0 },
    cgroups: [],
    cgroups_at_ns: t_ns,
    gone: [],
    oom_kills: 0,
  };
}

function cause_of(rule: string): Cause {
  if (rule.startsWith("D̄")) return "distance";
  return rule.startsWith("the opinions") ? "opinions" : "trend";
}

export interface Judge {
  readonly cortex: Cortex;
  /** One beat; the rule by which an episode began with it, else null. */
  readonly step: (sample: Sample) => string | null;
}

/**
 * The live agent's cortex and decision, with its default configuration.
 *
 * @param ring where beats go and come back from to be written over; absent: every beat makes its own values
 * @param alone without second opinions
 */
export function live_judge(count: number, ring: FlightRing | null = null, alone = false): Judge {
  const config = default_config();
  const rules = decision_config(config, "/");
  const options = cortex_options(config);
  const cortex = new Cortex(dimensions(count), alone ? { ...options, opinions: null } : options);
  const desk: SpentBeat & Desk = { assessment: null, state: null, decision: null };
  let before = initial_state(0);
  const step = (sample: Sample): string | null => {
    desk.assessment = null;
    desk.state = null;
    desk.decision = null;
    ring?.refill(desk);
    const assessment = cortex.assess(sample, NOTHING, desk.assessment);
    const { decision, state } = decide(assessment, before, rules, sample.t_ns, desk);
    ring?.push(assessment, before, decision, decision.level > 0);
    const began = decision.level > 0 && before.level === 0 && assessment.warm;
    before = state;
    cortex.learn(decision.habituates ? 0 : decision.level);
    return began ? decision.rule : null;
  };
  return { cortex, step };
}

/** Episodes of level ≥ 1 in `beats` beats of the noise, at 10 Hz, after the default warm-up. */
export function calibrate(noise: Noise, count: number, beats: number, seed: number): Calibration {
  const config = default_config();
  const { step, cortex } = live_judge(count);
  const fill = noise_source(noise, seed);
  const x = new Float64Array(count);
  const causes = { distance: 0, opinions: 0, trend: 0 };
  // The warm-up takes a little longer than its time where samples were too odd to be learned.
  const first = Math.ceil((1.1 * config.learning.warmup_s) / BEAT_S);
  for (let k = 1; k <= first + beats; k++) {
    fill(x, k * BEAT_S);
    const rule = step(sample_at(k, x));
    if (rule !== null && k > first) causes[cause_of(rule)] += 1;
  }
  const episodes = causes.distance + causes.opinions + causes.trend;
  const budget = (beats * BEAT_S * config.thresholds.vigilance_per_hour) / 3600;
  const ratio = episodes / budget;
  const ratio_error = Math.sqrt(Math.max(1, episodes)) / budget;
  const { theta } = cortex.baseline();
  return { noise, dimensions: count, beats, episodes, causes, budget, ratio, ratio_error, theta };
}

/** The rows as a table for people. */
export function markdown(rows: readonly Calibration[]): string {
  const head =
    "| noise | n | beats | promised | episodes | by D̄ | by the opinions | by a trend | ratio | θ1 at the end |";
  const lines = rows.map(({ noise, dimensions, beats, budget, episodes, causes, ratio, ratio_error, theta }) => {
    const cells = [noise, dimensions, beats.toExponential(1), budget.toFixed(1), episodes];
    const why = [causes.distance, causes.opinions, causes.trend];
    return `| ${[...cells, ...why, `${ratio.toFixed(2)} ± ${ratio_error.toFixed(2)}`, theta[0]!.toFixed(2)].join(" | ")} |`;
  });
  return [head, "|---|---|---|---|---|---|---|---|---|---|", ...lines].join("\n");
}
