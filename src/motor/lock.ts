import { readFileSync, readlinkSync, renameSync, rmSync, symlinkSync } from "node:fs";
import type { Maybe } from "../model/sample.ts";

/** Another live process holds the ledger: two motors must never act at once. */
export class LedgerBusy extends Error {
  override readonly name = "LedgerBusy";
  readonly pid: number;

  constructor(path: string, pid: number) {
    super(
      `take the ledger lock ${path}: held by the running process ${pid}; stop it (systemctl stop hosa) or ask it to release`,
    );
    this.pid = pid;
  }
}

function start_ticks(pid: number): Maybe<string> {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19] ?? null;
  } catch {
    return null;
  }
}

function holder_alive(content: string, boot_id: string): boolean {
  const [pid, ticks, boot] = content.trim().split(" ");
  return boot === boot_id && ticks !== undefined && start_ticks(Number(pid)) === ticks;
}

function read_or_null(path: string): Maybe<string> {
  try {
    return readlinkSync(path, "latin1");
  } catch {
    return read_file_or_null(path);
  }
}

/** Locks of older versions are files. */
function read_file_or_null(path: string): Maybe<string> {
  try {
    return readFileSync(path, "latin1").trim();
  } catch {
    return null;
  }
}

function placed(content: string, path: string): boolean {
  try {
    symlinkSync(content, path);
    return true;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "EEXIST") return false;
    throw error;
  }
}

const ATTEMPTS_MAX = 8;
let sequence = 0;

/** A lock that is held: calling it gives it back. */
export interface Lock {
  (): void;
  /**
   * Puts the lock back where another program removed it. True: it was missing.
   * @throws LedgerBusy when another live process has taken it meanwhile
   */
  keep(): boolean;
}

/**
 * Take the lock `path`: a symbolic link that leads nowhere but says "pid start-ticks boot-id". It appears complete, and takes no room
 * for data: where the file system is full, what is held must still be released. The lock of a dead process is moved aside
 * and taken over. Returns the function that gives it back.
 * @throws LedgerBusy when a live process holds it
 */
export function take_lock(path: string, boot_id: string): Lock {
  const own = `${process.pid} ${start_ticks(process.pid)} ${boot_id}`;
  place_lock(path, own, boot_id);
  const keep = (): boolean => {
    if (read_or_null(path) === own) return false;
    place_lock(path, own, boot_id);
    return true;
  };
  return Object.assign(() => give_back(path, own), { keep });
}

function place_lock(path: string, own: string, boot_id: string): void {
  for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt += 1) {
    if (placed(own, path)) return;
    const held = read_or_null(path);
    if (held === null) continue;
    if (holder_alive(held, boot_id)) throw new LedgerBusy(path, Number(held.split(" ")[0]));
    sequence += 1;
    move_aside(path, `${path}.${process.pid}.${sequence}.stale`, held);
  }
  const said = `take the ledger lock ${path}: changed hands ${ATTEMPTS_MAX} times meanwhile; try again`;
  throw Object.assign(new Error(said), { code: "EAGAIN" });
}

/** Remove a stale lock; when another process replaced it in between, its lock is put back. */
function move_aside(path: string, aside: string, stale: string): void {
  try {
    renameSync(path, aside);
  } catch {
    return;
  }
  const moved = read_or_null(aside);
  if (moved !== null && moved !== stale) placed(moved, path);
  rmSync(aside, { force: true });
}

function give_back(path: string, own: string): void {
  if (read_or_null(path) === own) rmSync(path, { force: true });
}
