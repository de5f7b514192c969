import type { Absence } from "../model/sample.ts";
import type { DimensionName } from "./dimensions.ts";
import type { BeatFigures } from "./ports.ts";

/** One sense: turns its source into the natural values of its dimensions. What the host lacks is an absence, not a zero. */
export interface Sense {
  readonly dimensions: readonly DimensionName[];
  readonly absences: readonly Absence[];
  /** One value per dimension, in their order; the last known value where a beat gave none. */
  readonly values: Float64Array;
  /** True once every value has been measured. */
  readonly ready: boolean;
  /** How often a value had to be kept because its source gave nothing usable. */
  readonly missed: number;
  feel(beat: BeatFigures): void;
}
