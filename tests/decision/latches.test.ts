import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { decide } from "../../src/decision/decide.ts";
import { step_hold } from "../../src/decision/hold.ts";
import { most_of, stands_still, would_be_missed } from "../../src/decision/liveness.ts";
import { type ContainmentState, type DecisionState, initial_state } from "../../src/decision/state.ts";
import type { Step } from "../../src/decision/step.ts";
import type { GrowthAssessment, TimeToFailure } from "../../src/model/assessment.ts";
import type { Progress } from "../../src/model/search.ts";
import { assessment, CONFIG, growth, MIB, observation, search } from "./fixtures.ts";

const S = 1e9;
const RUNS = { numRuns: 300, seed: 7 };
const whole = (min: number, max: number) => fc.integer({ min, max });
const progress = fc
  .record({
    waits_per_s: whole(0, 2000),
    cpu_share: whole(0, 40).map((n) => n / 10),
    computing: whole(0, 10).map((n) => n / 10),
    answers_per_s: fc.oneof(fc.constant(null), whole(0, 500)),
    moving: whole(0, 16),
  })
  .map(({ computing, ...each }): Progress => ({ ...each, computing_share: computing * each.cpu_share }));
const NOTHING: Progress = { waits_per_s: 0, cpu_share: 0, computing_share: 0, answers_per_s: 0, moving: 0 };
/** What they do, all of it in the same part: with less load a service does less of everything. */
const part = (of: Progress, by: number): Progress => ({
  waits_per_s: by * of.waits_per_s,
  cpu_share: by * of.cpu_share,
  computing_share: by * of.computing_share,
  answers_per_s: of.answers_per_s === null ? null : by * of.answers_per_s,
  moving: of.moving,
});

describe("whether peers stand still, whatever they did before", () => {
  test("they do not while they do as much as before, or more of everything, or at least half", () => {
    fc.assert(
      fc.property(progress, whole(50, 200), whole(1, 20), (before, percent, tenths) => {
        expect(stands_still(before, part(before, percent / 100), tenths / 10, 0.5)).toBeNull();
      }),
      RUNS,
    );
  });

  test("they do when they do nothing at all for a second, if anything could have been noticed of them", () => {
    fc.assert(
      fc.property(progress, (before) => {
        const now = before.answers_per_s === null ? { ...NOTHING, answers_per_s: null } : NOTHING;
        fc.pre(would_be_missed(before, now, 1));
        expect(stands_still(before, now, 1, 0.5)).not.toBeNull();
      }),
      RUNS,
    );
  });

  test("CPU time alone never makes up for answers or waits that are missing: a thread that spins is not alive", () => {
    const burnt = whole(0, 640).map((n) => n / 10);
    fc.assert(
      fc.property(progress, burnt, (before, cpu_share) => {
        fc.pre(Math.max(before.waits_per_s, before.answers_per_s ?? 0) > 13);
        const answers_per_s = before.answers_per_s === null ? null : 0;
        const now = { ...NOTHING, answers_per_s, cpu_share, computing_share: cpu_share };
        expect(stands_still(before, now, 1, 0.5)).not.toBeNull();
      }),
      RUNS,
    );
  });

  test("nor do waits make up for answers: a thread that sleeps and looks again is not alive", () => {
    fc.assert(
      fc.property(progress, whole(0, 100_000), (before, waits_per_s) => {
        fc.pre((before.answers_per_s ?? 0) > 13);
        expect(stands_still(before, { ...before, waits_per_s, answers_per_s: 0 }, 1, 0.5)).not.toBeNull();
      }),
      RUNS,
    );
  });

  test("it is never said of a window in which a standstill would be chance", () => {
    fc.assert(
      fc.property(progress, whole(1, 100), (any, hundredths) => {
        const window_s = hundredths / 100;
        // As slow as it must be that fewer than four of anything are expected.
        const before = part(
          { ...any, cpu_share: 0, computing_share: 0, moving: 0 },
          3.9 / window_s / Math.max(4, most_of(any)),
        );
        expect(stands_still(before, part(before, 0), window_s, 0.5)).toBeNull();
      }),
      RUNS,
    );
  });
});

const HELD: ContainmentState = {
  ...{ id: "c1", rung: "thread_hold", target: { cgroup_id: 7, path: "/a", pid: 100, tid: 102, comm: "filler" } },
  ...{ applied_ns: 0, onset_ns: 0, memory_at_onset_bytes: 300 * MIB, headroom_at_onset_bytes: 700 * MIB },
  ...{ slope_before_bytes_per_s: 50 * MIB, slope_tail_bytes_per_s: MIB, phase: "touch", phase_since_ns: 0 },
  ...{ attempts: 0, aims: false, rest_pace_per_s: null, next_probe_s: 5, memory_at_dose_bytes: 0, quiet_doses: 0 },
  ...{ quiet_since_ns: null, judged: false, high_bytes: 0 },
};

interface Moment {
  readonly beats: number;
  readonly now: Progress;
  readonly slope_mib: number;
  readonly asleep: boolean;
}
const moment = fc.record<Moment>({
  beats: whole(1, 40),
  now: progress,
  slope_mib: fc.constantFrom(0, 0, 0, 2, 50),
  asleep: fc.boolean(),
});

/** A hold through random moments of its peers, beat by beat of 50 ms; what it was at each, and what was asked. */
function held(before: Progress, moments: readonly Moment[], times: number) {
  let state: ContainmentState | null = HELD;
  let frozen = true;
  let since_s = 0;
  let memory = 300 * MIB;
  let t_s = 0;
  const seen: {
    readonly t_s: number;
    readonly state: ContainmentState;
    readonly still: boolean;
    readonly frozen: boolean;
    readonly verdicts: readonly string[];
  }[] = [];
  for (let round = 0; round < times; round++) {
    for (const { beats, now, slope_mib, asleep } of moments) {
      for (let beat = 0; beat < beats && state !== null; beat++) {
        t_s += 0.05;
        if (!frozen) memory += slope_mib * MIB * 0.05;
        const window_s = Math.min(1, t_s - since_s);
        const told = {
          ...{
            frozen,
            asleep,
            memory_bytes: memory,
            headroom_bytes: 600 * MIB,
            slope_bytes_per_s: frozen ? 0 : slope_mib * MIB,
          },
          ...{
            peers: now,
            peers_before: before,
            rest_window_s: window_s,
            rest_steps_per_s: 1,
            rest_steps_before_per_s: 1,
          },
        };
        const step: Step = step_hold(state, observation("c1", "thread_hold", told), CONFIG.hold, CONFIG.act, t_s * S);
        // Held against what is expected at this beat: a lull may just have ended.
        const expected: Progress = step.next?.peers_pace ?? before;
        const still = stands_still(expected, now, window_s, CONFIG.hold.rest_min) !== null;
        seen.push({ t_s, state, still, frozen, verdicts: step.verdicts.map(({ verdict }) => verdict) });
        for (const { setting } of step.actions) {
          if (setting.rung !== "thread_hold") continue;
          frozen = setting.frozen;
          since_s = t_s;
        }
        state = step.next;
      }
    }
  }
  return { seen, state };
}

describe("a hold through random moments of its peers", () => {
  const course = fc.tuple(progress, fc.array(moment, { minLength: 1, maxLength: 12 }));

  test("stands for no beat longer than it is seen to stand its peers still", () => {
    fc.assert(
      fc.property(course, ([before, moments]) => {
        const { seen } = held(before, moments, 3);
        for (const [k, { still, frozen, state }] of seen.entries()) {
          const next = seen[k + 1];
          if (!still || !frozen || state.phase === "pulse" || next === undefined) continue;
          expect(next.frozen).toBe(false);
        }
      }),
      RUNS,
    );
  });

  test("is called effective only at a beat at which its peers are seen to work, once", () => {
    fc.assert(
      fc.property(course, ([before, moments]) => {
        const effective = held(before, moments, 3).seen.filter(({ verdicts }) => verdicts.includes("effective"));
        expect(effective.length).toBeLessThanOrEqual(1);
        for (const { still, frozen } of effective) expect([still, frozen]).toEqual([false, true]);
      }),
      RUNS,
    );
  });

  test("remembers nothing without a bound: attempts, looks, what is expected, and for how long less is", () => {
    fc.assert(
      fc.property(course, ([before, moments]) => {
        for (const { state, t_s } of held(before, moments, 6).seen) {
          expect(state.attempts).toBeLessThanOrEqual(CONFIG.hold.attempts);
          expect(state.next_probe_s).toBeLessThanOrEqual(600);
          expect(state.quiet_doses).toBeLessThanOrEqual(6);
          const { peers_pace: pace, peers_from: from, lull } = state;
          // Looking for what does not come makes waits of no worth: only these may be expected to be more than before.
          if (pace !== undefined) {
            expect(pace.answers_per_s ?? 0).toBeLessThanOrEqual(
              Math.max(from?.answers_per_s ?? 0, before.answers_per_s ?? 0) + 1e4,
            );
            expect(Object.values(pace).every((n) => n === null || (Number.isFinite(n) && n >= 0))).toBe(true);
          }
          if (lull === undefined || lull.until_ns === null) continue;
          expect(lull.lasts_s).toBeLessThanOrEqual(600);
          expect(lull.until_ns / S - t_s).toBeLessThanOrEqual(600);
        }
      }),
      { numRuns: 100, seed: 7 },
    );
  });

  test("expects again what it once expected, half a minute after the load fell", () => {
    const before: Progress = { waits_per_s: 400, cpu_share: 0.2, computing_share: 0, answers_per_s: 100, moving: 4 };
    const idle: Moment = { beats: 1000, now: { ...part(before, 0.2), moving: 2 }, slope_mib: 50, asleep: true };
    const { seen } = held(before, [idle], 2);
    const lowered = seen.findIndex(({ state }) => (state.peers_pace?.answers_per_s ?? 100) < 50);
    const again = seen.findIndex(({ state }, k) => k > lowered && state.peers_pace?.answers_per_s === 100);
    expect(lowered).toBeGreaterThan(0);
    expect(seen[again]!.t_s - seen[lowered]!.t_s).toBeGreaterThan(29);
    expect(seen[again]!.t_s - seen[lowered]!.t_s).toBeLessThan(31);
  });
});

describe("where the node runs out, on random sets of cgroups that grow", () => {
  const of_node = (slope: number): TimeToFailure => ({
    ...{ resource: "node_memory", cgroup_id: null, headroom_bytes: 150 * MIB, slope_bytes_per_s: slope * MIB },
    ...{ acceleration_bytes_per_s2: 0, ttf_s: 150 / slope, ttf_accelerated_s: null },
  });
  const grown = (id: number, slope: number): GrowthAssessment =>
    growth(slope * MIB, 5, 150 * MIB, {
      ...{ cgroup_id: id, path: `/s${id}.slice`, age_s: 9e4, exec_age_s: null, gained_bytes: 400 * MIB },
      ttf: of_node(slope),
    });
  const slopes = fc.array(whole(2, 300), { minLength: 1, maxLength: 7 });

  test("a cgroup that is acted on carries a third of what the node loses, and a share is never more than all of it", () => {
    let acted = 0;
    fc.assert(
      fc.property(slopes, whole(20, 600), fc.boolean(), fc.boolean(), (all, node_slope, listed, kernel) => {
        const node = { ...grown(1, node_slope), path: "/" };
        const cgroups = all.map((slope, k) => grown(10 + k, slope));
        const seen = {
          ...{
            growth: [...(listed ? [node] : []), ...cgroups],
            node_ttf: of_node(node_slope),
            d_smooth: 30,
            velocity: 3,
          },
          changes: cgroups.map(({ cgroup_id, path, slope_bytes_per_s: rate }) => ({
            cgroup_id,
            path,
            rate,
            baseline_rate: 0,
            change: 9,
          })),
          kernel_memory: kernel
            ? { window_s: 1, takes: [{ use: "slab" as const, bytes_per_s: 0.6 * node_slope * MIB }] }
            : null,
        };
        let state: DecisionState = { ...initial_state(0), level: 1 };
        for (let t = 10; t < 14; t += 0.1) {
          const wanted = state.searching?.cgroup_id ?? null;
          const found = wanted === null ? null : search(0.95, { cgroup_id: wanted });
          const { decision, state: next } = decide(
            assessment({ ...seen, t_ns: t * S, search: found }),
            state,
            CONFIG,
            t * S,
          );
          state = next;
          expect(decision.culprit?.share ?? 0).toBeLessThanOrEqual(1);
          for (const { verb, target } of decision.actions) {
            if (verb !== "apply") continue;
            acted += 1;
            const own = cgroups.find(({ cgroup_id }) => cgroup_id === target.cgroup_id)!;
            expect(own.slope_bytes_per_s).toBeGreaterThanOrEqual((node_slope * MIB) / 3 - 1);
          }
        }
      }),
      { numRuns: 150, seed: 7 },
    );
    expect(acted).toBeGreaterThan(30);
  });
});
