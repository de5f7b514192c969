import type { Assessment, Thresholds, TimeToFailure } from "../model/assessment.ts";
import type { Sample } from "../model/sample.ts";
import type { Writable } from "../model/writable.ts";
import { blank_ttf } from "./growth_entry.ts";

/** How many of the dimensions that deviate most are named. */
const DOMINANT = 2;

/** An assessment while it is written, with vectors of its own. */
export interface Form extends Writable<Omit<Assessment, "node_ttf">> {
  readonly x: number[];
  readonly mean: number[];
  readonly contribution: number[];
  readonly dominant: number[];
  readonly node_ttf: Writable<TimeToFailure>;
}

/** A form for that many names, its fields in the order they are recorded in; `assess` writes over all but the names. */
export function blank_form(names: readonly string[], thresholds: Thresholds, sample: Sample): Form {
  const zeros = (count: number) => new Array<number>(count).fill(0);
  const count = names.length;
  return {
    t_ns: sample.t_ns,
    dimension_names: names,
    x: zeros(count),
    mean: zeros(count),
    d: 0,
    d_smooth: 0,
    velocity: 0,
    acceleration: 0,
    phi: 0,
    contribution: zeros(count),
    dominant: zeros(Math.min(DOMINANT, count)),
    dominant_resource: "cpu",
    thresholds,
    opinions: null,
    shape: null,
    warm: false,
    learned_samples: 0,
    stall: sample.stall,
    stall_tail: sample.stall,
    leader_stall: null,
    node_ttf: blank_ttf(),
    growth: [],
    changes: [],
    oom_kills: 0,
    kernel_memory: null,
    arrivals_per_s: null,
    search: null,
    containments: [],
    releases: undefined,
    pause: undefined,
    attribution: undefined,
  };
}
