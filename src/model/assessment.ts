import type { Attribution } from "./attribution.ts";
import type { ContainmentObservation } from "./containment.ts";
import type { OperatorRelease } from "./control.ts";
import type { PauseInput } from "./pause.ts";
import type { Maybe } from "./sample.ts";
import type { ThreadSearch } from "./search.ts";

/** θ1..θ4 and where they come from. */
export interface Thresholds {
  readonly theta: readonly [number, number, number, number];
  readonly source: "fixed" | "learned" | "warmup";
  /** How each came about; absent in older records. `floor`: what a normal vector of so many dimensions hardly reaches (chi-square), whatever this node does. */
  readonly basis?: readonly [ThresholdBasis, ThresholdBasis, ThresholdBasis, ThresholdBasis];
}

/** `fitted` to the tail of this node; `ceiling`: the fit lay beyond what is believed; `spaced`: moved up to lie apart from the one below. */
export type ThresholdBasis = "fitted" | "floor" | "ceiling" | "spaced" | "fixed" | "warmup";

/** Time to failure of one exhaustible resource. Null: it does not run out at that rate. */
export interface TimeToFailure {
  readonly resource: "node_memory" | "cgroup_memory";
  readonly cgroup_id: Maybe<number>;
  readonly headroom_bytes: number;
  readonly slope_bytes_per_s: number;
  readonly acceleration_bytes_per_s2: number;
  /** At the present slope. */
  readonly ttf_s: Maybe<number>;
  /** At slope + acceleration. */
  readonly ttf_accelerated_s: Maybe<number>;
}

/** A cgroup (or, at the root, the node) that departs from its own normal growth. */
export interface GrowthAssessment {
  readonly cgroup_id: number;
  readonly path: string;
  readonly memory_bytes: number;
  readonly slope_bytes_per_s: number;
  /** Upper tail of the cgroup's own slope, learned while the node was at level 0; null while too young to know. */
  readonly slope_tail_bytes_per_s: Maybe<number>;
  /** Since when the slope has been beyond its tail; 0 when it is not. */
  readonly sustained_s: number;
  /** Bytes gained since that onset. */
  readonly gained_bytes: number;
  /** The slope is clearly lower than its peak since the onset. */
  readonly falling: boolean;
  readonly age_s: number;
  readonly exec_age_s: Maybe<number>;
  readonly ttf: TimeToFailure;
}

/** One cgroup's change in the resource of the dominant dimension, in standard deviations of its own history. */
export interface CgroupChange {
  readonly cgroup_id: number;
  readonly path: string;
  readonly rate: number;
  readonly baseline_rate: number;
  readonly change: number;
}

/** PSI "some" of one cgroup, shares of time: a batch job that only stalls itself harms nobody. */
export interface LeaderStall {
  readonly cgroup_id: number;
  readonly cpu: Maybe<number>;
  readonly memory: Maybe<number>;
  readonly io: Maybe<number>;
}

/** What the kernel itself keeps memory for. */
export const KERNEL_USES = [
  "huge pages",
  "slab",
  "page tables",
  "kernel stacks",
  "per-CPU memory",
  "vmalloc",
  "a memory balloon",
  "ZFS ARC",
] as const;
export type KernelUse = (typeof KERNEL_USES)[number];

/** How fast each of its uses grows, those that grow only, bytes/s over `window_s`. */
export interface KernelMemory {
  readonly window_s: number;
  readonly takes: readonly { readonly use: KernelUse; readonly bytes_per_s: number }[];
}

/** What the second opinions say together (SPEC §10) about the row they were last shown. */
export interface OpinionAssessment {
  /** Sum of the votes, and the threshold beyond which only the promised number of alarms lies; nats. */
  readonly score: number;
  readonly theta: number;
  /** −log p of each opinion against its own past, nats. */
  readonly votes: Readonly<Record<string, number>>;
  /** They are asked at every beat: then vigilance is theirs alone, D̄ being one of them. */
  readonly decide: boolean;
}

/** How a node away from its normal is beside the self (SPEC §3, §9). */
export interface Shape {
  /** Covariance deformation, relative, in the Frobenius norm. */
  readonly rho: number;
  /** |ΔH| of the system call mix; null where the host cannot supply its entropy. */
  readonly entropy_shift_bits: Maybe<number>;
}

/**
 * Everything the decision may look at about the node. Plain JSON, so that a record can re-run it.
 *
 * Who may keep it for how long: anybody until the next beat, nobody writes on it meanwhile. After that, the one of a quiet
 * beat may be written over when the flight recorder has let go of it, with its vectors and `node_ttf`; whoever keeps
 * it longer marks the beat as `kept` (src/agent/beat.ts), and then it never is. What else it refers to never changes.
 */
export interface Assessment {
  readonly t_ns: number;
  readonly dimension_names: readonly string[];
  /** Natural units. */
  readonly x: readonly number[];
  /** Baseline mean, in scaled units as it enters the distance. */
  readonly mean: readonly number[];
  readonly d: number;
  readonly d_smooth: number;
  readonly velocity: number;
  readonly acceleration: number;
  readonly phi: number;
  /** c_j; sums to d². */
  readonly contribution: readonly number[];
  /** Indices of the dimensions with the largest c_j, largest first (two). */
  readonly dominant: readonly number[];
  readonly dominant_resource: "cpu" | "memory" | "io" | "network" | "process";
  readonly thresholds: Thresholds;
  /** Null while they are not ready, or not asked. */
  readonly opinions: Maybe<OpinionAssessment>;
  /** Null or absent at the normal, and for half a minute after it was left. */
  readonly shape?: Maybe<Shape>;
  /** False until the warm-up has ended. */
  readonly warm: boolean;
  readonly learned_samples: number;
  readonly stall: { readonly cpu: Maybe<number>; readonly memory: Maybe<number>; readonly io: Maybe<number> };
  /** Learned upper tails of the stall shares; null while unknown. */
  readonly stall_tail: { readonly cpu: Maybe<number>; readonly memory: Maybe<number>; readonly io: Maybe<number> };
  /** What of the node's stalls the cgroup that changed most suffers itself; null while that is not known. */
  readonly leader_stall: Maybe<LeaderStall>;
  readonly node_ttf: TimeToFailure;
  /** Cgroups that grow beyond their own tail or toward a limit, worst TTF first; bounded. */
  readonly growth: readonly GrowthAssessment[];
  /** Cgroups ranked by their own change in the dominant resource, largest first; bounded. */
  readonly changes: readonly CgroupChange[];
  readonly oom_kills: number;
  /** Memory that no cgroup is charged for; null or absent while the cgroups explain how the node grows, and while too little is known. */
  readonly kernel_memory?: Maybe<KernelMemory> | undefined;
  /** Conversations that somebody outside begins, per second; null or absent while few packets arrive. */
  readonly arrivals_per_s?: Maybe<number>;
  /** Result of the thread search the previous decision asked for; null while it runs or when none was asked. */
  readonly search: Maybe<ThreadSearch>;
  /** Live containments as observed at this beat. */
  readonly containments: readonly ContainmentObservation[];
  /** What operators asked to release since the beat before; absent at nearly every beat. */
  readonly releases?: readonly OperatorRelease[] | undefined;
  /** The operator's pause; absent while there is none. */
  readonly pause?: PauseInput | undefined;
  /** What carries the node's load; absent at level 0, in the first moments of a rise, and in older records. Nothing is decided by it. */
  readonly attribution?: Attribution | undefined;
}
