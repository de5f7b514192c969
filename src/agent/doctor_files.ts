import { accessSync, constants, lstatSync, statfsSync } from "node:fs";
import { dirname } from "node:path";
import type { Config } from "../config/index.ts";
import type { Finding } from "../model/doctor.ts";
import { loss_kind } from "../model/loss.ts";

/** Less room than this is soon used up: an audit line of a decision takes some ten kilobytes. */
const LEAST_ROOM_BYTES = 1024 * 1024;

/** What HOSA writes and whether it can be written now. Makes nothing. */
export function examine_files(config: Config): readonly Finding[] {
  const { audit, learning, motor } = config;
  return [
    examine_file("audit", audit.path, dirname(audit.path), "audit_lines"),
    examine_file("ledger", motor.ledger_dir, motor.ledger_dir, "ledger"),
    examine_file("baseline", learning.state_dir, learning.state_dir, "baseline_saves"),
  ];
}

function examine_file(
  what: string,
  path: string,
  directory: string,
  code: "audit_lines" | "ledger" | "baseline_saves",
): Finding {
  const why = path === directory ? null : no_regular_file(path);
  const trouble = why ?? unwritable(directory);
  if (trouble === null) return { what, state: "ok", detail: path, costs: "", remedy: "" };
  const { effect, remedy } = loss_kind(code);
  return { what, state: "missing", detail: `${path}: ${trouble}`, costs: effect, remedy };
}

function no_regular_file(path: string): string | null {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined || found.isFile()) return null;
  return found.isSymbolicLink() ? "a symbolic link, which is not followed" : "no regular file";
}

/** The directory, or the nearest one above it that is there: what is missing between them is made by the agent. */
function unwritable(directory: string): string | null {
  let at = directory;
  while (lstatSync(at, { throwIfNoEntry: false }) === undefined && dirname(at) !== at) at = dirname(at);
  try {
    accessSync(at, constants.W_OK);
    const { bavail, bsize } = statfsSync(at);
    if (bavail * bsize < LEAST_ROOM_BYTES) return `only ${bavail * bsize} bytes are free in ${at}`;
    return null;
  } catch (error) {
    if (error instanceof Error && "code" in error) return `${at} may not be written (${String(error.code)})`;
    throw error;
  }
}
