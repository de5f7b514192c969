import type { LedgerEntry } from "../entry.ts";
import type { CgroupFiles } from "../files.ts";
import type { Ledger, NewEntry } from "../ledger.ts";
import type { Processes } from "../processes.ts";
import { FileTrouble, Gone, Refusal } from "../trouble.ts";
import { home_type } from "../undo-hold.ts";

/** Child cgroup in which the processes of a unit are frozen, so that the cgroup of the unit itself stays open to its manager. */
export const FREEZE_CHILD = "hosa-freeze";
const PROCESSES_MAX = 256;
/** What has not moved yet may fork: it is looked again so often. */
const PASSES_MAX = 8;

/** What moving the processes of a unit works with. */
export interface MoveContext {
  readonly files: CgroupFiles;
  readonly processes: Processes;
  readonly ledger: Ledger;
}

/**
 * Whether the cgroup is a unit of the service manager: systemd starts the commands of a unit (reload, stop) inside its cgroup, and from
 * version 256 on waits there itself until they have begun. Measured with 257: a frozen unit that is reloaded stops PID 1 until the thaw.
 */
export function is_managed_unit(path: string, processes: Processes): boolean {
  return processes.manager !== null && /\.(service|scope|socket|mount|swap)$/.test(path);
}

/**
 * Moves the processes of a unit into a child cgroup that is frozen already. The controllers of the unit see no difference, because
 * none of them is handed down to the child. Written down before anything is made; a failure leaves the undo to the ledger.
 *
 * @throws Refusal where the layout forbids it, Gone where nothing lives there
 */
export function freeze_in_child(context: MoveContext, directory: string, path: string, entry: NewEntry): LedgerEntry {
  const { files, ledger } = context;
  refuse_layout(files, directory, path);
  const first = pids_of(files, directory);
  if (first.length === 0) throw new Gone(`${path} holds no process`);
  if (first.length > PROCESSES_MAX)
    throw new Refusal(`${first.length} processes to freeze, the bound is ${PROCESSES_MAX}`);
  const opened = ledger.open({
    ...entry,
    kind: "child",
    file: FREEZE_CHILD,
    prior: "domain",
    intended: "1",
    threads: [],
  });
  const child = `${directory}/${FREEZE_CHILD}`;
  files.make_directory(child);
  files.write(`${child}/cgroup.freeze`, "1");
  for (let pass = 0; pass < PASSES_MAX; pass++) {
    const left = pids_of(files, directory);
    if (left.length === 0) return opened;
    for (const pid of left) move(files, child, pid);
  }
  throw new Refusal(`${path} starts processes faster than they can be moved`);
}

function refuse_layout(files: CgroupFiles, directory: string, path: string): void {
  const type = home_type(files, directory);
  if (type !== "domain") throw new Refusal(`${path} is "${type}": its processes cannot be moved into a child cgroup`);
  const enabled = files.read(`${directory}/cgroup.subtree_control`).trim();
  if (enabled !== "") throw new Refusal(`${path} hands ${enabled} down to its children`);
  const [child] = files.directories(directory);
  if (child !== undefined) throw new Refusal(`${path} has child cgroups (${child})`);
}

export function pids_of(files: CgroupFiles, directory: string): readonly string[] {
  return files.read(`${directory}/cgroup.procs`).split("\n").filter(Boolean);
}

/** A process that ended meanwhile needs no move. */
function move(files: CgroupFiles, to: string, pid: string): void {
  try {
    files.write(`${to}/cgroup.procs`, pid);
  } catch (error) {
    if (!(error instanceof FileTrouble && error.vanished)) throw error;
  }
}

/**
 * Gives everything in the child back to its home and removes it. Called again it does what is left to do.
 * @returns what was found in it, and whether it is gone
 */
export function give_back(files: CgroupFiles, home: string): { readonly moved: number; readonly removed: boolean } {
  const child = `${home}/${FREEZE_CHILD}`;
  let moved = 0;
  try {
    files.write(`${child}/cgroup.freeze`, "0");
    for (let pass = 0; pass < PASSES_MAX; pass++) {
      const left = pids_of(files, child);
      if (left.length === 0) break;
      for (const pid of left) move(files, home, pid);
      moved += left.length;
    }
    files.remove_directory(child);
  } catch (error) {
    if (!(error instanceof FileTrouble)) throw error;
    if (error.code === "EBUSY") return { moved, removed: false };
    // The manager removes the children of a unit that has ended.
    if (!error.vanished) throw error;
  }
  return { moved, removed: true };
}
