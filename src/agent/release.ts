import { join } from "node:path";
import type { Config } from "../config/index.ts";
import type { Outcome } from "../model/containment.ts";
import { OperatorError } from "../model/error.ts";
import { read_entries } from "../motor/ledger.ts";
import { LedgerBusy } from "../motor/lock.ts";
import { release_conservative } from "../motor/quarantine/found.ts";
import { release_from_ledger } from "../motor/recover.ts";
import { and_the_rest, release_taint } from "./release_taint.ts";

/**
 * Undo everything the ledger holds, a taint first, because only the cluster can take it away; and end conservative mode. With
 * `dry_run` only say what would be undone. Rejects with OperatorError.
 */
export async function release(config: Config, dry_run: boolean): Promise<readonly Outcome[]> {
  const { ledger_dir } = config.motor;
  try {
    const undone = dry_run
      ? pending(ledger_dir)
      : and_the_rest(await release_taint(config), () => release_from_ledger(ledger_dir));
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
