import { expect, test } from "bun:test";
import { allocated_bytes, BEGIN, END, quantile } from "../../scripts/gc_log.ts";

const collection = (start: number, end: number): string =>
  `[GC<0x1>: START M ${start}kb => EdenCollection, a=0kb v=0kb (C:0) => ${end}kb, p=0.5ms (max 1.0), cycle 0.4ms END]`;

test("growth between collections is added up, from the mark to the first collection after the other", () => {
  const log = [
    collection(500, 100),
    "Requesting GC because bytes allocated this cycle: 8400394",
    collection(900, 250),
    "[GC<0x1>: Full sweep: 250kb => 200kb, 0.8ms]",
    BEGIN,
    collection(1200, 300),
    "GC END!",
    "[GC<0x1>: START M 1300kb => FullCollection, a=0kb v=0kb o=0",
    "[GC<0x1>: M a=0kb => 250kb, p=1.2ms (max 1.2), cycle 1ms END]",
    END,
    collection(260, 200),
    collection(9000, 200),
  ].join("\n");
  expect(allocated_bytes(log)).toBe((1000 + 1000 + 10) * 1024);
});

test("a log without the collections at both ends is refused", () => {
  expect(() => allocated_bytes([BEGIN, collection(2, 1), END, collection(3, 1)].join("\n"))).toThrow("no collection");
  expect(() => allocated_bytes([collection(2, 1), BEGIN, collection(3, 1), END].join("\n"))).toThrow("no collection");
});

test("quantiles of sorted costs", () => {
  expect(quantile(Float64Array.from([1, 2, 3, 4]), 0.5)).toBe(3);
  expect(quantile(Float64Array.from([1]), 0.99)).toBe(1);
});
