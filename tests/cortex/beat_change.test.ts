import { describe, expect, test } from "bun:test";
import { Derivative } from "../../src/cortex/derivative.ts";
import { Ewma } from "../../src/cortex/ewma.ts";
import { Window } from "../../src/sensor/window.ts";
import { normal, uniform } from "./fixtures.ts";

/** What the signal is at a time, smoothed and differentiated as the cortex does it. */
class Motion {
  readonly #ewma = new Ewma(0.6, 0.1);
  readonly #derivative = new Derivative();
  #t_s: number | null = null;
  smooth = 0;

  get velocity(): number {
    return this.#derivative.velocity;
  }

  take(t_s: number, value: number): void {
    this.smooth = this.#ewma.update(value, this.#t_s === null ? 0 : t_s - this.#t_s);
    this.#derivative.update(Math.round(t_s * 1e9), this.smooth);
    this.#t_s = t_s;
  }
}

/** Noise that is the same function of time at every rate: the mean of what falls into 100 ms, as every rate is taken. */
function shared_noise(seed: number): (t_s: number) => number {
  const next = normal(seed);
  const drawn = Array.from({ length: 30_000 }, () => next());
  return (t_s) => {
    const at = Math.round(t_s * 100);
    let sum = 0;
    for (let k = 0; k < 10; k++) sum += drawn[(at - k + drawn.length) % drawn.length]!;
    return sum / Math.sqrt(10);
  };
}

describe("a change of the beat", () => {
  test("from 10 to 100 Hz and back leaves neither a jump in D̄ nor in its slope on a steady or rising signal", () => {
    for (const slope of [0, 2]) {
      const motion = new Motion();
      const jitter = uniform(4);
      let t_s = 0;
      let last: number | null = null;
      for (let k = 0; k < 900; k++) {
        const fast = k >= 100 && k < 700;
        t_s += (fast ? 0.01 : 0.1) * (0.9 + 0.2 * jitter());
        motion.take(t_s, 4 + slope * t_s);
        if (k < 20) continue;
        expect(Math.abs(motion.velocity - slope)).toBeLessThan(0.25 * slope + 1e-9);
        const lag = 4 + slope * t_s - motion.smooth;
        // The lag of an exponential mean on a ramp differs by less than one slow beat between the two rates.
        if (last !== null) expect(Math.abs(lag - last)).toBeLessThanOrEqual(0.1 * slope + 1e-9);
        last = lag;
      }
    }
  });

  test("in noise moves D̄ and its slope no further than the noise does anyway", () => {
    const noise = shared_noise(11);
    const motion = new Motion();
    const quiet = { smooth: 0, velocity: 0 };
    const changing = { smooth: 0, velocity: 0 };
    let t_s = 1;
    let since_change = Number.POSITIVE_INFINITY;
    for (let k = 0; k < 6000; k++) {
      const fast = Math.floor(k / 150) % 2 === 1;
      since_change = k % 150 === 0 ? 0 : since_change + 1;
      t_s += fast ? 0.01 : 0.1;
      motion.take(t_s, 5 + noise(t_s));
      if (k < 150) continue;
      const worst = since_change < 40 ? changing : quiet;
      worst.smooth = Math.max(worst.smooth, Math.abs(motion.smooth - 5));
      worst.velocity = Math.max(worst.velocity, Math.abs(motion.velocity));
    }
    expect(changing.smooth).toBeLessThan(1.2 * quiet.smooth);
    expect(changing.velocity).toBeLessThan(1.2 * quiet.velocity);
  });

  test("a counter that is reset in between is missing data, never a slope", () => {
    const window = new Window(1);
    const motion = new Motion();
    let counter = 5e6;
    for (let k = 1; k <= 100; k++) {
      counter = k === 60 ? 0 : counter + 100;
      window.current[0] = counter;
      if (!window.advance(k * 1e8)) continue;
      const rate = window.rate(0);
      if (!Number.isFinite(rate)) continue;
      motion.take(k / 10, rate);
      expect(rate).toBeCloseTo(1000, 6);
      expect(motion.velocity).toBeCloseTo(0, 6);
    }
    expect(motion.smooth).toBeCloseTo(1000, 6);
  });
});
