import { join } from "node:path";
import type { Outcome } from "../model/containment.ts";
import { OperatorError } from "../model/error.ts";
import { read_entries } from "../motor/ledger.ts";
import { LedgerBusy } from "../motor/lock.ts";
import { release_from_ledger } from "../motor/recover.ts";

/** Undo everything the ledger holds; with `dry_run` only say what would be undone. Throws OperatorError. */
export function release(ledger_dir: string, dry_run: boolean): readonly Outcome[] {
  try {
    return dry_run ? pending(ledger_dir) : release_from_ledger(ledger_dir);
  } catch (error) {
    if (error instanceof LedgerBusy) {
      throw new OperatorError(error.message, 1, "An agent that ends releases everything by itself.", error);
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
