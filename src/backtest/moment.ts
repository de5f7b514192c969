/** What the wall clock showed at CLOCK_MONOTONIC 0 of one run; in a flight that is only known at its end. */
export class WallClock {
  #zero_ms = Number.NaN;

  /** @param wall_time ISO 8601, of the moment `t_ns` */
  set(wall_time: string, t_ns: number): void {
    this.#zero_ms = Date.parse(wall_time) - t_ns / 1e6;
  }

  /** ISO 8601, UTC; empty while it is not known. */
  at(t_ns: number): string {
    const at_ms = Math.round(this.#zero_ms + t_ns / 1e6);
    return Math.abs(at_ms) <= 8.64e15 ? new Date(at_ms).toISOString() : "";
  }
}

/** A moment of one run. */
export interface Moment {
  readonly t_ns: number;
  readonly clock: WallClock;
}

export function iso(moment: Moment): string {
  return moment.clock.at(moment.t_ns);
}
