import type { Shape } from "../model/assessment.ts";
import type { Maybe } from "../model/sample.ts";
import { LEARNING_PERIOD_S } from "./warmup.ts";
import { Welford } from "./welford.ts";

/** The dimension whose shift tells that other programs run than before. */
export const SYSCALL_MIX = "syscall_entropy_bits";
/** A beat may come a little early and still be the next one. */
const TOLERANCE = 0.95;
/** So many samples, half a minute of them, lie between two comparisons: fewer scatter more than what is looked for. */
const BETWEEN = 300;

/**
 * How the node has been since it left its normal, beside the self: covariance deformation
 * ρ = ‖Σ_recent − Σ_base‖_F / ‖Σ_base‖_F, in standard deviations of the self, and the shift of its mean entropy, bits
 * (SPEC §3, §9). A plateau that is the old life at another height keeps both low.
 */
export class Deformation {
  readonly #entropy_at: number;
  #recent: Welford | null = null;
  #learned_ns = Number.NEGATIVE_INFINITY;
  #shape: Maybe<Shape> = null;

  /** @param entropy_at which dimension is the entropy of the system call mix; −1: none is */
  constructor(entropy_at: number) {
    this.#entropy_at = entropy_at;
  }

  /** Null until half a minute away from normal is known, and at normal. */
  get shape(): Maybe<Shape> {
    return this.#shape;
  }

  /**
   * One beat; ten a second are taken. O(n²).
   *
   * @param away from normal, on what may be a plateau; false: what was gathered is of no use any more
   * @param x scaled units, as the self has learned them
   * @param sigma standard deviations of the self, the same units, n positive numbers
   */
  follow(t_ns: number, away: boolean, x: Float64Array, base: Welford, sigma: Float64Array): void {
    if (!away) {
      this.#recent = null;
      this.#shape = null;
      return;
    }
    if ((t_ns - this.#learned_ns) / 1e9 < TOLERANCE * LEARNING_PERIOD_S) return;
    this.#learned_ns = t_ns;
    this.#recent ??= new Welford(x.length);
    const recent = this.#recent;
    recent.update(x);
    if (recent.count % BETWEEN !== 0) return;
    const at = this.#entropy_at;
    const shift_bits = at < 0 ? null : Math.abs(recent.mean[at]! - base.mean[at]!);
    this.#shape = { rho: deformation(recent, base, sigma), entropy_shift_bits: shift_bits };
  }
}

/** ρ of two covariances, both in units of `sigma`, or the largest unit would decide alone; 0 when both are zero. */
export function deformation(recent: Welford, base: Welford, sigma: Float64Array): number {
  let difference = 0;
  let norm = 0;
  for (let i = 0; i < sigma.length; i++) {
    for (let j = 0; j < sigma.length; j++) {
      const unit = sigma[i]! * sigma[j]!;
      const before = base.covariance(i, j) / unit;
      difference += (recent.covariance(i, j) / unit - before) ** 2;
      norm += before ** 2;
    }
  }
  if (norm === 0) return difference === 0 ? 0 : Number.MAX_VALUE;
  return Math.sqrt(difference / norm);
}
