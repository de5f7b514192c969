import type { CgroupChange, Thresholds } from "./assessment.ts";
import type { Action } from "./containment.ts";
import type { Culprit, Harm } from "./decision.ts";
import type { Level } from "./level.ts";
import type { Maybe } from "./sample.ts";
import type { EpisodeNews, Story } from "./story.ts";

export type CulpritView = Pick<
  Culprit,
  "path" | "cgroup_id" | "pid" | "tid" | "comm" | "scope" | "change" | "protected" | "note"
>;

export type HarmView = Pick<Harm, "present" | "witness" | "value" | "bound" | "unit" | "evidence">;

/** A process, or one thread of it, by what it takes. */
export interface TaskView {
  readonly pid: number;
  /** Null: the process as a whole. */
  readonly tid: Maybe<number>;
  readonly comm: string;
  /** Path of its cgroup; empty where it is not known. */
  readonly path: string;
  /** In `unit`. */
  readonly rate: number;
  readonly unit: "bytes/s" | "cores" | "processes/s" | "connections/s";
  /** Part of all that changes in `of`, 0..1. */
  readonly share: number;
  readonly of: "cgroup" | "node";
}

/** What changed most against its own past, largest first; bounded. */
export interface ChangesView {
  /** What cgroups are ranked by: cores, bytes/s of memory growth, bytes/s of I/O. */
  readonly resource: "cpu" | "memory" | "io";
  readonly cgroups: readonly CgroupChange[];
  /** Empty while no processes are read, as at level 0. */
  readonly tasks: readonly TaskView[];
}

/** One beat as it is shown and printed as JSON. Keys are written in this order; later keys may be added at the end. */
export interface BeatView {
  /** CLOCK_MONOTONIC of the kernel's beat. */
  readonly t_ns: number;
  readonly level: Level;
  readonly level_name: string;
  readonly d: number;
  readonly d_smooth: number;
  /** dD̄/dt, 1/s. */
  readonly velocity: number;
  /** d²D̄/dt², 1/s². */
  readonly acceleration: number;
  readonly phi: number;
  /** Natural value per dimension. */
  readonly x: Readonly<Record<string, number>>;
  /** c_j / d² per dimension; sums to 1. */
  readonly share: Readonly<Record<string, number>>;
  readonly culprit: Maybe<CulpritView>;
  readonly harm: HarmView;
  /** c_j per dimension; sums to d². */
  readonly contribution: Readonly<Record<string, number>>;
  readonly thresholds: Thresholds;
  readonly warm: boolean;
  /** Why nothing was done although something was seen; empty when there is nothing to say. */
  readonly inaction: string;
  readonly actions: readonly Action[];
  /** False: the actions are only recorded, as what HOSA would do. Absent from older agents. */
  readonly acts?: boolean;
  /** What is told of this beat: the pattern, what is named, one plain sentence. */
  readonly story: Story;
  /** The episode it belongs to; null outside of one. */
  readonly episode: Maybe<EpisodeNews>;
  readonly changes: ChangesView;
}
