import type { ShieldObservation } from "../model/containment.ts";
import type { Maybe } from "../model/sample.ts";
import type { ShieldCounts, ShieldVerdict } from "../model/shield.ts";

/** Rates are taken over at least this, at most over twice as long. */
const WINDOW_NS = 0.5e9;

interface Reading {
  readonly t_ns: number;
  readonly admitted: number;
  readonly refused: number;
  readonly new_flows: number;
}

/** Counts of verdicts → packets per second. */
export class ShieldRate {
  readonly #counts: () => Maybe<ShieldCounts>;
  #older: Maybe<Reading> = null;
  #newer: Maybe<Reading> = null;

  constructor(counts: () => Maybe<ShieldCounts>) {
    this.#counts = counts;
  }

  /** Null until the shield has been on for half a second. */
  observe(t_ns: number): Maybe<ShieldObservation> {
    const counts = this.#counts();
    if (counts === null) {
      this.#older = null;
      this.#newer = null;
      return null;
    }
    const now = reading(counts, t_ns);
    this.#newer ??= now;
    if (t_ns - this.#newer.t_ns >= WINDOW_NS) {
      this.#older = this.#newer;
      this.#newer = now;
    }
    if (this.#older === null) return null;
    const { t_ns: since_ns, admitted, refused, new_flows } = this.#older;
    const dt_s = (t_ns - since_ns) / 1e9;
    return {
      admitted_per_s: (now.admitted - admitted) / dt_s,
      refused_per_s: (now.refused - refused) / dt_s,
      new_flows_per_s: (now.new_flows - new_flows) / dt_s,
    };
  }
}

function reading(counts: ShieldCounts, t_ns: number): Reading {
  let [admitted, refused] = [0, 0];
  for (const [verdict, count] of Object.entries(counts) as [ShieldVerdict, number][]) {
    if (verdict.startsWith("drop")) refused += count;
    else admitted += count;
  }
  const unknown: readonly ShieldVerdict[] = ["new_flow", "ping", "drop_share", "drop_refused"];
  return { t_ns, admitted, refused, new_flows: unknown.reduce((sum, verdict) => sum + counts[verdict], 0) };
}
