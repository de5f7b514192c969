import type { Assessment, GrowthAssessment } from "../model/assessment.ts";
import type { Harm } from "../model/decision.ts";
import type { Level } from "../model/level.ts";
import type { Maybe } from "../model/sample.ts";
import type { DecisionConfig } from "./config.ts";
import { propagation, SPREADS } from "./propagation.ts";
import type { DecisionState, Plateau } from "./state.ts";

/**
 * D̄ of a single beat scatters by its own noise, and its slope by ten times that: the mean of so long a span does not.
 */
const SPAN_S = 30;
/** So much of θ1 a span may lie above the lowest one before it. One that lies below is the way home, and begins a lower plateau. */
const DRIFT = 0.125;
const MEMORY_USED_MAX = 0.95;
const SILENT = -1;

/**
 * The calm plateau away from its normal on which the node stands, null when it stands on none: at level 1 or for moments at its normal, no
 * span of D̄ above an earlier one, bounded, of the shape the self knows, far from its limits, with nothing that grows, stalls, spreads or is contained. An incident
 * is none of that, so it never teaches itself to be normal; a fault that creeps leaves the plateau as soon as it has crept an eighth of θ1.
 */
export function plateau_of(
  a: Assessment,
  level: Level,
  harm: Harm,
  state: DecisionState,
  config: DecisionConfig,
  now_ns: number,
): Maybe<Plateau> {
  if (!a.warm || level > 1 || harm.present) return null;
  // Where it is nearly learned, D̄ crosses θ1 to and fro: moments at the normal are the way home and do not begin the time anew.
  if (level === 0) return is_recent(state.plateau, now_ns) ? state.plateau : null;
  const stalls = state.stalled_since_ns !== null || (state.outside_stall?.since_ns ?? null) !== null;
  if (stalls || state.containments.length > 0 || a.growth.some(is_sustained)) return null;
  const [theta1, , , theta4] = a.thresholds.theta;
  if (a.d_smooth >= config.habituate.bound * theta4 || is_another_life(a, config)) return null;
  if (is_near_its_limit(a) || propagation(a) >= SPREADS) return null;
  const before = state.plateau ?? fresh(now_ns);
  const sum = before.sum + a.d_smooth;
  const phi_sum = (before.phi_sum ?? 0) + a.phi;
  const beats = before.beats + 1;
  if (now_ns - before.span_since_ns < SPAN_S * 1e9) return { ...before, sum, phi_sum, beats };
  if (is_silent(phi_sum / beats)) return null;
  const mean = sum / beats;
  const lowest = Math.min(before.lowest ?? mean, mean);
  if (mean > lowest + DRIFT * theta1) return null;
  return { since_ns: before.since_ns, span_since_ns: now_ns, sum: 0, phi_sum: 0, beats: 0, lowest };
}

function is_recent(plateau: Maybe<Plateau>, now_ns: number): boolean {
  return plateau !== null && now_ns - plateau.span_since_ns < 2 * SPAN_S * 1e9;
}

function fresh(now_ns: number): Plateau {
  return { since_ns: now_ns, span_since_ns: now_ns, sum: 0, phi_sum: 0, beats: 0, lowest: null };
}

/** ρ or ΔH high: not the old life at another height, but something else that runs now (SPEC §9, regime +3). */
function is_another_life({ shape }: Assessment, { habituate }: DecisionConfig): boolean {
  if (shape === null || shape === undefined) return false;
  return shape.rho > habituate.rho || (shape.entropy_shift_bits ?? 0) > habituate.entropy_bits;
}

/** Every dimension lies on average a whole standard deviation on the side of less load: away from normal, somebody has fallen silent (regime −3). */
export function is_silent(phi: number): boolean {
  return phi <= SILENT;
}

/** A normal that leaves no room would hide the end. Saturated processors or disks stall somebody, and that is looked at. */
function is_near_its_limit({ dimension_names, x }: Assessment): boolean {
  const used = dimension_names.indexOf("memory_used_fraction");
  return used >= 0 && x[used]! > MEMORY_USED_MAX;
}

function is_sustained({ sustained_s }: GrowthAssessment): boolean {
  return sustained_s > 0;
}

/** Whether the plateau has lasted `habituate.after_s` at `now_ns`: then it may be learned as normal. */
export function habituates(plateau: Maybe<Plateau>, config: DecisionConfig, now_ns: number): boolean {
  return plateau !== null && now_ns - plateau.since_ns >= config.habituate.after_s * 1e9;
}
