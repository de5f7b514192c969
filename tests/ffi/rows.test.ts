import { describe, expect, test } from "bun:test";
import { BeatQueue, empty_beat } from "../../src/ffi/beat.ts";
import { BEAT, CGROUP_ROW } from "../../src/ffi/generated/layout.ts";
import { set_u64, text_of, u64_of } from "../../src/ffi/memory.ts";
import { CgroupRows } from "../../src/ffi/rows.ts";

describe("u64 as numbers", () => {
  test.each([0, 1, 2 ** 32 - 1, 2 ** 32, 2 ** 53 - 1])("%d survives", (value) => {
    const view = new DataView(new ArrayBuffer(8));
    set_u64(view, 0, value);
    expect(u64_of(view, 0)).toBe(value);
    expect(view.getBigUint64(0, true)).toBe(BigInt(value));
  });
});

test("text ends at NUL or at the end of its field", () => {
  const bytes = new TextEncoder().encode("ab\0cdef");
  expect(text_of(bytes, 0, 4)).toBe("ab");
  expect(text_of(bytes, 3, 3)).toBe("cde");
});

test("~0 is null, and an index beyond the rows is refused", () => {
  const buffer = new ArrayBuffer(2 * CGROUP_ROW.size);
  const view = new DataView(buffer);
  view.setBigUint64(CGROUP_ROW.size + CGROUP_ROW.memory_max, 2n ** 64n - 1n, true);
  set_u64(view, CGROUP_ROW.size + CGROUP_ROW.memory_bytes, 4096);
  const rows = new CgroupRows();
  rows.point_at(buffer, 2);
  expect(rows.memory_max(1)).toBeNull();
  expect(rows.memory_bytes(1)).toBe(4096);
  expect(rows.memory_max(0)).toBe(0);
  expect(() => rows.id(2)).toThrow("row 2 of 2");
  expect(() => rows.id(-1)).toThrow(RangeError);
});

describe("the queue of beats", () => {
  const record = new BigUint64Array(BEAT.size / 8);
  function push(queue: BeatQueue, sequence: number): void {
    record.fill(0n);
    record[BEAT.sequence / 8] = BigInt(sequence);
    record[record.length - 1] = BigInt(sequence * 2);
    queue.push(new DataView(record.buffer), 0);
  }

  test("hands over in order, the latest is visible before", () => {
    const queue = new BeatQueue(4);
    const beat = empty_beat();
    expect(queue.latest(beat)).toBe(false);
    expect(queue.shift(beat)).toBe(false);
    for (let sequence = 1; sequence <= 3; sequence++) push(queue, sequence);
    expect(queue.latest(beat)).toBe(true);
    expect(beat.sequence).toBe(3);
    const seen: number[] = [];
    while (queue.shift(beat)) seen.push(beat.sequence, beat.syscalls.at(-1)!);
    expect(seen).toEqual([1, 2, 2, 4, 3, 6]);
  });

  test("when nobody drains, the oldest goes and is counted", () => {
    const queue = new BeatQueue(4);
    const beat = empty_beat();
    for (let sequence = 1; sequence <= 10; sequence++) push(queue, sequence);
    expect(queue.count).toBe(4);
    expect(queue.overwritten).toBe(6);
    expect(queue.shift(beat)).toBe(true);
    expect(beat.sequence).toBe(7);
  });
});
