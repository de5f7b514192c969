import { join } from "node:path";
import type { Config } from "../config/index.ts";
import type { Outcome } from "../model/containment.ts";
import type { Maybe } from "../model/sample.ts";
import { Ledger, read_entries } from "../motor/ledger.ts";
import { outcome_of_undo } from "../motor/outcome.ts";
import { undo_taint } from "../motor/quarantine/executor.ts";
import { finished } from "../motor/recover.ts";
import { type ClusterAccess, NodeTaint } from "../telemetry/kubernetes.ts";
import { abort_after, pause } from "./clock.ts";

/**
 * Takes off a taint the ledger holds, before the rest is undone: only the cluster can do it, and it has to be waited for. The way to
 * the API server stands in the entry, so whoever releases need not run in a pod. @throws LedgerBusy while an agent runs
 */
export async function release_taint(config: Config): Promise<readonly Outcome[]> {
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

/** The node that carries a taint of ours, by the ledger. */
export function tainted_node(ledger_dir: string): Maybe<string> {
  for (const { kind, path } of read_entries(join(ledger_dir, "ledger.jsonl")).values())
    if (kind === "taint") return path;
  return null;
}

/** A taint that stands is met again by the undo of the rest, which knows less about why: it is told once. */
export function and_the_rest(taint: readonly Outcome[], undo: () => readonly Outcome[]): readonly Outcome[] {
  return [...taint, ...undo().filter((outcome) => !taint.some((each) => each.ledger_id === outcome.ledger_id))];
}
