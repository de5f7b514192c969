import type { Rung, Target } from "../model/containment.ts";
import type { Excuse } from "../model/decision.ts";
import type { Level } from "../model/level.ts";
import type { Unmet } from "../model/precondition.ts";
import type { Maybe } from "../model/sample.ts";
import type { Progress } from "../model/search.ts";

/** Where a thread hold stands. touch → probation → hold ⇄ pulse, dose; missed = thawed because the rest stalled. */
export type HoldPhase = "touch" | "probation" | "hold" | "pulse" | "dose" | "missed";

/** One live containment, from its application to its release. */
export interface ContainmentState {
  readonly id: string;
  readonly rung: Rung;
  readonly target: Target;
  readonly applied_ns: number;
  /** Onset of the growth it answers. */
  readonly onset_ns: number;
  readonly memory_at_onset_bytes: number;
  readonly headroom_at_onset_bytes: number;
  readonly slope_before_bytes_per_s: number;
  /** The cgroup's own slope tail: below it a growth has stopped. */
  readonly slope_tail_bytes_per_s: number;
  readonly phase: HoldPhase;
  readonly phase_since_ns: number;
  readonly attempts: number;
  /** It shares a lock with the rest (caught with one, or it woke them often): frozen only while it sleeps, and looked at rarely. */
  readonly aims: boolean;
  /** Pace the rest of the service is held against; null: as observed before the hold. Lowered when its load falls. */
  readonly rest_pace_per_s: Maybe<number>;
  /** Where it was lowered: from where; it is raised again as the rest gets faster. */
  readonly lull_from_per_s?: number;
  /** The same of records that know the progress of its peers: what is expected of them, and where it was lowered from; absent: as before the hold. */
  readonly peers_pace?: Progress;
  readonly peers_from?: Progress;
  /** Lowered because the load fell: until then, and for how long; null: it is over. Absent where it never was. */
  readonly lull?: { readonly until_ns: Maybe<number>; readonly lasts_s: number };
  /** Thread hold: living forks of its process when it began; absent where there were none. */
  readonly forks?: number;
  /** Thread hold: what bounds the growth was known when it began, and did not excuse it. */
  readonly bounds_known?: boolean;
  /** What it answers makes the node run out: at this rate, bytes/s. */
  readonly node_slope_before_bytes_per_s?: number;
  readonly next_probe_s: number;
  readonly memory_at_dose_bytes: number;
  /** Since when the thread of the present touch is seen to be frozen, and the memory of its cgroup then; absent before that. */
  readonly touched?: { readonly since_ns: number; readonly memory_bytes: number };
  /** Memory of its cgroup when it was last thawed for the sake of the rest. */
  readonly memory_at_thaw_bytes?: number;
  /** Doses in a row without growth. */
  readonly quiet_doses: number;
  /** Since when the slope has been below the tail while the thread ran; null when it has not. */
  readonly quiet_since_ns: Maybe<number>;
  /** A verdict on its effect has been given. */
  readonly judged: boolean;
  /** Queue rungs: the stall of others that it answers, a share of time; absent in older records. */
  readonly harm_before?: number;
  /** Thread hold beside others: what its thread did by itself, and is not expected of their rest meanwhile. */
  readonly steps_per_s?: number;
  readonly own?: Progress;
  /** Governor: since when nobody in it has stalled at its plateau, and usage and swap then; absent while that is not so. */
  readonly unstalled?: { readonly since_ns: number; readonly grown_bytes: number };
  /** Governor: the ceiling last asked for. */
  readonly high_bytes: number;
  /** Shield only. */
  readonly shield?: ShieldState;
}

/** Where the shield stands: what it was last set to, and the share of new flows it goes back to. */
export interface ShieldState {
  readonly mode: "shed" | "essential";
  readonly admit_share: number;
  /** Most packets it refused in a second. */
  readonly peak_per_s: number;
  /** Time without harm before it is loosened. */
  readonly loosen_s: number;
  /** Shedding at its tightest share was seen to fail: what level 4 is about. */
  readonly exhausted?: boolean;
}

/** Shares of time the node stalls while load comes from outside, averaged over a second, and since when beyond a bound. */
export interface OutsideStall {
  readonly t_ns: number;
  readonly memory: number;
  readonly io: number;
  readonly cpu: number;
  readonly since_ns: Maybe<number>;
}

/** Since when others have stalled on a resource; absent for one on which they do not. */
export type StalledBy = Readonly<Partial<Record<"memory" | "io" | "cpu", number>>>;

/** What a search learned of a cgroup's leading process: it stays true while the process lives. */
export interface KnownRuntime {
  readonly cgroup_id: number;
  readonly runtime: string;
  readonly heap_limit_bytes: Maybe<number>;
}

/** A growth that was left alone a moment ago. */
export interface KnownExcuse {
  readonly cgroup_id: number;
  readonly excuse: Excuse;
  readonly until_ns: number;
}

/** A stretch of time in which D̄ did not rise, in spans whose means are compared. */
export interface Plateau {
  readonly since_ns: number;
  readonly span_since_ns: number;
  /** D̄ of the present span so far: its sum, and over how many beats. */
  readonly sum: number;
  readonly beats: number;
  /** φ of the present span so far; absent in older records. */
  readonly phi_sum?: number;
  /** The lowest mean of a whole span; null before the first has ended. */
  readonly lowest: Maybe<number>;
}

/** A target that is left alone for a while. */
export interface Rest {
  readonly cgroup_id: number;
  readonly rung: Rung;
  readonly since_ns: number;
  readonly until_ns: number;
  /** The containment ended well: no other rung is tried either, unless the reserve is needed. */
  readonly ended_well: boolean;
  /** It never began: a bound of the motor forbids it until then. */
  readonly waits?: boolean;
  /** The precondition that was not met, or no longer. */
  readonly unmet?: Unmet;
  /** A queue rung that was seen to help: for how long it is put on if the harm comes back before this is forgotten. */
  readonly again?: { readonly hold_s: number; readonly known_until_ns: number };
}

/** A cgroup an operator released: it is not contained again before. Null stands for the quarantine of the node. */
export interface Cooldown {
  readonly cgroup_id: Maybe<number>;
  readonly path: string;
  readonly until_ns: number;
}

/**
 * All that a decision remembers of the beats before: plain JSON, times CLOCK_MONOTONIC, recorded with each decision.
 * Who may keep it for how long: as with the `Assessment` of the beat that it was given to. Its lists never change.
 */
export interface DecisionState {
  readonly level: Level;
  readonly level_since_ns: number;
  /** Since when the present level's own condition has been gone; null while it holds. */
  readonly calm_since_ns: Maybe<number>;
  /** Since when D̄ has been rising at the pace of a trend; null when it is not. */
  readonly rising_since_ns: Maybe<number>;
  /** When anything last happened: decides the pace of the beat above level 0. */
  readonly unrest_ns: number;
  /** The calm plateau on which the node stands at level 1; null when it stands on none. */
  readonly plateau: Maybe<Plateau>;
  /** Since when others have stalled on the resource that has lasted longest; null while they do not. */
  readonly stalled_since_ns: Maybe<number>;
  /** The same of each resource; null while they do not, absent in older records. */
  readonly stalled_by?: Maybe<StalledBy>;
  /** Null while no load comes from outside; absent in older records. */
  readonly outside_stall?: Maybe<OutsideStall>;
  readonly next_id: number;
  readonly containments: readonly ContainmentState[];
  /** The search asked for at the previous beat. */
  readonly searching: Maybe<{ readonly cgroup_id: number; readonly resource: "cpu" | "memory" | "io" }>;
  readonly rests: readonly Rest[];
  /** What operators released lately. */
  readonly cooldowns: readonly Cooldown[];
  /** Managed runtimes met, latest first; bounded. */
  readonly runtimes: readonly KnownRuntime[];
  /** Growths left alone lately; absent in older records. */
  readonly excused?: readonly KnownExcuse[];
  /** Containments judged to have no effect while harm went on: what level 5 is about. Forgotten when harm has been over for a while. */
  readonly failures: number;
  /** When harm was last present; absent in older records. */
  readonly harm_ns?: number;
}

/** After a freeze the slope looks back on the growth before it for less than this. */
const SETTLED_S = 3;

/** A thread that has stood still for so long, and whose hold was found to work: what grows now, another one carries. */
function is_settled({ rung, phase, judged, phase_since_ns }: ContainmentState, now_ns: number): boolean {
  return rung === "thread_hold" && phase === "hold" && judged && now_ns - phase_since_ns >= SETTLED_S * 1e9;
}

/** Rungs that meet a growth of memory; a share of a queue does not slow one down. */
const MEET_GROWTH: readonly Rung[] = ["thread_hold", "memory_governor", "swap_reserve", "freeze"];

export function meets_growth(rung: Rung): boolean {
  return MEET_GROWTH.includes(rung);
}

/** A containment that answers whatever grows in the cgroup now is in force, of the cgroup or of a thread in it. */
export function is_answered(live: readonly ContainmentState[], cgroup_id: number, now_ns: number): boolean {
  for (const one of live) {
    if (one.target.cgroup_id === cgroup_id && meets_growth(one.rung) && !is_settled(one, now_ns)) return true;
  }
  return false;
}

/** Threads of the cgroup that are held alone. */
export function held_threads(live: readonly ContainmentState[], cgroup_id: number): number {
  let count = 0;
  for (const { rung, target } of live) if (rung === "thread_hold" && target.cgroup_id === cgroup_id) count += 1;
  return count;
}

/** Its growth is met at its threads and at nothing wider: one of them is held, or they are being searched. */
export function is_met_at_threads({ containments, searching }: DecisionState, cgroup_id: number): boolean {
  const own = containments.filter(({ target, rung }) => target.cgroup_id === cgroup_id && meets_growth(rung));
  if (own.length === 0) return searching?.cgroup_id === cgroup_id;
  return own.every(({ rung }) => rung === "thread_hold");
}

/** The state before the first beat at `now_ns`; the level is above 0 only where a quarantine was found. */
export function initial_state(now_ns: number, level: Level = 0): DecisionState {
  return {
    level,
    // A beginning is not a relapse: the beat starts slow.
    level_since_ns: Math.min(0, now_ns),
    calm_since_ns: null,
    rising_since_ns: null,
    unrest_ns: Math.min(0, now_ns),
    plateau: null,
    stalled_since_ns: null,
    stalled_by: null,
    outside_stall: null,
    next_id: 1,
    containments: [],
    searching: null,
    rests: [],
    cooldowns: [],
    runtimes: [],
    excused: [],
    failures: 0,
    harm_ns: Math.min(0, now_ns),
  };
}
