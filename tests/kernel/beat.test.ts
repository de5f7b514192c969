import { afterAll, describe, expect, test } from "bun:test";
import { BEAT } from "../../src/ffi/generated/layout.ts";
import { monotonic_ns } from "../../src/ffi/libc.ts";
import { fresh_beat, open_or_skip } from "./support.ts";

const senses = open_or_skip("tests/kernel/beat.test.ts");
senses?.start(1e8);
afterAll(() => senses?.[Symbol.dispose]());

function intervals_ns(period_ns: number, beats: number): number[] {
  senses!.set_period(period_ns);
  fresh_beat(senses!);
  const intervals: number[] = [];
  let previous_ns = 0;
  while (intervals.length < beats) {
    senses!.poll(1000);
    senses!.drain((beat) => {
      if (previous_ns > 0) intervals.push(beat.t_ns - previous_ns);
      previous_ns = beat.t_ns;
    });
  }
  return intervals.sort((a, b) => a - b);
}

describe.skipIf(senses === null)("the beat", () => {
  test.each([
    [1e8, 8],
    [1e7, 80],
  ])("keeps a period of %d ns in its median", (period_ns, beats) => {
    const sorted = intervals_ns(period_ns, beats);
    expect(Math.abs(sorted[sorted.length >> 1]! / period_ns - 1)).toBeLessThan(0.05);
  });

  test("a new period takes effect at once, not after the old one", () => {
    senses!.set_period(6e10);
    senses!.set_period(1e7);
    expect(senses!.poll(5000)).toBeGreaterThan(0);
  });

  test("fields lie where the generated layout says", () => {
    senses!.set_period(12_345_678);
    fresh_beat(senses!);
    const from_ns = monotonic_ns();
    const beat = fresh_beat(senses!);
    expect(beat.period_ns).toBe(12_345_678);
    expect(beat.t_ns).toBeGreaterThanOrEqual(from_ns);
    expect(beat.t_ns).toBeLessThanOrEqual(monotonic_ns());
    expect(beat.syscalls.length).toBe(BEAT.syscalls_length);
    expect<number>(BEAT.size).toBe(BEAT.syscalls + 8 * BEAT.syscalls_length);
  });

  test("sequences have no holes, and every beat is handed over, when user space is late", () => {
    senses!.set_period(5e6);
    senses!.drain();
    fresh_beat(senses!);
    let expected = senses!.beat.sequence + 1;
    const until_ns = monotonic_ns() + 2e8;
    while (monotonic_ns() < until_ns) Bun.sleepSync(50);
    senses!.poll(1000);
    let handed = 0;
    senses!.drain((beat) => {
      expect(beat.sequence).toBe(expected++);
      handed++;
    });
    expect(handed).toBeGreaterThan(10);
    expect(senses!.lost_beats).toBe(0);
  });

  test("beats the full ring buffer refuses are counted; the counters lose nothing", () => {
    const before = fresh_beat(senses!);
    senses!.set_period(1e6);
    for (let wait = 0; wait < 100 && senses!.lost_beats === 0; wait++) Bun.sleepSync(50);
    senses!.set_period(1e7);
    const lost = senses!.lost_beats;
    expect(lost).toBeGreaterThan(0);
    let handed = 0;
    let last = before.sequence;
    for (let round = 0; round < 20 && last < before.sequence + 1100; round++) {
      senses!.poll(100);
      senses!.drain((beat) => {
        expect(beat.sequence).toBeGreaterThan(last);
        last = beat.sequence;
        handed++;
      });
    }
    expect(last - before.sequence).toBe(handed + senses!.lost_beats);
    expect(senses!.beat.switches).toBeGreaterThan(before.switches);
  });

  test("periods out of bounds are refused", () => {
    expect(() => senses!.set_period(1000)).toThrow("use 1 ms to 1 h");
    expect(() => senses!.set_period(Number.NaN)).toThrow("use 1 ms to 1 h");
  });
});
