import type { AgentStatus } from "../model/control.ts";
import type { DoctorReport, Finding } from "../model/doctor.ts";
import type { Loss } from "../model/loss.ts";
import type { Absence, Maybe } from "../model/sample.ts";

/** What the agent that runs says of itself; why it could not be asked; null: none runs. */
export type RunningAgent = Maybe<AgentStatus | { readonly refused: string }>;

/**
 * What the running agent does without, has lost and left out, in its own words.
 * @param of_host what was found already: a sense that this host lacks is not told twice
 */
export function examine_agent(agent: RunningAgent, of_host: readonly Finding[] = []): DoctorReport["sections"][number] {
  const title = "Running agent";
  if (agent === null) return { title, findings: [ok("agent", "none runs: what it would lose is not known")] };
  if ("refused" in agent) {
    const costs = "what it lost and left out is not shown";
    return {
      title,
      findings: [{ what: "agent", state: "missing", detail: agent.refused, costs, remedy: "run as root" }],
    };
  }
  const { pid, version, losses = [], absences = [] } = agent;
  const said = new Set(of_host.flatMap(({ what, detail }) => [detail, `${what}: ${detail}`]));
  const more = absences.filter(({ what, why }) => !said.has(`${what}: ${why}`));
  const nothing = losses.length === 0 ? ", nothing lost or left out" : "";
  const itself = ok("agent", `process ${pid}, hosa ${version}${nothing}`);
  return { title, findings: [itself, ...more.map(absence), ...losses.map(finding)] };
}

function absence({ what, why, costs }: Absence): Finding {
  return { what, state: "missing", detail: why, costs, remedy: "" };
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
