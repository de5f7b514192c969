import type { Attributed, Carrier } from "./attribution.ts";
import type { Maybe } from "./sample.ts";

/** What an operator would call it (SPEC §10), and the figures that made it so. */
export interface Pattern {
  readonly name:
    | "normal"
    | "resource leak"
    | "memory growth"
    | "memory being freed"
    | "thrashing"
    | "memory pressure"
    | "fork storm"
    | "connection storm"
    | "disk writer"
    | "disk reader"
    | "I/O-bound"
    | "interrupt storm"
    | "spinning thread"
    | "CPU-bound"
    | "deadlock";
  readonly because: string;
}

/** What is named: as a carrier of an attribution, or, where there is none, the cgroup or thread that the decision found. */
export interface NamedSubject extends Omit<Carrier, "kind" | "share" | "protected"> {
  readonly kind: Carrier["kind"] | "cgroup";
  readonly resource: Attributed;
  readonly unit: "bytes/s" | "cores" | "processes/s" | "connections/s";
  /** Part of the node's, 0..1; null where only its cgroup was looked at. */
  readonly share: Maybe<number>;
  /** Why it is never contained; null where it may be. */
  readonly protected: Maybe<string>;
}

/** Why nothing is named. */
export type Unnamed =
  | "not_read_yet"
  | "not_recorded"
  | "not_counted"
  | "nothing_stands_out"
  | "nothing_out_of_the_ordinary";

/** What is told of one beat, the same everywhere: made from the record alone. */
export interface Story {
  readonly pattern: Maybe<Pattern>;
  readonly named: Maybe<NamedSubject>;
  /** Null where something is named. */
  readonly unnamed: Maybe<Unnamed>;
  /** One plain sentence. */
  readonly headline: string;
}

/** Level 0 must last this long before an episode is over: one that rises again sooner is the same. */
export const EPISODE_REST_S = 10;

/** What is new of an episode at a beat. */
export interface EpisodeNews {
  readonly number: number;
  /** `began`: the first rise. `named`: more is known of it than before. `reason`: why nothing is done has changed. `ended`: level 0 has lasted. */
  readonly news: readonly ("began" | "named" | "reason" | "ended")[];
  readonly rises: number;
  readonly max_level: number;
  /** From the first rise to now, or to the return to level 0. */
  readonly lasted_s: number;
  /** Of its peak so far. */
  readonly story: Story;
}
