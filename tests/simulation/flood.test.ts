import { describe, expect, test } from "bun:test";
import { decide } from "../../src/decision/decide.ts";
import { initial_state } from "../../src/decision/state.ts";
import { CONFIG } from "../decision/fixtures.ts";
import { SHIELDED } from "../decision/shield.fixtures.ts";
import { type FloodCourse, type FloodRun, flood } from "./flood.ts";

const SEEDS = [1, 2, 3, 4, 5, 6];
const runs = (course: FloodCourse) => SEEDS.map((seed) => flood(course, SHIELDED, seed));

/** Every step down was one level. */
function steps_down(run: FloodRun): readonly number[] {
  return run.levels.flatMap((level, i) => (i > 0 && level < run.levels[i - 1]! ? [run.levels[i - 1]! - level] : []));
}

function expect_over(run: FloodRun): void {
  expect(run.at_end.level).toBe(0);
  expect(run.at_end.containments).toEqual([]);
  expect(steps_down(run).every((step) => step === 1)).toBe(true);
}

describe("a flood that stalls a node in waves of some tens of ms", () => {
  test("from one source is looked at, shed and seen to be answered at level 3", () => {
    for (const run of runs({ from: "one", flood_s: 20, after_s: 60 })) {
      expect(run.asked.slice(0, 2)).toEqual(["look", "shed 0.5"]);
      expect(run.look_s!).toBeLessThan(4);
      expect(run.shed_s!).toBeLessThan(6);
      expect(run.effective_s!).toBeLessThan(10);
      expect(Math.max(...run.levels)).toBe(3);
      expect(run.at_end.failures).toBe(0);
      expect_over(run);
    }
  });

  test("from sources of which a tenth is too much reaches level 4 by the decision, and comes back", () => {
    for (const run of runs({ from: "many", flood_s: 60, after_s: 90 })) {
      expect(run.asked.slice(0, 6)).toEqual(["look", "shed 0.5", "shed 0.25", "shed 0.125", "shed 0.1", "essential"]);
      expect(run.verdicts[0]).toMatch(
        /^no_effect: the harm is still there with \d+ packets\/s refused at a share of 10 %$/,
      );
      expect(run.verdicts[1]).toMatch(/^effective: .*the harm is gone$/);
      expect(run.essential_s!).toBeLessThan(25);
      expect(Math.max(...run.levels)).toBe(4);
      expect_over(run);
    }
  });

  test("that nothing keeps out is let go, because refusing others would not help", () => {
    for (const run of runs({ from: "admitted", flood_s: 40, after_s: 0 })) {
      expect(run.asked.slice(-2)).toEqual(["essential", "release"]);
      expect(run.verdicts.at(-1)).toMatch(/^no_effect: /);
      expect(run.at_end.failures).toBe(1);
      expect(Math.max(...run.levels)).toBe(4);
    }
  });

  test("and the record decides the same again, from states that went through JSON", () => {
    for (const run of runs({ from: "many", flood_s: 30, after_s: 10 }).slice(0, 3)) {
      let state = initial_state(0);
      for (const { seen, now_ns, said } of run.beats) {
        const again = decide(JSON.parse(JSON.stringify(seen)), state, SHIELDED, now_ns);
        if (!Bun.deepEquals(again, said)) expect(again).toEqual(said);
        state = JSON.parse(JSON.stringify(again.state));
      }
    }
  });
});

test("the same stalls without anybody arriving are judged as on a node that has no shield", () => {
  for (const seed of SEEDS) {
    const course = { from: "one", flood_s: 20, after_s: 20, silent: true } as const;
    const [one, other] = [flood(course, SHIELDED, seed), flood(course, CONFIG, seed)];
    expect(one.asked).toEqual([]);
    expect(one.beats.length).toBeGreaterThan(100);
    expect(Bun.deepEquals(one.beats, other.beats)).toBe(true);
  }
});
