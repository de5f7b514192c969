import { describe, expect, test } from "bun:test";
import { COURSES } from "../simulation/courses.ts";
import { type Course, type Teaching, watch } from "../simulation/watched.ts";

const LONG_MS = 180_000;
const OLD_H = 3;
const run = (teaching: Teaching, course: Course, hours: number) =>
  watch(teaching, COURSES.after(OLD_H, course), OLD_H + hours, 5, OLD_H);

describe("drift against a self three hours old", () => {
  test(
    "a benign tide is an alarm for a frozen detector, none for one that learns what is normal",
    () => {
      const frozen = run("frozen", COURSES.tide(6, 12), 6);
      const gated = run("gated", COURSES.tide(6, 12), 6);
      expect(frozen.alarm_s).toBeGreaterThan(3600);
      expect(gated.alarm_s).toBeLessThan(0.01 * frozen.alarm_s);
    },
    LONG_MS,
  );

  test(
    "a step that stays is learned away at once by a detector that learns everything, never by the gate alone",
    () => {
      const free = run("free", COURSES.step(8, 60), 1.5);
      expect(free.silent_at_end).toBe(true);
      expect(free.alarm_s).toBeLessThan(600);
      const gated = run("gated", COURSES.step(8, 60), 1.5);
      expect(gated.alarm_s).toBeGreaterThan(0.98 * (1.5 * 3600 - 60));
      expect(Math.abs(gated.mean.at(-1)!)).toBeLessThan(0.1);
    },
    LONG_MS,
  );

  test(
    "HOSA takes it for a new plateau once it has been calm for half an hour, and not before",
    () => {
      const half = run("hosa", COURSES.step(8, 60), 0.5);
      expect(half.alarm_s).toBeGreaterThan(0.95 * (1800 - 60));
      expect(Math.abs(half.mean.at(-1) ?? 0)).toBeLessThan(0.1);
      const later = run("hosa", COURSES.step(8, 60), 3);
      expect(later.silent_at_end).toBe(true);
      expect(later.mean.at(-1)!).toBeGreaterThan(1);
      // What the plateau was away from the old normal is not what the new one scatters by.
      expect(later.theta1).toBeLessThan(1.2 * half.theta1);
    },
    LONG_MS,
  );

  test(
    "a walk of one standard deviation a minute is seen and not followed",
    () => {
      const seen = run("hosa", COURSES.walk(1), 0.5);
      expect(seen.seen_s).toBeLessThan(600);
      expect(seen.silent_at_end).toBe(false);
      expect(Math.abs(seen.mean.at(-1)!)).toBeLessThan(1);
    },
    LONG_MS,
  );

  test(
    "a walk of a tenth of that is followed like a tide: what it exhausts must be seen by other witnesses",
    () => {
      const followed = run("gated", COURSES.walk(0.1), 2);
      // One short false alarm an hour is the promise.
      expect(followed.alarm_s).toBeLessThan(10);
      expect(followed.mean.at(-1)!).toBeGreaterThan(3);
    },
    LONG_MS,
  );
});
