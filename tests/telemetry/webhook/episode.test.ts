import { expect, test } from "bun:test";
import fc from "fast-check";
import type { Level } from "../../../src/model/level.ts";
import { ACTED_MAX, EpisodeNotices, SETTLE_S } from "../../../src/telemetry/webhook/episode.ts";
import { outcome } from "../metrics/figures.ts";
import { beat } from "./beats.ts";

const fresh = (renew_s = Number.POSITIVE_INFINITY, min_level = 2, last_word_within_s = 0) =>
  new EpisodeNotices({ node: "node-1", dry_run: false, min_level, renew_s, last_word_within_s });

function reasons(levels: readonly Level[], told = fresh()): string[] {
  return levels.flatMap((level, at_s) => told.note(beat(level, at_s))?.reason ?? []);
}

test("a start with its action, a rise and the end are told, a stay and a dip are not", () => {
  const told = fresh();
  const held = outcome("thread_hold");
  const first = told.note(beat(2, 0, [held]));
  expect(first).toMatchObject({
    episode: "node-1/2027-01-15T08:00:00.000Z",
    status: "firing",
    reason: "begun",
    severity: "warning",
    level: 2,
    d_m: 5,
    derivative: 0.25,
    dominant_dimension: "memory_growth_bytes_per_s",
    dominant_share: 0.8,
    culprit: { path: "/leaky.service", tid: 42, comm: "leaky" },
    action: { rung: "thread_hold", status: "done" },
  });
  expect(told.note(beat(2, 1, [held]))).toBeNull();
  expect(told.note(beat(0, 2))).toBeNull();
  expect(told.note(beat(2, 3))).toBeNull();
  expect(told.note(beat(3, 4))).toMatchObject({ reason: "risen", severity: "critical", episode: first!.episode });
  expect(told.note(beat(0, 5))).toBeNull();
  expect(told.note(beat(0, 5 + SETTLE_S))).toMatchObject({
    status: "resolved",
    reason: "over",
    level: 0,
    highest_level: 3,
    severities: ["warning", "critical"],
    culprit: { path: "/leaky.service" },
  });
  expect(told.note(beat(0, 60))).toBeNull();
});

test("each new target is told once, and only so many of them", () => {
  const told = fresh();
  told.note(beat(2, 0));
  const acted = Array.from({ length: 3 * ACTED_MAX }, (_, i) => {
    const target = { cgroup_id: i % 12, path: `/pod-${i % 12}`, pid: null, tid: null, comm: null };
    return told.note(beat(2, i + 1, [outcome("cpu_weight", "done", { target })]));
  });
  expect(acted.filter((one) => one !== null).map((one) => one.reason)).toEqual(Array(ACTED_MAX).fill("acted"));
  // The other four of the twelve are counted, each once.
  expect(told.untold).toBe(4);
});

test("whoever asks for higher levels hears only of those", () => {
  expect(reasons([2, 2, 3, 4], fresh(Number.POSITIVE_INFINITY, 4))).toEqual(["begun"]);
});

test("a standing episode is renewed where that is wanted", () => {
  expect(reasons(Array(25).fill(2), fresh(10))).toEqual(["begun", "renewed", "renewed"]);
});

test("a last word is said whatever was told before", () => {
  const told = fresh();
  told.note(beat(4, 0));
  expect(told.last_word(beat(5, 1))).toMatchObject({ reason: "quarantine", severity: "emergency", highest_level: 5 });
  expect(fresh().last_word(beat(5, 1))).toMatchObject({ reason: "quarantine", status: "firing" });
});

test("level 5 is told once: by its last word, or by itself when none came in time", () => {
  const said = fresh(Number.POSITIVE_INFINITY, 2, 20);
  const held = outcome("freeze");
  expect(said.note(beat(4, 0))).toMatchObject({ reason: "begun" });
  expect(said.note(beat(5, 1, [held]))).toBeNull();
  expect(said.last_word(beat(5, 2))).toMatchObject({ reason: "quarantine", highest_level: 5 });
  for (const at_s of [3, 30, 300]) expect(said.note(beat(5, at_s, [held]))).toBeNull();

  const unsaid = fresh(Number.POSITIVE_INFINITY, 5, 20);
  expect(unsaid.note(beat(5, 0))).toBeNull();
  expect(unsaid.note(beat(5, 19))).toBeNull();
  expect(unsaid.note(beat(5, 20))).toMatchObject({ reason: "begun", level: 5 });
  expect(unsaid.note(beat(5, 21))).toBeNull();
});

test("an episode nobody was told of does not end for anybody", () => {
  const told = fresh(Number.POSITIVE_INFINITY, 5, 20);
  expect([5, 1, 1].map((level, i) => told.note(beat(level as Level, i * SETTLE_S)))).toEqual([null, null, null]);
  expect(told.note(beat(1, 3 * SETTLE_S))).toBeNull();
});

test("however the level moves, every episode has one start, one end, and tells each rise once", () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.integer({ min: 0, max: 5 }), fc.integer({ min: 1, max: 15 }))), (moves) => {
      const told = fresh();
      let at_s = 0;
      let open: string | null = null;
      let highest = 0;
      for (const [level, stay_s] of moves) {
        for (let i = 0; i < stay_s; i++) {
          const one = told.note(beat(level as Level, at_s++));
          if (one === null) continue;
          if (one.reason === "begun") {
            expect(open).toBeNull();
            expect(level).toBeGreaterThanOrEqual(2);
            open = one.episode;
          } else if (one.reason === "over") {
            expect(one.episode).toBe(open!);
            expect(level).toBeLessThan(2);
            expect(one.highest_level as number).toBe(highest);
            open = null;
            highest = 0;
          } else {
            expect(one.reason).toBe("risen");
            expect(one.episode).toBe(open!);
            expect(level).toBeGreaterThan(highest);
          }
          if (open !== null) highest = level;
        }
      }
    }),
  );
});
