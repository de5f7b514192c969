import { join } from "node:path";
import type { Config } from "../config/index.ts";
import { geteuid, monotonic_ns } from "../ffi/libc.ts";
import { denied_hint } from "../files/denied.ts";
import type { Outcome } from "../model/containment.ts";
import type { HeldItem, ReleaseReply, Selector } from "../model/control.ts";
import { errno_of, errno_text } from "../model/errno.ts";
import { OperatorError } from "../model/error.ts";
import type { LedgerEntry } from "../motor/entry.ts";
import { type CgroupFiles, kernel_files } from "../motor/files.ts";
import { held_item, selected } from "../motor/held.ts";
import { current_boot_id, read_entries } from "../motor/ledger.ts";
import { LedgerBusy } from "../motor/lock.ts";
import { conservative_item, release_conservative } from "../motor/quarantine/found.ts";
import { type ReleaseOptions, release_from_ledger } from "../motor/recover.ts";
import { ONLY_ITSELF, see_whole_node } from "../sensor/own_cgroup.ts";
import { open_audit } from "./audit_lock.ts";
import { and_the_rest, release_taint } from "./release_taint.ts";

/** For the command line, which knows no motor. */
export { conservative_item as conservative_marker, release_conservative as end_conservative, selected };

/** The world, replaced in tests. */
export type World = Pick<ReleaseOptions, "files" | "processes" | "boot_id">;

/** What the ledger of this boot holds, oldest first; nothing is locked or changed. Throws OperatorError. */
export function held_in_ledger(ledger_dir: string, world: World = {}): readonly HeldItem[] {
  try {
    const boot_id = world.boot_id ?? current_boot_id();
    const entries = [...read_entries(join(ledger_dir, "ledger.jsonl")).values()];
    const files = world.files ?? kernel_files;
    return entries.filter((entry) => entry.boot_id === boot_id).map((entry) => held_item(entry, files));
  } catch (error) {
    throw unusable(ledger_dir, error);
  }
}

/**
 * Undoes from the ledger alone, with no agent running, and writes that down in the audit's chain.
 * @param warn what could not be written there: a release is not held up by it
 * @throws OperatorError, also while an agent runs on this ledger
 */
export async function release_without_agent(
  config: Config,
  selector: Selector,
  reason: string,
  warn: (text: string) => void,
  world: World = {},
): Promise<ReleaseReply> {
  const said = preview_without_agent(config, selector, world);
  if (said.selected.length === 0) return said;
  const taint = said.selected.some((item) => item.rung === "taint") ? await untaint(config) : [];
  const outcomes = and_the_rest(taint, () => undo(config.motor.ledger_dir, selector, world));
  await record(config, reason, outcomes, warn);
  return { ...said, outcomes };
}

/** What of the ledger a selector means. Throws OperatorError. */
export function preview_without_agent(config: Config, selector: Selector, world: World = {}): ReleaseReply {
  const held = held_in_ledger(config.motor.ledger_dir, world);
  const items = selected(held, selector);
  const quarantine = items.some((item) => item.quarantine);
  return { selected: items, outcomes: [], quarantine, known: held.map((item) => item.id), cooldown_s: 0 };
}

async function untaint(config: Config): Promise<readonly Outcome[]> {
  try {
    return await release_taint(config);
  } catch (error) {
    throw unusable(config.motor.ledger_dir, error);
  }
}

function undo(ledger_dir: string, selector: Selector, world: World): readonly Outcome[] {
  const narrow = world.processes === undefined ? see_whole_node() : null;
  // Who sees only itself held only what it sees.
  if (narrow !== null && narrow !== ONLY_ITSELF)
    throw new OperatorError(`cannot undo: ${narrow}`, 3, "run it outside of the container");
  try {
    const files = world.files ?? kernel_files;
    const select = (entries: readonly LedgerEntry[]) => chosen(entries, selector, files);
    return release_from_ledger(ledger_dir, { ...world, now_ns: monotonic_ns(), select });
  } catch (error) {
    throw unusable(ledger_dir, error);
  }
}

function chosen(entries: readonly LedgerEntry[], selector: Selector, files: CgroupFiles): readonly LedgerEntry[] {
  const items = entries.map((entry) => held_item(entry, files));
  const wanted = new Set(selected(items, selector).map((item) => item.ledger_id));
  return entries.filter((entry) => wanted.has(entry.id));
}

async function record(
  config: Config,
  reason: string,
  outcomes: readonly Outcome[],
  warn: (text: string) => void,
): Promise<void> {
  const by = { uid: geteuid(), pid: process.pid };
  const said = `released by the operator (uid ${by.uid}) with no agent running${reason === "" ? "" : `: ${reason}`}`;
  try {
    const { audit, unlock } = open_audit(config);
    audit.append({ t_ns: monotonic_ns(), kind: "undo", reason: said, by, outcomes });
    await audit.close();
    unlock();
    if (audit.trouble !== null) warn(`released, but not written down: ${audit.trouble}`);
  } catch (error) {
    if (!(error instanceof OperatorError)) throw error;
    warn(`released, but not written down: ${error.message}`);
  }
}

function unusable(ledger_dir: string, error: unknown): Error {
  if (error instanceof LedgerBusy) {
    const hint = `Its control socket is not there: end it (systemctl stop hosa, or kill ${error.pid}), which releases everything but a quarantine. Where it hangs without systemd, kill -9; then release again.`;
    return new OperatorError(`the running process ${error.pid} holds the ledger in ${ledger_dir}`, 1, hint, error);
  }
  const code = errno_of(error);
  if (code === null) return error instanceof Error ? error : new Error(String(error));
  const denied = code === "EACCES" || code === "EPERM";
  const hint = denied ? denied_hint("Run as root.") : "Check motor.ledger_dir in the configuration.";
  return new OperatorError(`ledger ${ledger_dir} cannot be used: ${errno_text(code)}`, denied ? 3 : 1, hint, error);
}
