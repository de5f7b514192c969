import type { Action, Outcome } from "../model/containment.ts";
import type { LedgerEntry } from "./entry.ts";
import type { Change } from "./rungs/containment.ts";
import { FileTrouble, Gone, Refusal } from "./trouble.ts";
import type { Undone } from "./undo.ts";

/** Outcome of an action that changed something, or tried to. */
export function outcome_of(action: Action, now_ns: number, seen: Change, ledger_id: string | null): Outcome {
  return {
    id: action.id,
    verb: action.verb,
    rung: action.setting.rung,
    target: action.target,
    t_ns: now_ns,
    status: seen.status,
    file: seen.file,
    prior: seen.prior,
    written: seen.written,
    ledger_id,
    detail: seen.detail,
    ...(seen.wait_s == null ? {} : { wait_s: seen.wait_s }),
    ...(seen.unmet == null ? {} : { unmet: seen.unmet }),
  };
}

/** Outcome of undoing one ledger entry. `why` stands before what was found. */
export function outcome_of_undo(entry: LedgerEntry, undone: Undone, now_ns: number, why: string): Outcome {
  return {
    id: entry.containment,
    verb: "release",
    rung: entry.rung,
    target: entry.target,
    t_ns: now_ns,
    status: undone.status,
    file: `${entry.path === "/" ? "" : entry.path}/${entry.file}`,
    prior: undone.found,
    written: undone.written,
    ledger_id: entry.id,
    detail: why === "" ? undone.detail : `${why}: ${undone.detail}`,
  };
}

/** What a thrown error means to the operator; errors that are our own bugs are thrown again. */
export function status_of_error(error: unknown): Pick<Change, "status" | "detail" | "wait_s" | "unmet"> {
  if (error instanceof Refusal) {
    return { status: "refused", detail: error.message, wait_s: error.wait_s, unmet: error.unmet };
  }
  if (error instanceof Gone) return { status: "gone", detail: error.message };
  if (error instanceof FileTrouble) {
    return { status: error.vanished ? "gone" : "failed", detail: error.message };
  }
  throw error;
}
