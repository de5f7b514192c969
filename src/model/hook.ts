import type { Organ, OutcomeStatus, Target } from "./containment.ts";
import type { Verdict } from "./decision.ts";
import type { Level } from "./level.ts";
import type { Maybe } from "./sample.ts";

/** decided, quarantine: of the hooks `pre`. applied, judged, released: of the hooks `post`. */
export const HOOK_EVENTS = ["decided", "quarantine", "applied", "judged", "released"] as const;
export type HookEvent = (typeof HOOK_EVENTS)[number];

/** What one hook is told of one action. Keys are written in this order. */
export interface HookCall {
  readonly event: HookEvent;
  /** ISO 8601, UTC. */
  readonly time: string;
  readonly node: string;
  readonly level: Level;
  readonly level_name: string;
  /** The containment from its application to its release, as `hosa release --id` takes it. */
  readonly action_id: string;
  readonly verb: "apply" | "release" | "quarantine";
  /** "unknown" where the action is older than what is remembered. */
  readonly rung: Organ | "unknown";
  readonly target: Target;
  readonly reason: string;
  /** What became of it, for applied and released. */
  readonly status: Maybe<OutcomeStatus>;
  /** For judged. */
  readonly verdict: Maybe<Verdict["verdict"]>;
  readonly detail: string;
  /** False: nothing was done, the action is what HOSA would do. */
  readonly acts: boolean;
}

/** What became of a hook that was run. */
export interface HookResult {
  /** Null: it was ended by a signal, or never began. */
  readonly exit: Maybe<number>;
  readonly signal: Maybe<string>;
  readonly timed_out: boolean;
  readonly duration_ms: number;
  /** The beginning of what it said on standard output and error. */
  readonly output: string;
  /** It wrote more than is kept. */
  readonly output_cut?: true;
  /** Why it never began; empty otherwise. */
  readonly trouble: string;
}

/** What became of a hook, in a few words. */
export function hook_sentence({ exit, signal, timed_out, trouble }: HookResult): string {
  if (trouble !== "") return trouble;
  if (timed_out) return "killed at its deadline";
  return exit === null ? `ended by ${signal ?? "a signal"}` : `exit ${exit}`;
}
