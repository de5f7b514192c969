import * as v from "valibot";
import { integer, number } from "./field.ts";

/** The section `governor`: how memory.high follows a growth that no thread carries. */
export const GOVERNOR = v.strictObject({
  free_fraction: number({
    unit: "fraction",
    initial: 0.85,
    min: 0,
    max: 0.95,
    docs: "Part of the headroom found at the onset that a growth without a leading thread may use at full speed.",
  }),
  plateau_fraction: number({
    unit: "fraction",
    initial: 0.95,
    min: 0.1,
    max: 0.99,
    docs: "Part of the remaining headroom under which memory.high levels off.",
  }),
  min_allowance_bytes: integer({
    unit: "bytes",
    initial: 4_194_304,
    min: 65_536,
    max: 1_073_741_824,
    docs: "memory.high is never set closer than this above memory.current.",
  }),
  tau_s: number({
    unit: "s",
    initial: 60,
    min: 0.1,
    max: 3600,
    docs: "Time constant with which the ceiling rises from there to the plateau.",
  }),
});
