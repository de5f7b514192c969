import { expect, test } from "bun:test";
import { dimension } from "../../src/sensor/dimensions.ts";

const GIB = 1024 ** 3;

test("a leak of 50 MB/s is beyond θ4 of 21 dimensions on a node of any size", () => {
  for (const total_bytes of [GIB, 16 * GIB, 256 * GIB, 4096 * GIB]) {
    expect(50e6 / dimension("memory_growth_bytes_per_s", total_bytes).resolution).toBeGreaterThan(10.5);
  }
});

test("other dimensions do not know how large the node is", () => {
  expect(dimension("cpu_busy_fraction", GIB)).toEqual(dimension("cpu_busy_fraction", 256 * GIB));
});
