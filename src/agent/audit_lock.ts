import { mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { AuditWriter } from "../audit/index.ts";
import type { Config } from "../config/index.ts";
import { denied_hint } from "../files/denied.ts";
import { errno_of, errno_text } from "../model/errno.ts";
import { OperatorError } from "../model/error.ts";
import { current_boot_id } from "../motor/ledger.ts";
import { LedgerBusy, take_lock } from "../motor/lock.ts";
import { wall_time_iso } from "./clock.ts";

/** The audit, and the lock that keeps a second process from continuing the same chain. */
export interface LockedAudit {
  readonly audit: AuditWriter;
  readonly unlock: () => void;
}

/** Opens the audit for this process alone. Throws OperatorError. */
export function open_audit(config: Config): LockedAudit {
  const { path, max_bytes, keep } = config.audit;
  const unlock = lock(path);
  try {
    return { audit: new AuditWriter({ path, max_bytes, keep, wall_time: wall_time_iso }), unlock };
  } catch (error) {
    unlock();
    throw error;
  }
}

function lock(path: string): () => void {
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
