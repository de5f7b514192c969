import type { Assessment } from "../model/assessment.ts";
import type { Decision } from "../model/decision.ts";
import type { Regime } from "../model/regime.ts";
import type { DecisionConfig } from "./config.ts";
import { is_silent } from "./habituation.ts";
import { is_spreading, propagation, SPREADS } from "./propagation.ts";

/** φ below this: on average every dimension lies half a standard deviation on the side of less load. */
const CALMER = -0.5;
/** A node that is busy for less than this in its normal has nothing to do. */
const STRUCTURALLY_IDLE = 0.02;
/** Part of θ1 by which D̄ may move within a second on a plateau. */
const STEADY = 1 / 10;
/** Part of θ1 by which D̄ rises within a second where a fault grows. */
const RISING = 1 / 3;

/**
 * What the node is going through (SPEC §9), by plain rules on the figures of one beat: it stands beside the level, and nothing is
 * decided by it. Where several fit, the most severe one is told and the others are named. Seasonality (+2) is not told: a
 * season that was found is taken out before the opinions judge, and leaves no trace in a beat.
 */
export function regime(a: Assessment, decision: Decision, bounds: Bounds): Regime {
  // At level 0 nothing is going on: a sign of one beat is no regime.
  if (decision.level === 0) return at_home(a);
  const found = [spreading(a), failing(a, decision), another_life(a, bounds), silent(a), shifted(a, decision)];
  const [first, ...others] = found.filter((each) => each !== null);
  if (first === undefined) return at_home(a);
  return { ...first, also: others.map(({ number }) => number) };
}

type Finding = Omit<Regime, "also"> | null;
/** Beyond them another life runs than the one that was learned. */
type Bounds = Pick<DecisionConfig["habituate"], "rho" | "entropy_bits">;

const beyond = (a: Assessment) => a.warm && a.d_smooth > a.thresholds.theta[0];

function spreading(a: Assessment): Finding {
  const pbi = propagation(a);
  if (!a.warm || pbi < SPREADS || !is_spreading(a)) return null;
  return { number: 5, name: "propagation", because: `PBI ${pbi.toFixed(2)}: it connects or forks many times more` };
}

function failing(a: Assessment, { harm }: Decision): Finding {
  const rises = beyond(a) && a.velocity > RISING * a.thresholds.theta[0];
  if (!harm.present && !rises) return null;
  const slope = `D̄ ${a.velocity >= 0 ? "rises" : "falls"} by ${Math.abs(a.velocity).toFixed(2)}/s`;
  return { number: 4, name: "local failure", because: harm.present ? `${slope}, with harm` : slope };
}

function another_life({ warm, shape }: Assessment, bounds: Bounds): Finding {
  if (!warm || shape === null || shape === undefined) return null;
  const bits = shape.entropy_shift_bits ?? 0;
  if (!(shape.rho > bounds.rho || bits > bounds.entropy_bits)) return null;
  const because = `ρ ${shape.rho.toFixed(2)}, ΔH ${bits.toFixed(2)} bits: something else runs than what was learned`;
  return { number: 3, name: "adversarial", because };
}

function silent(a: Assessment): Finding {
  if (!beyond(a) || !is_silent(a.phi)) return null;
  return { number: -3, name: "anomalous silence", because: `φ ${a.phi.toFixed(2)}: far less happens than normal` };
}

function shifted(a: Assessment, { level }: Decision): Finding {
  const steady = Math.abs(a.velocity) <= STEADY * a.thresholds.theta[0];
  if (level !== 1 || !beyond(a) || !steady) return null;
  return { number: 1, name: "plateau shift", because: `D̄ ${a.d_smooth.toFixed(2)} beyond θ1, and steady` };
}

/** Nothing is out of the ordinary: how much there is to do. */
function at_home(a: Assessment): Regime {
  const busy = a.dimension_names.indexOf("cpu_busy_fraction");
  if (busy >= 0 && a.warm && Math.max(a.mean[busy]!, a.x[busy]!) < STRUCTURALLY_IDLE) {
    const because = `its processors are busy for ${(100 * a.mean[busy]!).toFixed(1)} % of the time in its normal`;
    return { number: -2, name: "structural idleness", because, also: [] };
  }
  if (a.warm && a.phi < CALMER && !beyond(a))
    return { number: -1, name: "legitimate idleness", because: `φ ${a.phi.toFixed(2)}, within θ1`, also: [] };
  return {
    number: 0,
    name: "homeostasis",
    because: !a.warm
      ? "not known yet"
      : beyond(a)
        ? "beyond θ1, but it neither rises nor stands still: on its way back, or too short to be called anything else"
        : "nothing is out of the ordinary",
    also: [],
  };
}
