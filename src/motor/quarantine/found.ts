import { basename, dirname, join } from "node:path";
import { read_text } from "../../files/regular.ts";
import type { Outcome } from "../../model/containment.ts";
import type { HeldItem } from "../../model/control.ts";
import { reason_of } from "../../model/errno.ts";
import type { Maybe } from "../../model/sample.ts";
import type { LedgerEntry } from "../entry.ts";
import { read_entries } from "../ledger.ts";
import { outcome_of_undo } from "../outcome.ts";
import { entry_of, QUARANTINE_ID } from "./context.ts";
import { kernel_world, type QuarantineWorld, undo_quarantine_entry } from "./undo.ts";

const MARKER_BYTES_MAX = 65_536;

/** The open mark of a quarantine this boot is in; null when the node is free. Reads the ledger without taking its lock. */
export function found_mark(ledger_dir: string, boot_id: string): Maybe<LedgerEntry> {
  for (const entry of read_entries(join(ledger_dir, "ledger.jsonl")).values()) {
    if (entry.kind === "quarantine" && entry.boot_id === boot_id) return entry;
  }
  return null;
}

/** Since when a node must be conservative, because it was rebooted out of a quarantine; null when it need not. */
export function found_conservative(marker: string, boot_id: string): Maybe<string> {
  let text: string;
  try {
    text = read_text(marker, MARKER_BYTES_MAX);
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return null;
    // A marker that cannot be read is one all the same: the careful answer is the safe one.
    return `an unknown time: ${reason_of(error)}`;
  }
  try {
    const { boot_id: then, since } = JSON.parse(text) as { boot_id?: unknown; since?: unknown };
    // Of this boot, it belongs to a quarantine that the ledger knows of, or that was just released.
    if (then === boot_id) return null;
    return typeof since === "string" ? since : "an unknown time";
  } catch {
    return "an unknown time (the marker is damaged)";
  }
}

/** The marker of conservative mode as a thing that is held, whoever runs; null when there is none. */
export function conservative_item(marker: string, world: QuarantineWorld = kernel_world): Maybe<HeldItem> {
  if (world.devices.read(marker) === null) return null;
  return {
    id: "conservative",
    ledger_id: null,
    rung: "conservative",
    target: { cgroup_id: 0, path: dirname(marker), pid: null, tid: null, comm: null },
    file: marker,
    now: "present",
    restores: "absent",
    quarantine: true,
  };
}

/** Ends conservative mode by removing its marker; null when there is none. */
export function release_conservative(marker: string, world: QuarantineWorld = kernel_world): Maybe<Outcome> {
  if (world.devices.read(marker) === null) return null;
  const about = { id: 0, path: dirname(marker), file: basename(marker) };
  const entry: LedgerEntry = {
    ...entry_of("marker", "conservative", about, "absent", "present"),
    id: QUARANTINE_ID,
    boot_id: "",
    superseded: "present",
  };
  return outcome_of_undo(entry, undo_quarantine_entry(entry, world), 0, "conservative mode");
}
