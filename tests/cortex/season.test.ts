import { expect, test } from "bun:test";
import fc from "fast-check";
import { find_season, type Season } from "../../src/cortex/opinions/season.ts";
import { Charged } from "./charged.ts";
import { normal } from "./fixtures.ts";
import { whole_season } from "./whole_season.ts";

const LEAST_CORRELATION = 0.25;

interface Node {
  readonly seed: number;
  readonly count: number;
  readonly n: number;
  readonly period: number | null;
  readonly amplitude: number;
}

/** Noise, every other dimension with a day and now and then a spike; the last of several is constant. */
function rows_of({ seed, count, n, period, amplitude }: Node): Float64Array {
  const noise = normal(seed);
  return Float64Array.from({ length: count * n }, (_, at) => {
    const [row, j] = [Math.floor(at / n), at % n];
    if (n > 2 && j === n - 1) return 3;
    const day = period === null || j % 2 === 1 ? 0 : amplitude * Math.sin((2 * Math.PI * row) / period + j);
    return day + noise() + (row % 97 === 0 ? 20 * noise() : 0);
  });
}

const nodes = fc.record({
  seed: fc.integer({ min: 1, max: 1e6 }),
  count: fc.constantFrom(36, 200, 501, 2049, 4100),
  n: fc.integer({ min: 1, max: 4 }),
  period: fc.option(fc.integer({ min: 12, max: 120 })),
  amplitude: fc.double({ min: 0.5, max: 4, noNaN: true }),
});

function in_pieces(node: Node, allowed: number): { readonly season: Season | null; readonly work: Charged } {
  const work = new Charged();
  const search = find_season(rows_of(node), node.count, node.n, LEAST_CORRELATION, work);
  for (;;) {
    work.renew(allowed);
    const { done, value } = search.next();
    if (done === true) return { season: value, work };
  }
}

test("the season sought in pieces is that of the whole search, and no call costs more than it may", () => {
  let found = 0;
  let none = 0;
  const property = fc.property(nodes, fc.integer({ min: 1, max: 300_000 }), (node, allowed) => {
    const { season, work } = in_pieces(node, allowed);
    const whole = whole_season(rows_of(node), node.count, node.n, LEAST_CORRELATION);
    expect(season).toEqual(whole.season);
    expect(in_pieces(node, Number.POSITIVE_INFINITY).season).toEqual(season);
    expect(Math.max(...work.calls)).toBeLessThanOrEqual(Math.max(allowed, work.largest_piece));
    expect(work.largest_piece).toBeLessThanOrEqual(6 * node.count);
    expect(work.calls.reduce((sum, cost) => sum + cost, 0)).toBeGreaterThanOrEqual(whole.products);
    if (season === null) none += 1;
    else found += 1;
  });
  fc.assert(property, { numRuns: 60, seed: 1 });
  expect(Math.min(found, none)).toBeGreaterThan(10);
});

test("a long history tells of a day, and who follows it", () => {
  const node: Node = { seed: 4, count: 9600, n: 3, period: 1441, amplitude: 4 };
  const { season } = in_pieces(node, 100_000);
  expect(season).toEqual(whole_season(rows_of(node), node.count, node.n, LEAST_CORRELATION).season);
  expect(Math.abs(season!.period_rows / 1441 - 1)).toBeLessThan(0.05);
  expect(Array.from(season!.follows)).toEqual([1, 0, 0]);
});
