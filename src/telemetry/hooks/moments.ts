import type { Action, Outcome } from "../../model/containment.ts";
import type { Decision } from "../../model/decision.ts";
import type { HookCall, HookEvent } from "../../model/hook.ts";
import { type Level, level_name } from "../../model/level.ts";
import type { Maybe } from "../../model/sample.ts";

/** One beat, and its wall time in ISO 8601. */
export interface HookBeat {
  readonly decision: Pick<Decision, "level" | "actions" | "verdicts" | "rule">;
  readonly outcomes: readonly Outcome[];
  readonly wall_time: () => string;
}

/** A call, and the highest level its action has stood for: whoever heard of an action hears of its end, too. */
export interface LeveledCall {
  readonly call: HookCall;
  readonly highest_level: Level;
}

interface Remembered {
  readonly action: Pick<Action, "target" | "reason"> & Pick<HookCall, "rung" | "acts">;
  readonly level: Level;
  readonly verdicts: Set<string>;
}

/** Actions whose verdict can still be told with their target. Not counted as a loss: a later one is told without it, and the audit has both. */
export const REMEMBERED_MAX = 256;
/** Not counted as a loss: the audit has the whole sentence. */
const TEXT_MAX = 1000;
const NONE: readonly LeveledCall[] = [];
const NOBODY = { cgroup_id: 0, path: "", pid: null, tid: null, comm: null } as const;

/** Chooses from the beats what hooks are told. Adjustments are no news: the governor makes many of them a second. */
export class HookMoments {
  readonly #node: string;
  readonly #known = new Map<string, Remembered>();

  constructor(node: string) {
    this.#node = node;
  }

  /** Costs nothing while nothing is done. */
  note({ decision, outcomes, wall_time }: HookBeat): readonly LeveledCall[] {
    if (decision.actions.length === 0 && decision.verdicts.length === 0) return NONE;
    const { level } = decision;
    const time = wall_time();
    const calls: LeveledCall[] = [];
    for (const [i, action] of decision.actions.entries()) {
      const { id, verb, target, reason, setting } = action;
      if (verb === "adjust") continue;
      const outcome = outcomes[i];
      const about = { target, reason, rung: setting.rung, acts: outcome?.status !== "would_do" };
      if (verb === "apply") {
        this.#remember(id, { action: about, level, verdicts: new Set() });
        calls.push(this.#call("decided", time, level, id, about));
      }
      if (outcome === undefined) continue;
      const { status, detail } = outcome;
      calls.push(this.#call(verb === "apply" ? "applied" : "released", time, level, id, about, { status, detail }));
    }
    for (const { id, verdict, detail } of decision.verdicts) {
      const known = this.#known.get(id);
      if (known?.verdicts.has(verdict)) continue;
      known?.verdicts.add(verdict);
      const about = known?.action ?? { target: NOBODY, reason: "", rung: "unknown" as const, acts: true };
      calls.push(this.#call("judged", time, level, id, about, { verdict, detail }));
    }
    return calls;
  }

  /** What was undone without a decision: the agent ends. */
  undone(outcomes: readonly Outcome[], level: Level, reason: string, time: string): readonly LeveledCall[] {
    return outcomes.map(({ id, rung, target, status, detail }) =>
      this.#call(
        "released",
        time,
        level,
        id,
        { target, reason, rung, acts: status !== "would_do" },
        { status, detail },
      ),
    );
  }

  /** The node is about to fall silent. */
  quarantine({ decision, wall_time }: HookBeat): LeveledCall {
    const about = { target: { ...NOBODY, path: "/" }, reason: decision.rule, rung: "quarantine" as const, acts: true };
    return this.#call("quarantine", wall_time(), 5, "quarantine", about);
  }

  #call(
    event: HookEvent,
    time: string,
    level: Level,
    action_id: string,
    { target, reason, rung, acts }: Remembered["action"],
    became: Partial<Pick<HookCall, "status" | "verdict" | "detail">> = {},
  ): LeveledCall {
    const call: HookCall = {
      event,
      time,
      node: this.#node,
      level,
      level_name: level_name(level),
      action_id,
      verb: event === "released" ? "release" : event === "quarantine" ? "quarantine" : "apply",
      rung,
      target,
      reason: reason.slice(0, TEXT_MAX),
      status: became.status ?? null,
      verdict: became.verdict ?? null,
      detail: (became.detail ?? "").slice(0, TEXT_MAX),
      acts,
    };
    const then: Maybe<Remembered> = this.#known.get(action_id) ?? null;
    const highest_level = then === null || then.level < level ? level : then.level;
    return { call, highest_level };
  }

  #remember(id: string, what: Remembered): void {
    this.#known.delete(id);
    this.#known.set(id, what);
    if (this.#known.size > REMEMBERED_MAX) this.#known.delete(this.#known.keys().next().value!);
  }
}
