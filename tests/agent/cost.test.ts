import { expect, test } from "bun:test";
import fc from "fast-check";
import { BeatCost } from "../../src/agent/cost.ts";

test("a histogram counts what was at most each edge", () => {
  fc.assert(
    fc.property(fc.array(fc.nat(6000)), (costs_us) => {
      const cost = new BeatCost();
      for (const us of costs_us) cost.add(us + 0.5);
      const { buckets, count, sum } = cost.histogram([100, 1000, 4000]);
      expect(count).toBe(costs_us.length);
      expect(sum).toBeCloseTo(costs_us.reduce((total, us) => total + us + 0.5, 0) / 1e6, 9);
      const below = (edge: number) => costs_us.filter((us) => us + 0.5 <= edge).length;
      expect(buckets).toEqual([100, 1000, 4000].map((edge) => ({ at_most: edge / 1e6, count: below(edge) })));
    }),
  );
});
