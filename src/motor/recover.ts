import type { Outcome } from "../model/containment.ts";
import type { LedgerEntry } from "./entry.ts";
import { type CgroupFiles, kernel_files, with_steps } from "./files.ts";
import { Ledger } from "./ledger.ts";
import { outcome_of_undo } from "./outcome.ts";
import { kernel_processes, type Processes, processes_with_steps } from "./processes.ts";
import { kernel_world, lift_mark, type QuarantineWorld } from "./quarantine/undo.ts";
import { kernel_swap, type SwapPort, swap_with_steps } from "./reserve/port.ts";
import { undo_entry } from "./undo.ts";

export interface ReleaseOptions {
  /** Stamp of the outcomes. */
  readonly now_ns?: number;
  readonly files?: CgroupFiles;
  readonly processes?: Processes;
  readonly world?: QuarantineWorld;
  readonly swap?: SwapPort;
  /** Called around every change; a test stops the release there. */
  readonly step?: (name: string) => void;
  readonly boot_id?: string;
  /** What is undone; without it everything. */
  readonly select?: (entries: readonly LedgerEntry[]) => readonly LedgerEntry[];
}

/** Whether an undone entry may be struck off: a failed or pending one stays for the next attempt. */
export function finished(status: Outcome["status"]): boolean {
  return status !== "failed" && status !== "pending";
}

/** Undo the given entries newest first, striking off each one that is finished. */
export function undo_entries(
  ledger: Ledger,
  entries: readonly LedgerEntry[],
  files: CgroupFiles,
  processes: Processes,
  now_ns: number,
  why: string,
  world: QuarantineWorld = kernel_world,
  swap: SwapPort = kernel_swap,
): readonly Outcome[] {
  const outcomes: Outcome[] = [];
  for (const entry of [...entries].reverse()) {
    const mark = entry.kind === "quarantine";
    const undone = mark ? lift_mark(entry, ledger.entries()) : undo_entry(entry, files, processes, world, swap);
    if (finished(undone.status)) ledger.close_entry(entry.id);
    outcomes.push(outcome_of_undo(entry, undone, now_ns, why));
  }
  return outcomes;
}

/**
 * Undo what a motor of this boot left in the ledger, newest first: after a crash or kill -9, or with no agent running.
 * Doing it again does nothing. Entries that could not be undone stay, their outcome is "failed" or "pending".
 * @throws LedgerBusy while an agent runs on the same ledger
 */
export function release_from_ledger(ledger_dir: string, options: ReleaseOptions = {}): readonly Outcome[] {
  const ledger = new Ledger(ledger_dir, options);
  try {
    const { step } = options;
    const raw = options.files ?? kernel_files;
    const table = options.processes ?? kernel_processes;
    const files = step === undefined ? raw : with_steps(raw, step);
    const processes = step === undefined ? table : processes_with_steps(table, step);
    const port = options.swap ?? kernel_swap;
    const swap = step === undefined ? port : swap_with_steps(port, step);
    const now_ns = options.now_ns ?? 0;
    const entries = options.select?.(ledger.entries()) ?? ledger.entries();
    return undo_entries(ledger, entries, files, processes, now_ns, "from the ledger", options.world, swap);
  } finally {
    ledger.close();
  }
}
