import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { type AuditOptions, AuditWriter } from "../audit/index.ts";
import type { Config } from "../config/index.ts";
import { denied_hint } from "../files/denied.ts";
import { errno_of, errno_text } from "../model/errno.ts";
import { OperatorError } from "../model/error.ts";
import { current_boot_id } from "../motor/ledger.ts";
import { LedgerBusy, type Lock, take_lock } from "../motor/lock.ts";
import { wall_time_iso } from "./clock.ts";

/** The audit, and the lock that keeps a second process from continuing the same chain. */
export interface LockedAudit {
  readonly audit: AuditWriter;
  readonly unlock: () => void;
}

type Lost = NonNullable<AuditOptions["lost_before"]>;

/**
 * Opens the audit for this process alone. What could not be written by the end is noted beside the ledger, on tmpfs, so that the next
 * process says it in its first line. Throws OperatorError.
 */
export function open_audit(config: Config): LockedAudit {
  const { path, max_bytes, keep } = config.audit;
  const held = lock(path);
  const noted = join(config.motor.ledger_dir, "audit-lost.json");
  const keep_lock = () => {
    mkdirSync(dirname(path), { recursive: true, mode: 0o750 });
    held.keep();
  };
  try {
    const lost_before = take_note(noted, path);
    const audit = new AuditWriter({ path, max_bytes, keep, wall_time: wall_time_iso, keep_lock, lost_before });
    const unlock = () => {
      if (audit.unsaid !== null) leave_note(noted, path, audit.unsaid);
      held();
    };
    return { audit, unlock };
  } catch (error) {
    held();
    throw error;
  }
}

function take_note(noted: string, path: string): Lost | null {
  try {
    const note = JSON.parse(readFileSync(noted, "utf8")) as Lost & { readonly path: string };
    if (note.path !== path || !Number.isInteger(note.count)) return null;
    rmSync(noted, { force: true });
    return { count: note.count, why: String(note.why) };
  } catch {
    // There is no note, or half of one: then nothing is known of an earlier loss.
    return null;
  }
}

function leave_note(noted: string, path: string, lost: Lost): void {
  try {
    mkdirSync(dirname(noted), { recursive: true, mode: 0o700 });
    writeFileSync(noted, JSON.stringify({ path, ...lost }), { mode: 0o600 });
  } catch {
    // Two file systems refuse: the message at the end of this process is all that is left.
  }
}

function lock(path: string): Lock {
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o750 });
    return take_lock(`${path}.lock`, current_boot_id());
  } catch (error) {
    if (error instanceof LedgerBusy) {
      const hint = "End it first, or give this one an audit.path of its own.";
      throw new OperatorError(`audit ${path}: the running process ${error.pid} writes it`, 1, hint, error);
    }
    const code = errno_of(error);
    if (code === null) throw error;
    const denied = code === "EACCES" || code === "EPERM";
    const hint = denied
      ? denied_hint("Run as root, or set audit.path to a place this user may write.")
      : "Set audit.path to a writable place on a disk.";
    throw new OperatorError(`audit file ${path} cannot be locked: ${errno_text(code)}`, denied ? 3 : 1, hint, error);
  }
}
