import type { ChangedKey, DeedRow, WhatIfSummary } from "../model/what_if.ts";
import type { Alternative } from "./alternative.ts";
import { Course } from "./course.ts";
import { Sides } from "./sides.ts";
import { AuditRun } from "./what_if_audit.ts";
import { FlightRun, type Starter } from "./what_if_flight.ts";

const NOTE =
  "The effect of a containment cannot be replayed: whatever follows the first action, recorded or not, is decided on the recorded reality, not on what the alternative would have made of it.";
const AUDIT_NOTE =
  "An audit holds only the beats at which something was decided: times at a level are rough, and what the alternative would have decided in between stays unseen; flights hold every beat.";

/** Decides flights and audits again with another configuration, and counts both sides. Takes files in the order of time. */
export class WhatIf {
  readonly #alternative: Alternative;
  readonly #sides = new Sides();
  #flights = 0;
  #audits = 0;
  #changes: readonly ChangedKey[] | null = null;
  #latest: FlightRun | null = null;

  constructor(alternative: Alternative) {
    this.#alternative = alternative;
  }

  /** Decisions made again so far. */
  get decisions(): number {
    return this.#sides.decisions;
  }

  flight(file: string): FlightRun {
    this.#flights += 1;
    this.#latest = new FlightRun(file, this.#sides, this.#start, this.#latest?.beats ?? new Set());
    return this.#latest;
  }

  audit(file: string): AuditRun {
    this.#audits += 1;
    return new AuditRun(file, this.#sides, this.#start);
  }

  summary(): WhatIfSummary {
    const { decisions, seconds, differing, first_difference, recorded, other } = this.#sides;
    return {
      flights: this.#flights,
      audits: this.#audits,
      decisions,
      seconds,
      changes: this.#changes ?? [],
      differing_decisions: differing,
      first_difference,
      levels: ([0, 1, 2, 3, 4, 5] as const)
        .map((level) => ({ level, recorded_s: recorded.level_s[level]!, alternative_s: other.level_s[level]! }))
        .filter(({ recorded_s, alternative_s }) => recorded_s > 0 || alternative_s > 0),
      deeds: this.#deeds(),
      omitted_deeds: recorded.omitted + other.omitted,
      note: this.#audits > 0 ? `${NOTE} ${AUDIT_NOTE}` : NOTE,
    };
  }

  readonly #start: Starter = (config, state, first) => {
    this.#changes ??= this.#alternative.changes(config, first);
    return new Course(this.#alternative, config, state);
  };

  #deeds(): readonly DeedRow[] {
    const rows = new Map<string, DeedRow>();
    for (const { key, deed, ...what } of this.#sides.recorded.deeds()) {
      rows.set(key, { ...what, recorded: deed, alternative: null });
    }
    for (const { key, deed, ...what } of this.#sides.other.deeds()) {
      rows.set(key, { ...what, recorded: rows.get(key)?.recorded ?? null, alternative: deed });
    }
    return [...rows.values()];
  }
}
