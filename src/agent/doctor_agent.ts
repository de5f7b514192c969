import type { AgentStatus } from "../model/control.ts";
import type { DoctorReport, Finding } from "../model/doctor.ts";
import type { Loss } from "../model/loss.ts";
import type { Maybe } from "../model/sample.ts";

/** What the agent that runs says of itself; why it could not be asked; null: none runs. */
export type RunningAgent = Maybe<AgentStatus | { readonly refused: string }>;

/** What the running agent has lost and left out, in its own words. */
export function examine_agent(agent: RunningAgent): DoctorReport["sections"][number] {
  const title = "Running agent";
  if (agent === null) return { title, findings: [ok("agent", "none runs: what it would lose is not known")] };
  if ("refused" in agent) {
    const costs = "what it lost and left out is not shown";
    return {
      title,
      findings: [{ what: "agent", state: "missing", detail: agent.refused, costs, remedy: "run as root" }],
    };
  }
  const { pid, version, losses = [] } = agent;
  const nothing = losses.length === 0 ? ", nothing lost or left out" : "";
  return { title, findings: [ok("agent", `process ${pid}, hosa ${version}${nothing}`), ...losses.map(finding)] };
}

/** Costs say what HOSA cannot do now; what is over costs nothing more. */
function finding(loss: Loss): Finding {
  const { code, degraded, lasting, last, remedy, sentence } = loss;
  const costs = degraded ?? (lasting ? "" : `over since ${last}`);
  return { what: code, state: "missing", detail: sentence, costs, remedy };
}

function ok(what: string, detail: string): Finding {
  return { what, state: "ok", detail, costs: "", remedy: "" };
}
