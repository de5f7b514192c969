import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { BlockTail } from "../../src/cortex/block_tail.ts";
import { GrowthEntry } from "../../src/cortex/growth_entry.ts";
import { RateBaseline } from "../../src/cortex/rate_baseline.ts";
import { StallTails } from "../../src/cortex/stall.ts";
import { cgroup_sample, MIB, uniform } from "./fixtures.ts";

/** One piece of a course of memory: a step at its beginning, then a slope, with or without teeth of a saw on top. */
interface Piece {
  readonly seconds: number;
  readonly slope_mib: number;
  readonly step_mib: number;
  readonly teeth_mib: number;
}

interface Course {
  readonly pieces: readonly Piece[];
  readonly beat_s: number;
  readonly jitter: number;
  readonly lost: number;
  readonly seed: number;
}

/** Tenths, for numbers that are chosen from all doubles are nearly all next to nothing. */
const tenths = (min: number, max: number) => fc.integer({ min: min * 10, max: max * 10 }).map((n) => n / 10);
const piece = fc.record<Piece>({
  seconds: tenths(0.2, 6),
  slope_mib: fc.oneof(fc.constant(0), tenths(-60, 0), { weight: 3, arbitrary: tenths(0, 300) }),
  step_mib: fc.oneof({ weight: 4, arbitrary: fc.constant(0) }, tenths(-60, 60)),
  teeth_mib: fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, tenths(0.5, 20)),
});
const course = fc.record<Course>({
  pieces: fc.array(piece, { minLength: 2, maxLength: 7 }),
  beat_s: fc.constantFrom(0.1, 0.02),
  jitter: tenths(0, 0.4),
  lost: fc.constantFrom(0, 0, 0.1),
  seed: fc.integer({ min: 1, max: 1e6 }),
});
const smooth = course.map((each) => ({
  ...each,
  jitter: 0,
  lost: 0,
  pieces: each.pieces.map((one) => ({ ...one, teeth_mib: 0, step_mib: 0 })),
}));

const BEGIN_S = 5;
const TOOTH_S = 0.04;
const START_MIB = 2000;

/** Memory at a time, and which piece that is of and since when. */
function at(pieces: readonly Piece[], t_s: number): { mib: number; slope_mib: number; since_s: number } {
  let mib = START_MIB;
  let from_s = BEGIN_S;
  for (const [k, { seconds, slope_mib, step_mib, teeth_mib }] of pieces.entries()) {
    const inside_s = t_s - from_s;
    if (inside_s < 0) break;
    if (inside_s < seconds || k === pieces.length - 1) {
      const tooth = (inside_s % TOOTH_S) / TOOTH_S;
      return { mib: mib + step_mib + slope_mib * inside_s + teeth_mib * tooth, slope_mib, since_s: inside_s };
    }
    mib += step_mib + slope_mib * seconds;
    from_s += seconds;
  }
  return { mib, slope_mib: 0, since_s: t_s };
}

interface Beat {
  readonly t_s: number;
  readonly bytes: number;
  readonly slope: number;
  readonly acceleration: number;
  readonly sustained_s: number;
  readonly gained: number;
  readonly falling: boolean;
  /** Slope of the piece the beat lies in, and for how long it has lasted. */
  readonly true_mib: number;
  readonly since_s: number;
}

/** What is said of a course at each beat. */
function followed({ pieces, beat_s, jitter, lost, seed }: Course): Beat[] {
  const random = uniform(seed);
  const entry = new GrowthEntry(42, "/a", 3600);
  const end_s = BEGIN_S + pieces.reduce((sum, { seconds }) => sum + seconds, 0) + 2;
  const beats: Beat[] = [];
  let before_ns = Number.NEGATIVE_INFINITY;
  for (let k = 1; k * beat_s < end_s; k++) {
    const t_s = (k + jitter * (random() - 0.5)) * beat_s;
    if (random() < lost) continue;
    const t_ns = Math.round(t_s * 1e9);
    const { mib, slope_mib, since_s } = at(pieces, t_ns / 1e9);
    const bytes = mib * MIB;
    entry.take(cgroup_sample(t_ns, bytes, { memory_headroom_bytes: 1e15 }), bytes, before_ns);
    entry.tick(t_ns, 1e15, 1e15);
    before_ns = t_ns;
    const { slope_bytes_per_s: slope, sustained_s, gained_bytes: gained, falling } = entry.assessment(t_ns, 1e15, 1e15);
    const acceleration = entry.acceleration_bytes_per_s2;
    beats.push({
      t_s: t_ns / 1e9,
      bytes,
      slope,
      acceleration,
      sustained_s,
      gained,
      falling,
      true_mib: slope_mib,
      since_s,
    });
  }
  return beats;
}

const RUNS = { numRuns: 150, seed: 7 };
const LONG_MS = 60_000;

/**
 * For each beat the first one of the growth it belongs to. A growth is over at a beat at which, and in the fifth of a second before which, none was
 * beyond the tail; what comes after that is another one.
 */
function onsets(beats: readonly Beat[]): (Beat | null)[] {
  const is_over = beats.map(
    ({ t_s }, k) => !beats.some((one, j) => j <= k && one.sustained_s > 0 && t_s - one.t_s <= 0.2 + 1e-9),
  );
  return beats.map((_, k) => {
    const last = is_over.lastIndexOf(true, k);
    return beats.slice(last + 1, k + 1).find(({ sustained_s }) => sustained_s > 0) ?? null;
  });
}

test("random courses grow, dip and fall: what is said of them below is said of something", () => {
  const beats = fc.sample(course, { numRuns: 60, seed: 7 }).flatMap(followed);
  const part = (of: (beat: Beat) => boolean) => beats.filter(of).length / beats.length;
  expect(part(({ sustained_s }) => sustained_s > 0)).toBeGreaterThan(0.2);
  expect(part(({ falling }) => falling)).toBeGreaterThan(0.02);
  expect(part(({ acceleration }) => acceleration !== 0)).toBeGreaterThan(0.02);
});

describe("a growth that is followed through random courses (against what its words mean)", () => {
  test(
    "has lasted since its first beat beyond the tail, and the third of a second that one looks back on, over dips of a fifth of a second",
    () => {
      fc.assert(
        fc.property(course, (each) => {
          const beats = followed(each);
          for (const [k, onset] of onsets(beats).entries()) {
            const { sustained_s, t_s } = beats[k]!;
            if (sustained_s === 0) continue;
            expect(sustained_s).toBeCloseTo(t_s - onset!.t_s + 0.35, 6);
          }
        }),
        RUNS,
      );
    },
    LONG_MS,
  );

  test(
    "has gained what memory has risen by since then, and nothing where there is none",
    () => {
      fc.assert(
        fc.property(course, (each) => {
          const beats = followed(each);
          for (const [k, onset] of onsets(beats).entries()) {
            const { gained, bytes } = beats[k]!;
            if (onset === null) expect(gained).toBe(0);
            else expect(Math.abs(gained - Math.max(0, bytes - onset.bytes + 0.35 * onset.slope))).toBeLessThan(64);
          }
        }),
        RUNS,
      );
    },
    LONG_MS,
  );

  test(
    "is as steep as the piece it is on, once that has lasted for 0.75 s of beats that all came",
    () => {
      fc.assert(
        fc.property(smooth, (each) => {
          for (const { slope, true_mib, since_s } of followed(each)) {
            if (since_s < 0.75 || true_mib < 1.5) continue;
            expect(Math.abs(slope / MIB - true_mib)).toBeLessThan(1e-6 * true_mib + 1e-3);
          }
        }),
        RUNS,
      );
    },
    LONG_MS,
  );

  test(
    "falls when it is below half of the steepest of the last second, or lost a tenth in each of the last two: as quarters of a second see it",
    () => {
      fc.assert(
        fc.property(course, (each) => {
          const beats = followed(each);
          const since = onsets(beats);
          const quarter = (t_s: number) => Math.floor(Math.round(t_s * 1e9) / 250e6);
          for (const [k, onset] of since.entries()) {
            const now = beats[k]!;
            if (onset === null) {
              expect(now.falling).toBe(false);
              continue;
            }
            const of_growth = beats
              .slice(0, k + 1)
              .filter(({ t_s, sustained_s }) => t_s >= onset.t_s && sustained_s > 0);
            const highest = (from: number, to: number) =>
              Math.max(
                0,
                ...of_growth
                  .filter(({ t_s }) => quarter(now.t_s) - quarter(t_s) >= from && quarter(now.t_s) - quarter(t_s) <= to)
                  .map(({ slope }) => slope),
              );
            const present = Math.max(now.slope, highest(0, 1));
            const halved = now.slope < 0.5 * Math.max(now.slope, highest(0, 3));
            const fading = present < 0.9 * highest(4, 5) && highest(4, 5) < 0.9 * highest(8, 9);
            const still = now.slope < 0.975 * highest(2, 2);
            expect(now.falling).toBe(halved || (fading && still));
          }
        }),
        RUNS,
      );
    },
    LONG_MS,
  );

  test(
    "falls no longer than a second after its slope stands still, however high it was",
    () => {
      fc.assert(
        fc.property(smooth, (each) => {
          for (const { falling, true_mib, since_s } of followed(each))
            if (since_s > 0.75 + 1 && true_mib > 1.5) expect(falling).toBe(false);
        }),
        RUNS,
      );
    },
    LONG_MS,
  );

  test(
    "speeds up by the change of its slope since a moment 0.2 to 0.5 s ago, and not at all while that is noise",
    () => {
      fc.assert(
        fc.property(smooth, (each) => {
          const beats = followed(each);
          for (const [k, now] of beats.entries()) {
            if (now.acceleration === 0) continue;
            const found = beats.slice(0, k).some(({ t_s, slope }) => {
              const since_s = now.t_s - t_s;
              // A growth that is only seen over whole seconds has no slope of the moment.
              return [slope, 0].some((before) => {
                const change = now.slope - before;
                const fits = Math.abs(now.acceleration - change / since_s) < 1e-6 * Math.abs(now.acceleration) + 1;
                return since_s > 0.19 && since_s < 0.51 && fits && Math.abs(change) > 0.25 * now.slope;
              });
            });
            expect(found).toBe(true);
          }
          for (const { acceleration, since_s, true_mib } of beats)
            if (since_s > 1.3 && true_mib > 1.5) expect(acceleration).toBe(0);
        }),
        RUNS,
      );
    },
    LONG_MS,
  );
});

test("150 MiB/s for a second and a half, then 50 MiB/s on and on: falling while it falls, and not from then on", () => {
  const pieces = [
    { seconds: 1.5, slope_mib: 150, step_mib: 0, teeth_mib: 0 },
    { seconds: 40, slope_mib: 50, step_mib: 0, teeth_mib: 0 },
  ];
  const beats = followed({ pieces, beat_s: 0.1, jitter: 0, lost: 0, seed: 1 });
  const falling = beats.filter((beat) => beat.falling).map(({ t_s }) => t_s - BEGIN_S);
  expect(falling.length).toBeGreaterThan(3);
  expect(Math.min(...falling)).toBeLessThan(2.1);
  expect(Math.max(...falling)).toBeLessThan(2.9);
});

test("a growth that fades slowly falls until it has faded", () => {
  // 160 MiB/s that lose a fifth each second, in pieces of a tenth of one.
  const pieces = Array.from({ length: 80 }, (_, k) => ({
    seconds: 0.1,
    slope_mib: 160 * 0.8 ** (k / 10),
    step_mib: 0,
    teeth_mib: 0,
  }));
  const beats = followed({ pieces, beat_s: 0.1, jitter: 0, lost: 0, seed: 1 });
  const fading = beats.filter(({ t_s }) => t_s > BEGIN_S + 3.5 && t_s < BEGIN_S + 7.5);
  expect(fading.every(({ falling }) => falling)).toBe(true);
});

describe("what is learned of a rate or a burst is forgotten (against all that was seen)", () => {
  const values = fc.array(fc.double({ min: 0, max: 1000, noNaN: true }), { minLength: 16, maxLength: 120 });
  const half_life = fc.constantFrom(20, 200, 3600);

  test("a tail is the mean and four deviations of the maxima of its blocks, or twice the highest, each weighed by its age", () => {
    fc.assert(
      fc.property(values, half_life, (maxima, half_life_s) => {
        const tail = new BlockTail(half_life_s);
        for (const value of maxima) {
          tail.observe(value / 2);
          tail.observe(value);
          tail.close();
        }
        // The latest block still waits.
        const learned = maxima.slice(0, -1);
        const weights = learned.map((_, k) => 2 ** ((-2 * (learned.length - 1 - k)) / half_life_s));
        const total = weights.reduce((sum, w) => sum + w, 0);
        const mean = learned.reduce((sum, v, k) => sum + weights[k]! * v, 0) / total;
        const variance = learned.reduce((sum, v, k) => sum + weights[k]! * (v - mean) ** 2, 0) / total;
        const peak = Math.max(...learned.map((v, k) => weights[k]! * v));
        const expected = learned.length < 15 ? null : Math.max(1, mean + 4 * Math.sqrt(variance), 2 * peak);
        const found = tail.get(1);
        if (expected === null) expect(found).toBeNull();
        else expect(Math.abs(found! / expected - 1)).toBeLessThan(1e-6);
      }),
      { numRuns: 200, seed: 7 },
    );
  });

  test("the mean and the spread of a rate are those of all calm blocks but the latest, weighed by their age", () => {
    const blocks = fc.array(
      fc.array(fc.tuple(fc.double({ min: 0, max: 50, noNaN: true }), fc.double({ min: 0.01, max: 0.5, noNaN: true })), {
        minLength: 1,
        maxLength: 6,
      }),
      { minLength: 3, maxLength: 60 },
    );
    fc.assert(
      fc.property(blocks, half_life, (all, half_life_s) => {
        const baseline = new RateBaseline(half_life_s, 1e-9);
        for (const block of all) {
          for (const [rate, dt_s] of block) {
            baseline.rate = rate;
            baseline.observe(dt_s);
          }
          baseline.close();
        }
        const learned = all.slice(0, -1);
        const seen = learned.flatMap((block, k) =>
          block.map(([rate, dt_s]) => ({ rate, weight: dt_s * 2 ** ((-2 * (learned.length - 1 - k)) / half_life_s) })),
        );
        const total = seen.reduce((sum, { weight }) => sum + weight, 0);
        const mean = seen.reduce((sum, { rate, weight }) => sum + rate * weight, 0) / total;
        const square = seen.reduce((sum, { rate, weight }) => sum + rate * rate * weight, 0) / total;
        expect(Math.abs(baseline.mean - mean)).toBeLessThan(1e-9 * (1 + mean));
        baseline.rate = mean + 100;
        const deviation = Math.max(Math.sqrt(Math.max(0, square - mean * mean)), 1e-9, 0.1 * mean);
        expect(Math.abs(baseline.change / (100 / deviation) - 1)).toBeLessThan(1e-3);
      }),
      { numRuns: 200, seed: 7 },
    );
  });

  test("no burst, however bad and however often, makes a node on which nothing moves look normal", () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 40, maxLength: 80 }), (shares) => {
        const tails = new StallTails(3600);
        for (const share of shares) {
          tails.update({ cpu: share, memory: 0, io: null });
          tails.learn("close");
        }
        const tail = tails.get().cpu!;
        expect(tail).toBeLessThanOrEqual(0.9);
        // A stall that takes up half of what the worst one seen left is news as well.
        expect(tail).toBeLessThanOrEqual((1 + Math.max(...shares)) / 2);
      }),
      { numRuns: 100, seed: 7 },
    );
  });
});

test("a growth that was seen before is news again when it would use up what is left in seconds", () => {
  const grown = (headroom_mib: number) => {
    const entry = new GrowthEntry(42, "/a", 3600, {
      id: 42,
      path: "/a",
      fast: [60, 50, 10, 10, 200 * MIB],
      slow: [60, 50, 10, 10, 200 * MIB],
    });
    for (let k = 1; k <= 60; k++) {
      const bytes = (100 + 10 * k) * MIB;
      const left = (headroom_mib - 10 * k) * MIB;
      entry.take(cgroup_sample(k * 1e8, bytes, { memory_headroom_bytes: left }), bytes, (k - 1) * 1e8);
      entry.tick(k * 1e8, 1e15, 1e15);
    }
    return entry.assessment(6e9, 1e15, 1e15);
  };
  // 100 MiB/s, and twice 200 was normal.
  expect(grown(5000)).toMatchObject({ sustained_s: 0, gained_bytes: 0 });
  const last = grown(900);
  expect(last.sustained_s).toBeGreaterThan(1);
  expect(last.slope_tail_bytes_per_s).toBe(400 * MIB);
  expect(last.ttf.ttf_s!).toBeCloseTo(3, 1);
});
