import { appendFileSync, cpSync, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { agent_label, type Cell, folder_of } from "./cells.ts";
import { measure } from "./metrics.ts";
import { type Agent, type Options, SYSTEMD_AGENTS } from "./options.ts";
import type { Settings, TimedResult } from "./outcome.ts";
import { parse_audit, parse_events, parse_load, parse_samples, parse_transactions } from "./records.ts";
import { guest_environment, guest_plan, type Scenario, scenario_named } from "./scenario.ts";
import { scratch_folder } from "./scratch.ts";
import { GuestFailure, image, run_vm } from "./vm.ts";

/** What the reserve's disk has besides the swap file: the file system itself, and the margin HOSA leaves free. */
const FILE_SYSTEM_BYTES = 2 * 1024 ** 3;

/** A run that this machine or this checkout cannot do: said loudly, never passed over. */
export class Skip extends Error {}

/** What a run of the cell is asked for: the options that change what is measured. */
export function settings_of(options: Options, cell: Cell): Settings {
  const scenario = scenario_named(options.scenario);
  return {
    age_s: options.age_s ?? scenario.age_s,
    after_s: options.after_s ?? scenario.after_s,
    rps: options.rps,
    hosa: cell.agent === "hosa" ? fingerprint([options.hosa, config_of(options)]) : null,
  };
}

function reserve_bytes_of(cell: Cell): number {
  return cell.reserve_mb * 1024 ** 2;
}

/** What the operator who sets the disk aside writes into hosa.yaml; job.sh mounts it there. */
function reserve_section(cell: Cell): string {
  return `reserve:\n  path: /reserve/hosa.swap\n  size_bytes: ${reserve_bytes_of(cell)}\n`;
}

function config_of(options: Options): string {
  return options.config ?? join(import.meta.dir, "hosa.yaml");
}

/** Short hash of the contents; null when one of the files does not exist. */
function fingerprint(files: readonly string[]): string | null {
  const hash = new Bun.CryptoHasher("sha256");
  for (const file of files) {
    if (!existsSync(file)) return null;
    hash.update(readFileSync(file));
  }
  return hash.digest("hex").slice(0, 16);
}

/**
 * Boots one guest, runs the scenario in it and measures what it recorded.
 * @throws {Skip} what cannot run here. @throws {GuestFailure} a guest that brought no result.
 */
export async function run_once(options: Options, cell: Cell): Promise<TimedResult> {
  const scenario = scenario_named(options.scenario);
  const settings = settings_of(options, cell);
  const label = {
    scenario: scenario.name,
    agent: agent_label(cell, options.high_at_onset),
    kernel: cell.kernel,
    clock: options.clock,
    seed: cell.seed,
  };
  const scratch = scratch_folder("hosa-lab-tree");
  const tree = scratch.path;
  try {
    const guest = join(tree, "root");
    fill(join(guest, "job"), options, scenario, cell, settings);
    const fresh = join(tree, "result");
    mkdirSync(fresh);
    const reserve_bytes = reserve_bytes_of(cell);
    const cost = await run_vm({
      ...(reserve_bytes === 0 ? {} : { persistent_memory_bytes: reserve_bytes + FILE_SYSTEM_BYTES }),
      kernel: cell.kernel,
      clock: options.clock,
      seed: cell.seed,
      tree: guest,
      out: fresh,
      timeout_s: 300 + 5 * (settings.age_s + settings.after_s),
      systemd: SYSTEMD_AGENTS.includes(cell.agent),
    });
    const result = { ...measure(label, read_records(fresh, scenario, cell.agent)), ...cost, settings };
    if (options.out !== null)
      keep(fresh, join(options.out, folder_of(label.scenario, label.kernel, label.agent, label.seed)), result);
    return result;
  } finally {
    scratch.remove();
  }
}

/** The result comes last and at once: a folder that has one is complete. */
function keep(fresh: string, out: string, result: TimedResult): void {
  mkdirSync(out, { recursive: true });
  cpSync(fresh, out, { recursive: true });
  writeFileSync(join(out, "result.json.new"), `${JSON.stringify(result)}\n`);
  renameSync(join(out, "result.json.new"), join(out, "result.json"));
}

function fill(job: string, options: Options, scenario: Scenario, cell: Cell, settings: Settings): void {
  mkdirSync(job, { recursive: true });
  cpSync(image("workloads"), job, { recursive: true });
  if (scenario.needs_java) cpSync(image("java"), job, { recursive: true, verbatimSymlinks: true });
  if (cell.agent === "earlyoom") cpSync(image("earlyoom"), join(job, "earlyoom"));
  if (SYSTEMD_AGENTS.includes(cell.agent)) {
    try {
      image("systemd");
    } catch (e) {
      throw new Skip(`systemd-oomd needs a guest with systemd: ${e instanceof Error ? e.message : String(e)}`);
    }
  }
  if (cell.agent === "hosa") {
    if (!existsSync(options.hosa)) throw new Skip(`${options.hosa} does not exist; build it, or name it with --hosa`);
    cpSync(options.hosa, join(job, "hosa"));
    cpSync(config_of(options), join(job, "hosa.yaml"));
    if (cell.reserve_mb > 0) appendFileSync(join(job, "hosa.yaml"), reserve_section(cell));
  }
  for (const script of ["job.sh", "systemd.sh"]) cpSync(join(import.meta.dir, "guest", script), join(job, script));
  writeFileSync(join(job, "plan"), guest_plan(scenario));
  writeFileSync(
    join(job, "env"),
    guest_environment(scenario, {
      agent: cell.agent,
      seed: cell.seed,
      age_s: settings.age_s,
      after_s: settings.after_s,
      rps: settings.rps,
      high_bytes: (cell.high_mb ?? 0) * 1024 ** 2,
      high_at_onset: options.high_at_onset,
      reserve_bytes: reserve_bytes_of(cell),
    }),
  );
}

function read_records(out: string, scenario: Scenario, agent: Agent) {
  const text = (name: string): string => (existsSync(join(out, name)) ? readFileSync(join(out, name), "utf8") : "");
  if (text("plan.json") === "") throw new GuestFailure("the guest's job ended before it began", text("job.log"));
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
