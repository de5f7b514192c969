import type { Unmet } from "./precondition.ts";
import type { Maybe } from "./sample.ts";
import type { GrowthBounds, Progress } from "./search.ts";

/** The rungs a motor can climb, cheapest to be wrong about first. */
export const RUNGS = [
  "cpu_weight",
  "thread_hold",
  "memory_governor",
  "swap_reserve",
  "cpu_max",
  "io_max",
  "freeze",
  "shield",
] as const;
export type Rung = (typeof RUNGS)[number];

/** What of the motor an entry or an outcome is of: a rung, or a step of quarantine. */
export type Organ = Rung | "quarantine" | "link_down" | "conservative" | "taint" | "watchdog";

/** Whom an action is about. Pid and tid are null when the whole cgroup is meant. */
export interface Target {
  readonly cgroup_id: number;
  readonly path: string;
  readonly pid: Maybe<number>;
  readonly tid: Maybe<number>;
  readonly comm: Maybe<string>;
}

/** What the rung is set to. Undo always restores the prior value the ledger holds, never a default. */
export type Setting =
  /** pulse_ms: thawed for so long and frozen again within the beat, however late the next one comes. */
  | { readonly rung: "thread_hold"; readonly frozen: boolean; readonly pulse_ms?: number }
  | { readonly rung: "memory_governor"; readonly high_bytes: number }
  /** What the cgroup may hold in swap; the reserve is on meanwhile. */
  | { readonly rung: "swap_reserve"; readonly swap_max_bytes: number }
  | { readonly rung: "cpu_weight"; readonly weight: number }
  | { readonly rung: "cpu_max"; readonly quota_us: number; readonly period_us: number }
  | { readonly rung: "io_max"; readonly bytes_per_s: number }
  | { readonly rung: "freeze"; readonly frozen: boolean }
  /** Of the node, not of a cgroup. Which ports and peers stay open, the motor knows; admit_share: see ShieldPlan. */
  | { readonly rung: "shield"; readonly mode: "shed" | "essential"; readonly admit_share: number };

/** Whom a rung of the whole node is about. */
export const NODE: Target = { cgroup_id: 0, path: "/", pid: null, tid: null, comm: null };

/** What can be asked of the motor. */
export const VERBS = ["apply", "adjust", "release"] as const;

/** One request to the motor. The id names the containment from its application to its release. */
export interface Action {
  readonly id: string;
  readonly verb: (typeof VERBS)[number];
  readonly target: Target;
  readonly setting: Setting;
  readonly reason: string;
  /** The cheaper remedy that must not be used here, and why; absent where there is none. */
  readonly instead_of?: { readonly rung: Rung; readonly unmet: Unmet };
}

/**
 * What became of an action.
 * done: written and read back · would_do: only recorded, nothing was touched · pending: asked for, the kernel has not confirmed yet (freezer) · refused: the layout or a
 * bound forbids it, `detail` says why · failed: the kernel said no · gone: the target no longer exists ·
 * drifted: another writer changed the value meanwhile.
 */
export const OUTCOME_STATUSES = ["done", "would_do", "pending", "refused", "failed", "gone", "drifted"] as const;
export type OutcomeStatus = (typeof OUTCOME_STATUSES)[number];

/** What became of one of several things that an action is about: a device, a thread, a process, an interface. */
export interface PartOutcome {
  readonly subject: string;
  readonly status: OutcomeStatus;
  /** Why not; empty when done. */
  readonly detail: string;
}

export interface Outcome {
  readonly id: string;
  readonly verb: Action["verb"];
  readonly rung: Organ;
  readonly target: Target;
  readonly t_ns: number;
  readonly status: OutcomeStatus;
  /** File touched, its value before and the value written; null when nothing was written. */
  readonly file: Maybe<string>;
  readonly prior: Maybe<string>;
  readonly written: Maybe<string>;
  readonly ledger_id: Maybe<string>;
  readonly detail: string;
  /** Refused by a bound that passes: after so long it may be asked for again. */
  readonly wait_s?: number;
  /** The precondition that is not met, or no longer; absent where something else is the reason. */
  readonly unmet?: Unmet;
  /** Where the action is about several things and not all of them took it; absent otherwise, and in older records. */
  readonly parts?: readonly PartOutcome[];
}

/** Packets the shield let in and refused, per second. */
export interface ShieldObservation {
  readonly admitted_per_s: number;
  readonly refused_per_s: number;
  /** Of all of them, those that belong to no known flow. */
  readonly new_flows_per_s: number;
}

/** The swap of one cgroup, and what the node has left of it. */
export interface SwapObservation {
  readonly used_bytes: number;
  /** Its own memory.swap.max; null: no limit. */
  readonly max_bytes: Maybe<number>;
  readonly node_free_bytes: number;
}

/** What a live containment looks like now: the decision verifies and steers on this. */
export interface ContainmentObservation {
  readonly id: string;
  readonly rung: Rung;
  /** Status of the latest outcome of this containment. */
  readonly status: OutcomeStatus;
  readonly detail: string;
  /** Of that outcome: refused for so long only. */
  readonly wait_s?: number;
  /** Of that outcome: the precondition that is not met. */
  readonly unmet?: Unmet;
  /** For thread_hold and freeze: what cgroup.events says; null when not applicable. */
  readonly frozen: Maybe<boolean>;
  /** The held cgroup (or thread) still exists. */
  readonly alive: boolean;
  /** The motor holds it: only a release ends it. False once the motor refused it, or has undone it by itself. */
  readonly in_force: boolean;
  readonly memory_bytes: Maybe<number>;
  readonly headroom_bytes: Maybe<number>;
  readonly slope_bytes_per_s: Maybe<number>;
  /** Steps of the peers of a held thread (waits, and 10 ms of CPU time each): now, and just before the hold. Judged only where `peers` is not known. */
  readonly rest_steps_per_s: Maybe<number>;
  readonly rest_steps_before_per_s: Maybe<number>;
  /** What `rest_steps_per_s` was measured over: grows from each freeze or thaw on, up to about half a second. */
  readonly rest_window_s: Maybe<number>;
  /** For thread_hold: how its peers get on, over `rest_window_s`, and just before the hold; absent in older records. */
  readonly peers?: Maybe<Progress>;
  readonly peers_before?: Maybe<Progress>;
  /** For thread_hold: living processes that were forked from the held one and run its program on; absent in older records. */
  readonly forks?: number;
  /** For thread_hold: what is known of the end of its growth; absent in older records and where nothing is. */
  readonly bounds?: GrowthBounds;
  /** The thread of the containment sleeps: it hardly holds a lock now. Null when it cannot be seen. */
  readonly asleep: Maybe<boolean>;
  /** For thread_hold: how often the thread has woken others (a contended lock it gave back, a queue) since its hold began; absent in older records. */
  readonly wakes?: Maybe<number>;
  /** False on a recording motor, which changes nothing that could be seen; absent in older records. */
  readonly verifiable?: boolean;
  /** The cgroup's own memory PSI "full" share of the window. */
  readonly stall_full: Maybe<number>;
  /** For memory_governor and swap_reserve: what of the cgroup lies in swap; absent for the others. */
  readonly swap?: Maybe<SwapObservation>;
  /** For shield: what it did to the network in the last second or so; absent for the others. */
  readonly network?: Maybe<ShieldObservation>;
}

/** A motor performs actions with the undo already written down. Nothing here may block the beat. */
export interface Motor {
  readonly name: "cgroup" | "recording";
  /** Rungs this host cannot offer, and why. */
  missing(): readonly { readonly rung: Rung; readonly why: string }[];
  /** Perform one action. Never throws for what the kernel or the layout may answer: that is an Outcome. */
  perform(action: Action, now_ns: number): Outcome;
  /** Once a beat: confirmations of the freezer, drift, vanished targets. Returns only what changed. */
  poll(now_ns: number): readonly Outcome[];
  /** Undo everything, newest first. */
  release_all(now_ns: number, reason: string): readonly Outcome[];
}
