import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { measure } from "./metrics.ts";
import type { Agent, Kernel, Options } from "./options.ts";
import { parse_audit, parse_events, parse_load, parse_samples, parse_transactions } from "./records.ts";
import { guest_environment, guest_plan, type Scenario, scenario_named } from "./scenario.ts";
import type { TimedResult } from "./table.ts";
import { image, run_vm } from "./vm.ts";

/** A run that this machine or this checkout cannot do: said loudly, never passed over. */
export class Skip extends Error {}

/** Boots one guest, runs the scenario in it and measures what it recorded. */
export async function run_once(options: Options, kernel: Kernel, agent: Agent, seed: number): Promise<TimedResult> {
  const scenario = scenario_named(options.scenario);
  const tree = mkdtempSync(join(tmpdir(), "hosa-lab-tree-"));
  const out = options.out ? join(options.out, `${scenario.name}-${kernel}-${agent}-${seed}`) : join(tree, "result");
  try {
    mkdirSync(out, { recursive: true });
    const age_s = options.age_s ?? scenario.age_s;
    const after_s = options.after_s ?? scenario.after_s;
    const guest = join(tree, "root");
    fill(join(guest, "job"), options, scenario, agent, seed, age_s, after_s);
    const cost = await run_vm({
      kernel,
      clock: options.clock,
      seed,
      tree: guest,
      out,
      timeout_s: 300 + 5 * (age_s + after_s),
    });
    const label = { scenario: scenario.name, agent, kernel, clock: options.clock, seed };
    const result = { ...measure(label, read_records(out, scenario, agent)), ...cost };
    writeFileSync(join(out, "result.json"), `${JSON.stringify(result)}\n`);
    return result;
  } finally {
    rmSync(tree, { recursive: true, force: true });
  }
}

function fill(
  job: string,
  options: Options,
  scenario: Scenario,
  agent: Agent,
  seed: number,
  age_s: number,
  after_s: number,
): void {
  mkdirSync(job, { recursive: true });
  cpSync(image("workloads"), job, { recursive: true });
  if (scenario.needs_java) cpSync(image("java"), job, { recursive: true, verbatimSymlinks: true });
  if (agent === "earlyoom") cpSync(image("earlyoom"), join(job, "earlyoom"));
  if (agent === "oomd") throw new Skip("systemd-oomd needs a guest with systemd, which this lab does not build");
  if (agent === "hosa") {
    if (!existsSync(options.hosa)) throw new Skip(`${options.hosa} does not exist; build it, or name it with --hosa`);
    cpSync(options.hosa, join(job, "hosa"));
    cpSync(options.config ?? join(import.meta.dir, "hosa.yaml"), join(job, "hosa.yaml"));
  }
  cpSync(join(import.meta.dir, "guest", "job.sh"), join(job, "job.sh"));
  writeFileSync(join(job, "plan"), guest_plan(scenario));
  writeFileSync(
    join(job, "env"),
    guest_environment(scenario, {
      agent,
      seed,
      age_s,
      after_s,
      rps: options.rps,
      high_bytes: options.high_mb * 1024 ** 2,
      high_at_onset: options.high_at_onset,
    }),
  );
}

function read_records(out: string, scenario: Scenario, agent: Agent) {
  const text = (name: string): string => (existsSync(join(out, name)) ? readFileSync(join(out, name), "utf8") : "");
  const plan = JSON.parse(text("plan.json")) as { fault_ms: number; end_ms: number };
  return {
    ...plan,
    leak_mb_s: scenario.leak_mb_s,
    samples: parse_samples(text("samples.tsv")),
    payment: parse_load(text("payment.jsonl")),
    neighbour: parse_load(text("neighbour.jsonl")),
    events: parse_events(text("events.jsonl")),
    audit: agent === "hosa" ? parse_audit(text("audit.jsonl")) : null,
    transactions: parse_transactions(text("payment.audit")),
    neighbour_transactions: parse_transactions(text("neighbour.audit")),
  };
}
