import type { Course } from "./watched.ts";

/** Courses of one dimension, in its standard deviations. */
export const COURSES = {
  quiet: (): Course => () => 0,
  /** Nothing for some hours, so that the self is old, and then that course. */
  after:
    (hours: number, course: Course): Course =>
    (t_s, seen) =>
      t_s < 3600 * hours ? 0 : course(t_s - 3600 * hours, seen),
  /** A walk at a steady pace, as an attacker or a slow leak would have it. */
  walk:
    (sigma_per_min: number): Course =>
    (t_s) =>
      (sigma_per_min * t_s) / 60,
  /** A tide: the benign kind of drift. */
  tide:
    (amplitude: number, period_h: number): Course =>
    (t_s) =>
      amplitude * Math.sin((2 * Math.PI * t_s) / (3600 * period_h)),
  /** A fault that stays. */
  step:
    (sigma: number, at_s: number): Course =>
    (t_s) =>
      t_s < at_s ? 0 : sigma,
  /**
   * An attacker who reads HOSA's own assessment and leans on the dimension as hard as he can without being judged
   * anomalous: D̄ stays just below `part` of θ1, and so do the opinions where they are asked.
   */
  adversary: (part: number): Course => {
    let lean = 0;
    return (_t_s, seen) => {
      const [theta1] = seen.thresholds.theta;
      const said = seen.opinions;
      const opinions = said === null || said === undefined ? 0 : said.score / said.theta;
      const near = Math.max(seen.d_smooth / theta1, opinions);
      lean = near < part ? lean * 1.003 + 0.002 : lean * 0.98;
      return lean;
    };
  },
} as const;
