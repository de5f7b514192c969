import type { Named, StepOutcome } from "../../model/quarantine.ts";
import { flat_value } from "../files.ts";
import { directory_of, locate } from "../locate.ts";
import { FileTrouble, Gone, Refusal } from "../trouble.ts";
import { entry_of, type QuarantineContext, told, told_of_error } from "./context.ts";

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
  const { files, mount, ledger } = context;
  if (mount === null) throw new Refusal("there is no cgroup v2");
  const path = locate(files, mount, cgroup.id, cgroup.path);
  if (path === null) throw new Gone("it no longer exists");
  const why = context.guard(cgroup.id, path);
  if (why !== null) throw new Refusal(why);
  const directory = directory_of(mount, path);
  const events = `${directory}/cgroup.events`;
  const known = ledger
    .entries()
    .find((entry) => entry.until === "release" && entry.rung === "freeze" && entry.cgroup_id === cgroup.id);
  const prior = files.read(`${directory}/cgroup.freeze`).trim();
  if (known !== undefined) {
    // A predecessor may have died between its entry and its write.
    if (prior !== "1") files.write(`${directory}/cgroup.freeze`, "1");
    return { path, events, ledger_id: known.id };
  }
  if (prior !== "0") throw new Refusal("it is frozen already, by somebody else");
  const about = { id: cgroup.id, path, file: "cgroup.freeze" };
  const entry = ledger.open({ ...entry_of("file", "freeze", about, prior, "1"), mount, root_id: files.inode(mount) });
  files.write(`${directory}/cgroup.freeze`, "1");
  return { path, events, ledger_id: entry.id };
}

/** What the kernel says of one; null while it may still confirm. */
function look({ files }: QuarantineContext, { path, events, ledger_id }: Asked, last: boolean): StepOutcome | null {
  const more = { prior: "0", written: "1", ledger_id };
  try {
    const text = files.read(events);
    if (flat_value(text, "frozen") === "1") return told("freeze", path, "done", "frozen", more);
    if (flat_value(text, "populated") === "0") return told("freeze", path, "done", "nobody lives in it any more", more);
  } catch (error) {
    if (error instanceof FileTrouble) return told_of_error("freeze", path, error);
    throw error;
  }
  if (!last) return null;
  const detail = `asked, but not still within ${CONFIRM_WITHIN_MS / 1000} s: a thread cannot be interrupted; it stops when it can`;
  return told("freeze", path, "pending", detail, more);
}
