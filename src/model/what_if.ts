import type { Rung } from "./containment.ts";
import type { Level } from "./level.ts";
import type { Maybe } from "./sample.ts";

/** How often one rung was taken on one target; times are ISO 8601, UTC. */
export interface Deed {
  readonly times: number;
  readonly first: string;
  readonly last: string;
  readonly longest_s: number;
  /** Part of them had not ended where the records end: they lasted at least so long. */
  readonly open: boolean;
}

/** A target is a path and the name of the thread in it: numbers of cgroups and threads change from run to run. */
export interface DeedRow {
  readonly path: string;
  /** Null: the whole cgroup. */
  readonly comm: Maybe<string>;
  readonly rung: Rung;
  readonly recorded: Maybe<Deed>;
  readonly alternative: Maybe<Deed>;
}

/** One key of the decision's configuration, as JSON text. */
export interface ChangedKey {
  readonly key: string;
  readonly recorded: string;
  readonly alternative: string;
}

/** What another configuration would have decided, against what was decided. Later keys may be added at the end. */
export interface WhatIfSummary {
  readonly flights: number;
  readonly audits: number;
  /** Decisions made again, and the time they cover; what two flights share counts once. */
  readonly decisions: number;
  readonly seconds: number;
  readonly changes: readonly ChangedKey[];
  /** Decisions with another level or other actions. */
  readonly differing_decisions: number;
  readonly first_difference: Maybe<{
    readonly file: string;
    readonly wall_time: string;
    readonly recorded: string;
    readonly alternative: string;
  }>;
  /** Seconds at each level that was reached on either side. */
  readonly levels: readonly { readonly level: Level; readonly recorded_s: number; readonly alternative_s: number }[];
  readonly deeds: readonly DeedRow[];
  /** Actions of either side on targets beyond what is kept. */
  readonly omitted_deeds: number;
  /** What this cannot tell. */
  readonly note: string;
}
