import { expect, test } from "bun:test";
import { Kurtosis, normal_kurtosis } from "../../src/cortex/kurtosis.ts";
import { load_direction } from "../../src/cortex/phi.ts";
import { normal } from "./fixtures.ts";

test("Mardia's kurtosis is n (n + 2) for normal vectors and far from it for heavy ones", () => {
  const next = normal(1);
  const light = new Kurtosis(5, 3600);
  const heavy = new Kurtosis(5, 3600);
  for (let k = 0; k < 5000; k++) {
    const distance = Math.hypot(next(), next(), next(), next(), next());
    light.update(distance, 0.1);
    heavy.update(k % 20 === 0 ? 3 * distance : distance, 0.1);
  }
  expect(Math.abs(light.get() / normal_kurtosis(5) - 1)).toBeLessThan(0.1);
  expect(Math.abs(light.excess())).toBeLessThan(4);
  expect(heavy.excess()).toBeGreaterThan(20);
});

test("load direction tells load from silence and leaves out dimensions without a sign", () => {
  expect(load_direction([1, 1, 0, -1], [2, 4, 100, -2])).toBe(2);
  expect(load_direction([1, 1], [-3, -1])).toBe(-2);
});
