import { describe, expect, test } from "bun:test";
import { type FairShare, FIRST_SHARE, next_share } from "../../src/motor/shield/fair_share.ts";

/** One window: every source asks for so many new flows; heard sources get up to the quota. */
function window(share: FairShare, sources: readonly number[]) {
  const heard = Math.round(share.source_share * sources.length);
  const got = sources.map((asks, index) => (index < heard ? Math.min(asks, share.quota) : 0));
  const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
  return { asked: sum(sources), admitted: sum(got), got };
}

function settle(sources: readonly number[], admit_share: number, windows = 40) {
  let share = FIRST_SHARE;
  for (let i = 0; i < windows; i++) share = next_share(share, window(share, sources), admit_share);
  return { share, ...window(share, sources) };
}

describe("the fair share", () => {
  test("one flooding source loses, twenty modest ones nothing", () => {
    const { got, share } = settle([20_000, ...Array<number>(20).fill(6)], 0.1);
    expect(got.slice(1)).toEqual(Array(20).fill(6));
    expect(got[0]! / 20_000).toBeLessThan(0.15);
    expect(share.source_share).toBe(1);
  });

  test.each([0.1, 0.25, 0.5])("admits the stated share of %p, whoever asks", (admit_share) => {
    for (const sources of [[5000], [3000, 2000, 1000], Array<number>(400).fill(10), Array<number>(5000).fill(1)]) {
      const { admitted, asked } = settle(sources, admit_share);
      expect(admitted / asked).toBeGreaterThan(admit_share * 0.75);
      expect(admitted / asked).toBeLessThan(admit_share * 1.25);
    }
  });

  test("sources take turns only when one flow each is too much", () => {
    const { share } = settle(Array<number>(10_000).fill(1), 0.1);
    expect(share.quota).toBe(1);
    expect(share.source_share).toBeLessThan(0.2);
  });

  test("lets go when the flood ends", () => {
    let { share } = settle([20_000], 0.1);
    for (let i = 0; i < 20; i++) share = next_share(share, window(share, [5, 3]), 0.1);
    expect(window(share, [5, 3]).admitted).toBe(8);
  });

  test("an empty window changes nothing for the worse", () => {
    const share = next_share(FIRST_SHARE, { asked: 0, admitted: 0 }, 0.5);
    expect(share.quota).toBeGreaterThanOrEqual(FIRST_SHARE.quota);
    expect(share.source_share).toBe(1);
  });
});
