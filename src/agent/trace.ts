import type { ContainmentState } from "../decision/state.ts";
import type { AuditEntry } from "../model/audit.ts";
import { TRACE_DENSE_FOR_S, TRACE_DENSE_S, TRACE_SPARSE_S } from "../model/cadence.ts";
import type { BeatResult } from "./beat.ts";

/** The local log of level 1 and above: dense around what happens, sparse while nothing does. */
export class Trace {
  #eventful_ns = Number.NEGATIVE_INFINITY;
  #traced_ns = Number.NEGATIVE_INFINITY;

  /** What is to be written of this beat; null at level 0 and between two lines. */
  line({ decision, assessment, eventful }: BeatResult, held: readonly ContainmentState[]): AuditEntry | null {
    const { t_ns, level } = decision;
    if (eventful) this.#eventful_ns = t_ns;
    const period_s = t_ns - this.#eventful_ns < TRACE_DENSE_FOR_S * 1e9 ? TRACE_DENSE_S : TRACE_SPARSE_S;
    if (level === 0 || t_ns - this.#traced_ns < period_s * 1e9) return null;
    this.#traced_ns = t_ns;
    const { d_smooth, velocity, acceleration } = assessment;
    const memory = new Map(assessment.growth.map((growth) => [growth.path, growth.memory_bytes]));
    for (const live of held) {
      const bytes = assessment.containments.find((seen) => seen.id === live.id)?.memory_bytes ?? null;
      if (bytes !== null) memory.set(live.target.path, bytes);
    }
    const cgroups = [...memory].map(([path, bytes]) => ({ path, bytes }));
    return { t_ns, kind: "trace", level, d_smooth, velocity, acceleration, memory: cgroups };
  }
}
