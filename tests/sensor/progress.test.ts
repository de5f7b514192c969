import { expect, test } from "bun:test";
import { steps_of } from "../../src/sensor/progress.ts";

test("a thread that waits and one that computes both make steps; being preempted is none", () => {
  expect(steps_of(250, 0)).toBe(250);
  // A second of computing without a wait.
  expect(steps_of(0, 1e9)).toBe(100);
});
