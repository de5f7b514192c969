import type { Dimension } from "../model/dimension.ts";
import type { LearnedGrowth } from "./growth_entry.ts";
import type { KurtosisState } from "./kurtosis.ts";
import type { LearnedStalls } from "./stall.ts";
import type { TailFit } from "./tail.ts";
import type { LearnedMaxima } from "./theta_learner.ts";
import type { Budgets, Theta } from "./thresholds.ts";
import type { WelfordState } from "./welford.ts";

/** Version of the meaning of `LearnedSelf`; a self of another version is refused. */
export const SELF_VERSION = 2;

/** How a cortex learns and judges; times in seconds, budgets in episodes per second. */
export interface CortexOptions {
  /** Seconds of learned samples before any action above level 1. */
  readonly warmup_s: number;
  readonly half_life_s: number;
  /** Tikhonov term on the correlation matrix. */
  readonly lambda: number;
  readonly thresholds: "learned" | readonly [number, number, number, number];
  readonly budgets: Budgets;
  /** Second opinions: how often they are asked (cortex time), what a row stands for, the alarms promised; null: never. */
  readonly opinions: { readonly every_s: number; readonly row_s: number; readonly alarms_per_s: number } | null;
}

/** Everything learned, as plain JSON. Only a self whose warm-up has ended can be restored. */
export interface LearnedSelf {
  readonly version: number;
  readonly dimensions: readonly Pick<Dimension, "name" | "scale" | "resolution">[];
  readonly warm: boolean;
  readonly alpha: number;
  readonly theta: Theta;
  readonly fit: TailFit | null;
  readonly tail: LearnedMaxima;
  readonly moments: WelfordState;
  readonly kurtosis: KurtosisState;
  readonly stalls: LearnedStalls;
  readonly growth: readonly LearnedGrowth[];
}

/** What `explain --baseline` shows beside the thresholds. */
export interface BaselineReport {
  readonly alpha: number;
  readonly theta: Theta;
  readonly fit: TailFit | null;
  readonly learned_samples: number;
  readonly effective_samples: number;
  /** Mardia's κ, the normal one, and their difference in standard errors. */
  readonly kurtosis: number;
  readonly normal_kurtosis: number;
  readonly kurtosis_excess: number;
  readonly factorizations: number;
  /** Rows of the bulk the robust estimate kept, of those it looked at; null: κ was near enough for plain moments. */
  readonly robust: { readonly kept: number; readonly rows: number } | null;
  /** μ and σ in use, scaled units, in the order of the dimensions. */
  readonly mean: readonly number[];
  readonly sigma: readonly number[];
}

/** Why this self does not fit this host and configuration; null when it does. */
export function refusal(self: LearnedSelf, dimensions: readonly Dimension[], options: CortexOptions): string | null {
  if (!is_record(self)) return "it is damaged: it is no record";
  if (self.version !== SELF_VERSION) return `it has version ${self.version}, this program reads ${SELF_VERSION}`;
  if (!self.warm) return "its warm-up had not ended";
  // Read from a file: the type is what was written, not what is there.
  if (!is_record(self.moments)) return "it is damaged: its moments are missing";
  const other = dimensions_refusal(self.dimensions, dimensions);
  if (other !== null) return other;
  if (self.moments.half_life_s !== options.half_life_s) {
    return `it was learned with a half-life of ${self.moments.half_life_s} s, ${options.half_life_s} s is configured`;
  }
  return null;
}

/** Why what was learned of those dimensions says nothing about these; null when they are the same. */
export function dimensions_refusal(
  learned: LearnedSelf["dimensions"],
  dimensions: readonly Dimension[],
): string | null {
  // Read from a file, as above.
  if (!Array.isArray(learned) || !learned.every(is_record)) return "it is damaged: its dimensions are missing";
  if (learned.length !== dimensions.length) {
    return `it has ${learned.length} dimensions, this host has ${dimensions.length}`;
  }
  for (const [j, now] of dimensions.entries()) {
    const then = learned[j]!;
    if (then.name !== now.name) return `its dimension ${j} is ${then.name}, here it is ${now.name}`;
    if (then.scale !== now.scale || then.resolution !== now.resolution) {
      return `its dimension ${then.name} was measured in another scale or resolution`;
    }
  }
  return null;
}

function is_record(value: unknown): boolean {
  return typeof value === "object" && value !== null;
}
