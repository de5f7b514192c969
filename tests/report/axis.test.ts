import { expect, test } from "bun:test";
import fc from "fast-check";
import { spread } from "../../src/report/axis.ts";

test("labels that have room stay where they belong, and those that do not spread about their middle", () => {
  expect(spread([100, 60, 20], 13)).toEqual([100, 60, 20]);
  expect(spread([101, 100, 99], 10)).toEqual([110, 100, 90]);
  expect(spread([], 10)).toEqual([]);
});

test("however many there are, none covers the next, and their middle stays", () => {
  const heights = fc.array(fc.double({ min: 0, max: 200, noNaN: true }), { maxLength: 8 });
  fc.assert(
    fc.property(heights, (unordered) => {
      const values = [...unordered].sort((a, b) => b - a);
      const placed = spread(values, 13);
      expect(placed).toHaveLength(values.length);
      for (let i = 1; i < placed.length; i++) expect(placed[i - 1]! - placed[i]!).toBeGreaterThan(13 - 1e-9);
      const sum = (all: readonly number[]) => all.reduce((total, one) => total + one, 0);
      expect(sum(placed)).toBeCloseTo(sum(values), 6);
    }),
  );
});
