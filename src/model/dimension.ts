/** What a dimension is about: the culprit search ranks cgroups by their own change in this resource. */
export type Resource = "cpu" | "memory" | "io" | "network" | "process";

/** How the natural value enters the distance. Heavy-tailed, non-negative rates are compressed, fractions are not. */
export type Scale = "linear" | "log1p";

/** One component of x(t): always a rate or a fraction, never a cumulative counter (SPEC §1). */
export interface Dimension {
  /** Stable identifier, snake_case, unit last: `memory_growth_bytes_per_s`. */
  readonly name: string;
  /** Unit of the natural value, as shown to people. */
  readonly unit: string;
  readonly resource: Resource;
  /** Load sign s_j of φ. */
  readonly load_sign: -1 | 0 | 1;
  readonly scale: Scale;
  /**
   * Resolution of the measurement in scaled units: no standard deviation smaller than this is believed,
   * so a dimension that was constant while learning never turns its first flicker into an alarm.
   */
  readonly resolution: number;
}

/** Natural value → the value that enters the distance. */
export function scaled(dimension: Dimension, natural: number): number {
  return dimension.scale === "log1p" ? Math.log1p(Math.max(0, natural)) : natural;
}
