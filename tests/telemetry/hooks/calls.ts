import type { Action, Outcome } from "../../../src/model/containment.ts";
import type { Verdict } from "../../../src/model/decision.ts";
import type { HookCall } from "../../../src/model/hook.ts";
import type { Level } from "../../../src/model/level.ts";
import type { HookBeat } from "../../../src/telemetry/hooks/moments.ts";
import { outcome } from "../metrics/figures.ts";

export const TARGET = { cgroup_id: 7, path: "/leaky.service", pid: 41, tid: 42, comm: "leaky" } as const;

export function action(id: string, verb: Action["verb"] = "apply"): Action {
  return { id, verb, target: TARGET, setting: { rung: "freeze", frozen: verb === "apply" }, reason: `${verb} it` };
}

/** A beat that did these, each with this outcome. */
export function beat(
  level: Level,
  actions: readonly Action[] = [],
  verdicts: readonly Verdict[] = [],
  status: Outcome["status"] = "done",
): HookBeat {
  return {
    decision: { level, actions, verdicts, rule: "D̄ 4.50 > θ2 4.00" },
    outcomes: actions.map(({ id, verb }) =>
      outcome("freeze", status, { id, verb, target: TARGET, detail: "as asked" }),
    ),
    wall_time: () => "2027-01-15T08:00:00.000Z",
  };
}

export function call(over: Partial<HookCall> = {}): HookCall {
  return {
    event: "decided",
    time: "2027-01-15T08:00:00.000Z",
    node: "node-1",
    level: 2,
    level_name: "soft containment",
    action_id: "c1",
    verb: "apply",
    rung: "freeze",
    target: TARGET,
    reason: "it grows",
    status: null,
    verdict: null,
    detail: "",
    acts: true,
    ...over,
  };
}
