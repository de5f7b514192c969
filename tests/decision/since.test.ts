import { expect, test } from "bun:test";
import fc from "fast-check";
import { CalmClock } from "../../src/cortex/calm.ts";
import type { DecisionConfig } from "../../src/decision/config.ts";
import { decide } from "../../src/decision/decide.ts";
import { average_stall } from "../../src/decision/outside_stall.ts";
import { type DecisionState, initial_state, type OutsideStall } from "../../src/decision/state.ts";
import type { Assessment } from "../../src/model/assessment.ts";
import type { Decision } from "../../src/model/decision.ts";
import { assessment, CONFIG, growth, MIB, search } from "./fixtures.ts";

/*
 * What is remembered of the beats before, on random courses in pieces, against its definition over all beats at once: "since when" is the
 * first beat of the last run in which something was so.
 */
const S = 1e9;
const BEAT_NS = S / 10;
const RUNS = { numRuns: 200, seed: 7 };
const whole = (min: number, max: number) => fc.integer({ min, max });

/** Pieces of a course: something is so for that many beats. */
function pieces<T>(value: fc.Arbitrary<T>, longest = 30): fc.Arbitrary<T[]> {
  return fc
    .array(fc.tuple(value, whole(1, longest)), { minLength: 1, maxLength: 12 })
    .map((all) => all.flatMap(([each, beats]) => Array.from({ length: beats }, () => each)));
}

/** Of each beat: when the run began in which `is` holds up to this beat; null where it does not hold. */
function runs<T>(all: readonly T[], is: (one: T) => boolean): readonly (number | null)[] {
  return all.map((one, k) => {
    if (!is(one)) return null;
    let first = k;
    while (first > 0 && is(all[first - 1]!)) first--;
    return first * BEAT_NS;
  });
}

interface Beat {
  readonly after: DecisionState;
  readonly decision: Decision;
}

function decided(course: readonly Partial<Assessment>[], config: DecisionConfig = CONFIG, level: 0 | 1 = 0): Beat[] {
  let state: DecisionState = { ...initial_state(0), level };
  return course.map((seen, k) => {
    const { decision, state: after } = decide(assessment({ t_ns: k * BEAT_NS, ...seen }), state, config, k * BEAT_NS);
    state = after;
    return { after, decision };
  });
}

test("D̄ has been rising since the first beat of the run in which it rises at the pace of a trend, and that raises level 1 after its time", () => {
  fc.assert(
    fc.property(pieces(whole(-20, 60).map((n) => n / 10)), (velocities) => {
      const pace = assessment().thresholds.theta[0] / 3 / CONFIG.trend_s;
      const wanted = runs(velocities, (velocity) => velocity > pace);
      const beats = decided(velocities.map((velocity) => ({ velocity })));
      expect(beats.map(({ after }) => after.rising_since_ns)).toEqual([...wanted]);
      for (const [k, { decision }] of beats.entries()) {
        if (decision.level === 1 && decision.previous_level === 0)
          expect(k * BEAT_NS - (wanted[k] ?? Number.POSITIVE_INFINITY)).toBeGreaterThanOrEqual(CONFIG.trend_s * S);
      }
    }),
    RUNS,
  );
});

test("level 1 is left only after its whole time without the condition that raised it, and then at once", () => {
  fc.assert(
    fc.property(pieces(whole(0, 6), 40), (distances) => {
      const beats = decided(distances.map((d_smooth) => ({ d_smooth })));
      const calm = runs(distances, (d_smooth) => d_smooth <= 3);
      const hold_ns = CONFIG.hold_s[0] * S;
      let level = 0;
      for (const [k, { decision }] of beats.entries()) {
        const since_ns = calm[k] ?? null;
        if (since_ns === null) level = 1;
        else if (k * BEAT_NS - since_ns >= hold_ns) level = 0;
        expect(decision.level).toBe(level as 0 | 1);
      }
    }),
    RUNS,
  );
});

const SUSTAINED_S = { memory: 4, io: 2, cpu: 2 } as const;
type Stalls = { readonly memory: number; readonly io: number; readonly cpu: number };
const share = fc.constantFrom(0, 0, 0.5, 0.9);
const stalls: fc.Arbitrary<Stalls> = fc.record({ memory: share, io: share, cpu: share });
const BATCH = { cgroup_id: 9, path: "/batch.slice", rate: 1, baseline_rate: 0, change: 20 };
const OWN_STALL = { cgroup_id: 9, memory: 0, io: 0, cpu: 0 };

test("others are said to stall on a resource for as long as they have stalled on this one, and not on another one before", () => {
  let told = 0;
  fc.assert(
    fc.property(pieces(stalls, 25), (course) => {
      const resources = ["memory", "io", "cpu"] as const;
      const since = Object.fromEntries(resources.map((each) => [each, runs(course, (one) => one[each] > 0)]));
      const config = { ...CONFIG, ceiling: 1 } as const;
      const beats = decided(
        course.map((stall) => ({ stall, changes: [BATCH], leader_stall: OWN_STALL })),
        config,
      );
      for (const [k, { decision }] of beats.entries()) {
        const lasted_s = (each: (typeof resources)[number]) => (k * BEAT_NS - (since[each]![k] ?? k * BEAT_NS)) / S;
        const lasting = resources.filter((each) => course[k]![each] > 0 && lasted_s(each) >= SUSTAINED_S[each]);
        expect(decision.harm.present).toBe(lasting.length > 0);
        if (lasting.length === 0) continue;
        told += 1;
        const worst = Math.max(...lasting.map((each) => course[k]![each]));
        expect(decision.harm.value).toBeCloseTo(worst, 9);
        const said = lasting.map((each) => `others have been stalled on ${each} for ${lasted_s(each).toFixed(1)} s`);
        expect(said).toContain(decision.harm.because[0]!);
      }
    }),
    RUNS,
  );
  expect(told).toBeGreaterThan(200);
});

test("what load from outside stalls is averaged over the shares seen, weighed by their age, and forgotten after a second without it", () => {
  const moment = fc.record({ outside: fc.boolean(), cpu: whole(0, 10).map((n) => n / 10) });
  fc.assert(
    fc.property(pieces(moment, 20), (course) => {
      let state: OutsideStall | null = null;
      for (const [k, { outside, cpu }] of course.entries()) {
        const stall = { cpu, memory: 0, io: 0 };
        state = average_stall(assessment({ stall }), outside, state, CONFIG, k * BEAT_NS);
        const expected = outside_cpu(course, k);
        if (expected === null) expect(state).toBeNull();
        else expect(state?.cpu).toBeCloseTo(expected, 9);
      }
    }),
    RUNS,
  );
});

/** The average of the beats with load from outside since the last pause of more than a second: e^-age after the first, which counts as nothing. */
function outside_cpu(course: readonly { readonly outside: boolean; readonly cpu: number }[], k: number): number | null {
  const seen = course.flatMap(({ outside }, i) => (outside && i <= k ? [i] : []));
  const paused = seen.findLastIndex((i, n) => n > 0 && i - seen[n - 1]! > 10);
  const kept = seen.slice(Math.max(0, paused));
  const last = kept.at(-1);
  if (last === undefined || k - last > 10) return null;
  return kept.slice(1).reduce((sum, i, n) => {
    const weight = 1 - Math.exp(-(i - kept[n]!) / 10);
    return sum + weight * Math.exp(-(last - i) / 10) * course[i]!.cpu;
  }, 0);
}

test("an excuse is believed while it is seen and for a second after, and for no longer", () => {
  const kinds = {
    window_s: 1,
    anon_bytes_per_s: 0,
    shmem_bytes_per_s: 0,
    kernel_bytes_per_s: 0,
    mapped_bytes_per_s: 0,
  };
  let acted = 0;
  fc.assert(
    fc.property(pieces(fc.boolean(), 25), (course) => {
      const slope = 10 * MIB;
      const seen = course.map((is_cache) => ({
        growth: [growth(slope, 5, 300 * MIB)],
        search: search(0.95, {
          kinds: is_cache
            ? { ...kinds, cache_bytes_per_s: slope }
            : { ...kinds, anon_bytes_per_s: slope, cache_bytes_per_s: 0 },
        }),
      }));
      let last: number | null = null;
      for (const [k, { decision }] of decided(seen, { ...CONFIG, ceiling: 1 }).entries()) {
        if (course[k]!) last = k;
        const believed = last !== null && (k - last) * BEAT_NS < S;
        acted += believed ? 0 : 1;
        expect(decision.harm.present).toBe(!believed);
      }
    }),
    RUNS,
  );
  expect(acted).toBeGreaterThan(100);
});

test("a plateau is learned only where no span of its whole time lies above an earlier one by more than an eighth of θ1", () => {
  const config = { ...CONFIG, habituate: { ...CONFIG.habituate, after_s: 150 } };
  let learned = 0;
  fc.assert(
    fc.property(
      pieces(
        whole(32, 48).map((n) => n / 10),
        60,
      ),
      (course) => {
        let state: DecisionState = { ...initial_state(0), level: 1 };
        for (const [t_s, d_smooth] of course.entries()) {
          const step = decide(assessment({ t_ns: t_s * S, d_smooth }), state, config, t_s * S);
          state = step.state;
          if (!step.decision.habituates) continue;
          learned += 1;
          const from_s = state.plateau!.since_ns / S;
          expect(t_s - from_s).toBeGreaterThanOrEqual(150);
          const means = spans(course.slice(from_s, t_s + 1));
          for (const [n, mean] of means.entries())
            expect(mean - Math.min(...means.slice(0, n + 1))).toBeLessThanOrEqual(3 / 8 + 1e-9);
        }
      },
    ),
    RUNS,
  );
  expect(learned).toBeGreaterThan(50);
});

/** The means of whole spans: the first has both its ends, each later one begins after the last. */
function spans(course: readonly number[]): number[] {
  const ends = Array.from({ length: Math.floor((course.length - 1) / 30) }, (_, n) => 30 * (n + 1));
  return ends.map((end, n) => {
    const span = course.slice(n === 0 ? 0 : end - 29, end + 1);
    return span.reduce((sum, each) => sum + each, 0) / span.length;
  });
}

test("a calm block is two seconds of a run without a disturbance", () => {
  fc.assert(
    fc.property(pieces(fc.boolean(), 80), (course) => {
      const clock = new CalmClock();
      const since = runs(course, (calm) => calm);
      let blocks = 0;
      for (const [k, calm] of course.entries()) {
        const told = clock.advance(k * BEAT_NS, calm);
        const lasted = (k * BEAT_NS - (since[k] ?? k * BEAT_NS)) / BEAT_NS;
        const closes = calm && lasted > 0 && lasted % 20 === 0;
        blocks += closes ? 1 : 0;
        expect(told).toBe(!calm ? "discard" : closes ? "close" : "wait");
        expect(clock.blocks).toBe(blocks);
      }
    }),
    RUNS,
  );
});
