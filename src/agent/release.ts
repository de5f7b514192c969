import { join } from "node:path";
import type { Config } from "../config/index.ts";
import type { Outcome } from "../model/containment.ts";
import { OperatorError } from "../model/error.ts";
import { Ledger, read_entries } from "../motor/ledger.ts";
import { LedgerBusy } from "../motor/lock.ts";
import { outcome_of_undo } from "../motor/outcome.ts";
import { undo_taint } from "../motor/quarantine/executor.ts";
import { release_conservative } from "../motor/quarantine/found.ts";
import { finished, release_from_ledger } from "../motor/recover.ts";
import { type ClusterAccess, NodeTaint } from "../telemetry/kubernetes.ts";
import { abort_after, pause } from "./clock.ts";

/**
 * Undo everything the ledger holds, a taint first, because only the cluster can take it away; and end conservative mode. With
 * `dry_run` only say what would be undone. Rejects with OperatorError.
 */
export async function release(config: Config, dry_run: boolean): Promise<readonly Outcome[]> {
  const { ledger_dir } = config.motor;
  try {
    const undone = dry_run ? pending(ledger_dir) : await release_ledger(config);
    // Its marker outlives the ledger, which a reboot empties.
    const conservative = release_conservative(config.quarantine.conservative_marker, dry_run);
    return conservative === null ? undone : [...undone, conservative];
  } catch (error) {
    if (error instanceof LedgerBusy) {
      throw new OperatorError(error.message, 1, "An agent that ends releases everything but a quarantine.", error);
    }
    const code = error instanceof Error && "code" in error ? String(error.code) : null;
    if (code === null) throw error;
    const denied = code === "EACCES" || code === "EPERM";
    const hint = denied ? "Run as root." : "Check motor.ledger_dir in the configuration.";
    throw new OperatorError(`ledger ${ledger_dir} cannot be used (${code})`, denied ? 3 : 1, hint, error);
  }
}

async function release_ledger(config: Config): Promise<readonly Outcome[]> {
  const taint = await release_taint(config);
  const rest = release_from_ledger(config.motor.ledger_dir);
  // A taint that stands is met again by the undo of the rest, which knows less about why.
  return [...taint, ...rest.filter((outcome) => !taint.some((each) => each.ledger_id === outcome.ledger_id))];
}

/** The way to the API server stands in the entry: whoever releases need not run in a pod. */
async function release_taint(config: Config): Promise<readonly Outcome[]> {
  const { ledger_dir } = config.motor;
  const written = [...read_entries(join(ledger_dir, "ledger.jsonl")).values()];
  if (!written.some((entry) => entry.kind === "taint")) return [];
  const ledger = new Ledger(ledger_dir);
  try {
    const entry = ledger.entries().find((each) => each.kind === "taint");
    if (entry === undefined) return [];
    const access: ClusterAccess = JSON.parse(entry.prior);
    const deadline_ms = config.quarantine.taint_deadline_s * 1000;
    const undone = await undo_taint(entry, new NodeTaint({ access, deadline_ms, abort_after, pause }));
    if (finished(undone.status)) ledger.close_entry(entry.id);
    return [outcome_of_undo(entry, undone, 0, "from the ledger")];
  } finally {
    ledger.close();
  }
}

function pending(ledger_dir: string): readonly Outcome[] {
  const entries = [...read_entries(join(ledger_dir, "ledger.jsonl")).values()];
  return entries.reverse().map((entry) => ({
    id: entry.containment,
    verb: "release",
    rung: entry.rung,
    target: entry.target,
    t_ns: 0,
    status: "pending",
    file: `${entry.path}/${entry.file}`,
    prior: entry.intended,
    written: entry.prior,
    ledger_id: entry.id,
    detail: "dry run: would be restored",
  }));
}
