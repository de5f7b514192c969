import type { AuditEntry } from "../../src/model/audit.ts";
import type { Outcome } from "../../src/model/containment.ts";
import { CONFIG } from "../decision/fixtures.ts";
import { SCENARIOS, type Scenario, simulate } from "../simulation/service.ts";

export const START: AuditEntry & { readonly kind: "start" } = {
  kind: "start",
  t_ns: 1,
  version: "0.1.0",
  node: "n1",
  kernel: "6.12.0",
  mode: "run",
  motor: "cgroup",
  dimensions: [],
  missing_rungs: [],
  absences: [],
};

/** What `hosa run` would have recorded of a simulated service: every decision with its input, and a trace every half second. */
export function recorded_run(scenario: Scenario = SCENARIOS.leak(50), seconds = 12): AuditEntry[] {
  const thresholds = { theta: [3, 5, 7, 9], source: "fixed" } as const;
  const entries: AuditEntry[] = [START, { kind: "heartbeat", t_ns: 2, level: 0, d_smooth: 0.7, thresholds, beats: 10 }];
  let last_trace_ns = 0;
  simulate({ ...scenario, duration_s: seconds }, CONFIG, 3, (assessment, state, decision) => {
    const { t_ns, level, previous_level, actions, verdicts } = decision;
    const input = { assessment, state, config: CONFIG };
    const outcomes = actions.map(
      (action): Outcome => ({
        id: action.id,
        verb: action.verb,
        rung: action.setting.rung,
        target: action.target,
        t_ns,
        status: "done",
        file: `${action.target.path}/cgroup.freeze`,
        prior: "0",
        written: "1",
        ledger_id: "4-1",
        detail: "",
      }),
    );
    if (outcomes.length > 0) entries.push({ t_ns, kind: "action", input, decision, outcomes });
    else if (level !== previous_level) entries.push({ t_ns, kind: "transition", input, decision });
    if (verdicts.length > 0) entries.push({ t_ns, kind: "verification", verdicts, outcomes: [] });
    if (level > 0 && t_ns - last_trace_ns >= 5e8) {
      last_trace_ns = t_ns;
      const memory = assessment.growth.map(({ path, memory_bytes }) => ({ path, bytes: memory_bytes }));
      const { d_smooth, velocity, acceleration } = assessment;
      entries.push({ kind: "trace", t_ns, level, d_smooth, velocity, acceleration, memory });
    }
  });
  return entries;
}
