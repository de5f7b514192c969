import type { Action } from "./containment.ts";
import type { Level } from "./level.ts";
import type { Maybe } from "./sample.ts";

/** Who carries the change. `scope` is the narrowest thing that does. */
export interface Culprit {
  readonly scope: "thread" | "process" | "cgroup" | "kernel" | "unknown";
  readonly cgroup_id: number;
  readonly path: string;
  readonly pid: Maybe<number>;
  readonly tid: Maybe<number>;
  readonly comm: Maybe<string>;
  /** Own change in the resource of the dominant dimension, in standard deviations of its own history. */
  readonly change: number;
  readonly rate: number;
  readonly baseline_rate: number;
  /** Part of the change inside its cgroup that it carries, 0..1; null when not searched. */
  readonly share: Maybe<number>;
  /** Why it must not be limited; null when it may. */
  readonly protected: Maybe<string>;
  /** Ties, doubts, what the search could not see. Empty when clear. */
  readonly note: string;
}

/** Why a growth is left alone although it goes on; words for it are in src/report/excuse.ts. Bytes, bytes/s. */
export type Excuse =
  /** A runtime's own limit of its heap, or the memory of a hypervisor's guest, ends it. */
  | { readonly code: "runtime_limit"; readonly runtime: string; readonly bound_bytes: number }
  /** The kernel takes it back where memory is needed. */
  | { readonly code: "page_cache"; readonly slope_bytes_per_s: number; readonly cache_bytes_per_s: number }
  /** Pages shared with a fork are copied, each at most once. */
  | {
      readonly code: "forked_pages";
      readonly pid: number;
      readonly shared_bytes: number;
      readonly headroom_bytes: number;
    }
  /** Memory that was mapped before is touched for the first time. */
  | {
      readonly code: "mapped_before";
      readonly pid: number;
      readonly untouched_bytes: number;
      readonly headroom_bytes: number;
    }
  /** A file system in memory fills, and is full before the limit is reached. */
  | { readonly code: "tmpfs_size"; readonly free_bytes: number; readonly headroom_bytes: number }
  /** The node runs out, and hardly by this. */
  | {
      readonly code: "small_part_of_node";
      readonly slope_bytes_per_s: number;
      readonly node_slope_bytes_per_s: number;
    };

/** The second, independent witness (SPEC §5). */
export interface Harm {
  readonly present: boolean;
  readonly witness: "ttf" | "stall" | "propagation" | "none";
  /** The measured value and the bound it crossed, in `unit`. */
  readonly value: Maybe<number>;
  readonly bound: Maybe<number>;
  readonly unit: string;
  readonly evidence: "strong" | "weak" | "none";
  /** Every reason for the strength of the evidence, each a short clause. */
  readonly because: readonly string[];
  /** Of a growth that is left alone; absent where there is none, and in older records. */
  readonly excuse?: Excuse;
}

/** Why nothing new is contained although it could be: an operator paused it. */
export interface Paused {
  readonly code: "paused";
  readonly left_s: number;
  /** The operator's; empty when none was given. */
  readonly reason: string;
}

/** What is done about a beat, and why. Who may keep it for how long: as with its `Assessment`. */
export interface Decision {
  readonly t_ns: number;
  readonly level: Level;
  readonly previous_level: Level;
  /** The rule that chose the level, as a sentence with its numbers. */
  readonly rule: string;
  readonly harm: Harm;
  readonly culprit: Maybe<Culprit>;
  readonly actions: readonly Action[];
  /** A cgroup whose threads the senses should search at the next beats; null when none. */
  readonly search: Maybe<{ readonly cgroup_id: number; readonly resource: "cpu" | "memory" | "io" }>;
  /** Verdicts on earlier actions reached at this beat. */
  readonly verdicts: readonly Verdict[];
  /** Why nothing was done although something was seen; empty when there is nothing to say. */
  readonly inaction: string;
  /** A shifted but calm plateau has lasted long enough to be learned as normal (SPEC §9, habituation). */
  readonly habituates: boolean;
  /** Absent while no pause is in force. */
  readonly paused?: Paused | undefined;
  readonly beat_period_ms: number;
}

/** What an earlier action can be found to have done. */
export const VERDICTS = [
  "effective",
  "no_effect",
  "harmful",
  "gone",
  "refused",
  "would_have_stopped",
  "expired",
] as const;

export interface Verdict {
  readonly id: string;
  readonly verdict: (typeof VERDICTS)[number];
  readonly detail: string;
}
