import { describe, expect, test } from "bun:test";
import { Deformation, deformation, SYSCALL_MIX } from "../../src/cortex/deformation.ts";
import { Kurtosis, normal_kurtosis } from "../../src/cortex/kurtosis.ts";
import { load_direction } from "../../src/cortex/phi.ts";
import { Welford } from "../../src/cortex/welford.ts";
import { DIMENSIONS } from "../../src/sensor/dimensions.ts";
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

/** An estimate of so many normal vectors, their dimensions of these standard deviations about these means. */
function estimate(sigma: readonly number[], mean: readonly number[], seed: number, count = 20_000): Welford {
  const next = normal(seed);
  const welford = new Welford(sigma.length);
  for (let k = 0; k < count; k++) welford.update(sigma.map((s, j) => mean[j]! + s * next()));
  return welford;
}

describe("deformation", () => {
  const sigma = Float64Array.of(1, 1000);
  const base = estimate([1, 1000], [0, 0], 1);

  test("is relative, in the Frobenius norm, and blind to the height and to the units", () => {
    expect(deformation(base, base, sigma)).toBe(0);
    // Variances of 1 and 1 become 4 and 1: √9 / √2.
    const wider = deformation(estimate([2, 1000], [50, -3], 2), base, sigma);
    expect(Math.abs(wider / (3 / Math.SQRT2) - 1)).toBeLessThan(0.05);
    expect(deformation(estimate([1, 1000], [50, -3], 3), base, sigma)).toBeLessThan(0.05);
  });

  test("is found half a minute after the normal was left, ten samples a second, and forgotten at the normal", () => {
    const next = normal(4);
    const recent = new Deformation(0);
    const beat = (t_s: number, away: boolean) =>
      recent.follow(t_s * 1e9, away, Float64Array.of(3 + next(), 1000 * next()), base, sigma);
    for (let k = 0; k < 2990; k++) beat(k / 100, true);
    expect(recent.shape).toBeNull();
    for (let k = 2990; k < 3010; k++) beat(k / 100, true);
    expect(recent.shape?.rho).toBeLessThan(0.5);
    expect(Math.abs(recent.shape!.entropy_shift_bits! - 3)).toBeLessThan(0.3);
    beat(30.2, false);
    expect(recent.shape).toBeNull();
  });

  test("a host without the entropy has no shift of it", () => {
    expect(Object.keys(DIMENSIONS)).toContain(SYSCALL_MIX);
    const recent = new Deformation(-1);
    for (let k = 0; k < 300; k++) recent.follow(k * 1e8, true, Float64Array.of(k % 2, 0), base, sigma);
    expect(recent.shape?.entropy_shift_bits).toBeNull();
  });
});
