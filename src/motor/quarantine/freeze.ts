import type { Action } from "../../model/containment.ts";
import type { Named, StepOutcome } from "../../model/quarantine.ts";
import type { LedgerEntry } from "../entry.ts";
import { flat_value } from "../files.ts";
import { directory_of, locate } from "../locate.ts";
import { undo_entries } from "../recover.ts";
import { FREEZE_CHILD, freeze_in_child, is_managed_unit } from "../rungs/freeze_child.ts";
import { FileTrouble, Gone, Refusal } from "../trouble.ts";
import { entry_of, QUARANTINE_ID, type QuarantineContext, told, told_of_error } from "./context.ts";

/** How long the kernel may take to confirm all freezes together. */
const CONFIRM_WITHIN_MS = 2000;
const LOOK_EVERY_MS = 20;

interface Asked {
  readonly path: string;
  readonly events: string;
  readonly ledger_id: string;
}

/** Freezes cgroups for as long as the quarantine lasts, and waits until the kernel says that they stand still. */
export async function freeze_all(
  context: QuarantineContext,
  cgroups: readonly Named[],
): Promise<readonly StepOutcome[]> {
  context.take_over(
    cgroups.map((each) => each.path),
    context.now_ns(),
  );
  const outcomes: StepOutcome[] = [];
  let asked: Asked[] = [];
  for (const cgroup of cgroups) {
    try {
      asked.push(ask(context, cgroup));
    } catch (error) {
      outcomes.push(told_of_error("freeze", cgroup.path, error));
    }
    // One at a time: a beat comes in between.
    await context.pause(0);
  }
  for (let waited_ms = 0; asked.length > 0; waited_ms += LOOK_EVERY_MS) {
    const open: Asked[] = [];
    for (const each of asked) {
      const outcome = look(context, each, waited_ms >= CONFIRM_WITHIN_MS);
      if (outcome === null) open.push(each);
      else outcomes.push(outcome);
    }
    asked = open;
    if (asked.length > 0) await context.pause(LOOK_EVERY_MS);
  }
  return outcomes;
}

function ask(context: QuarantineContext, cgroup: Named): Asked {
  const { files, mount, ledger, processes } = context;
  if (mount === null) throw new Refusal("there is no cgroup v2");
  const path = locate(files, mount, cgroup.id, cgroup.path);
  if (path === null) throw new Gone("it no longer exists");
  const unmet = context.guard?.refusal(freeze_action({ id: cgroup.id, path }), path, context.now_ns()) ?? null;
  if (unmet !== null && context.guard !== null) throw new Refusal(context.guard.words(unmet), null, unmet);
  const directory = directory_of(mount, path);
  const known = ledger.entries().find((entry) => is_frozen_entry(entry) && entry.cgroup_id === cgroup.id);
  if (known !== undefined) return taken_up(context, known, path);
  const prior = files.read(`${directory}/cgroup.freeze`).trim();
  if (prior !== "0") throw new Refusal("it is frozen already, by another writer");
  const about = { id: cgroup.id, path, file: "cgroup.freeze" };
  const entry = { ...entry_of("file", "freeze", about, prior, "1"), mount, root_id: files.inode(mount) };
  if (is_managed_unit(path, processes)) {
    try {
      const opened = freeze_in_child(context, directory, path, entry);
      return { path, events: `${directory}/${FREEZE_CHILD}/cgroup.events`, ledger_id: opened.id };
    } catch (error) {
      undo_half(context, cgroup.id);
      throw error;
    }
  }
  const opened = ledger.open(entry);
  files.write(`${directory}/cgroup.freeze`, "1");
  return { path, events: `${directory}/cgroup.events`, ledger_id: opened.id };
}

/** A predecessor may have died between its entry and its last write. */
function taken_up({ files, mount }: QuarantineContext, known: LedgerEntry, path: string): Asked {
  const directory = directory_of(mount ?? known.mount, path);
  const place = known.kind === "child" ? `${directory}/${FREEZE_CHILD}` : directory;
  if (files.read(`${place}/cgroup.freeze`).trim() !== "1") files.write(`${place}/cgroup.freeze`, "1");
  return { path, events: `${place}/cgroup.events`, ledger_id: known.id };
}

/** What was refused half-way is given back. */
function undo_half({ ledger, files, processes, now_ns }: QuarantineContext, id: number): void {
  const left = ledger.entries().filter((entry) => is_frozen_entry(entry) && entry.cgroup_id === id);
  undo_entries(ledger, left, files, processes, now_ns(), "rolled back");
}

/** Entries of what level 5 froze. */
export function is_frozen_entry({ until, rung }: LedgerEntry): boolean {
  return until === "release" && rung === "freeze";
}

export function freeze_action({ id, path }: Named): Action {
  const target = { cgroup_id: id, path, pid: null, tid: null, comm: null };
  const setting = { rung: "freeze", frozen: true } as const;
  return { id: `${QUARANTINE_ID} ${id}`, verb: "apply", target, setting, reason: "quarantine" };
}

/** What the kernel says of one; null while it may still confirm. */
function look({ files }: QuarantineContext, { path, events, ledger_id }: Asked, last: boolean): StepOutcome | null {
  const more = { prior: "0", written: "1", ledger_id };
  try {
    const text = files.read(events);
    if (flat_value(text, "frozen") === "1") return told("freeze", path, "done", "frozen", more);
    if (flat_value(text, "populated") === "0") return told("freeze", path, "done", "no process is left in it", more);
  } catch (error) {
    if (error instanceof FileTrouble) return told_of_error("freeze", path, error);
    throw error;
  }
  if (!last) return null;
  const detail = `asked, but not still within ${CONFIRM_WITHIN_MS / 1000} s: a thread cannot be interrupted; it stops when it can`;
  return told("freeze", path, "pending", detail, more);
}
