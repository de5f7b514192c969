import { RUNGS, type Rung } from "../model/containment.ts";
import type { Maybe } from "../model/sample.ts";
import { type CgroupFiles, offers } from "./files.ts";
import { FileTrouble } from "./trouble.ts";

export interface MissingRung {
  readonly rung: Rung;
  readonly why: string;
}

const REHEARSAL_PREFIX = "hosa-rehearsal.";

const CONTROLLER: Partial<Record<Rung, string>> = {
  memory_governor: "memory",
  swap_reserve: "memory",
  cpu_max: "cpu",
  io_max: "io",
};

/** Try what the freezer and the thread hold need on an empty scratch cgroup, and say what the kernel answered. */
function rehearse(files: CgroupFiles, mount: string, own_pid: number): Maybe<string> {
  const scratch = `${mount}/${REHEARSAL_PREFIX}${own_pid}`;
  const child = `${scratch}/thread`;
  try {
    files.make_directory(scratch);
    files.make_directory(child);
    files.write(`${child}/cgroup.type`, "threaded");
    files.write(`${child}/cgroup.freeze`, "1");
    return null;
  } catch (error) {
    if (!(error instanceof FileTrouble)) throw error;
    return `rehearsal on an empty cgroup: ${error.message}`;
  } finally {
    for (const directory of [child, scratch]) remove_quietly(files, directory);
  }
}

/** The rehearsal's own error is the one worth telling; an empty cgroup left behind costs nothing and is swept next time. */
function remove_quietly(files: CgroupFiles, directory: string): void {
  try {
    files.remove_directory(directory);
  } catch (error) {
    if (!(error instanceof FileTrouble)) throw error;
  }
}

function sweep(files: CgroupFiles, mount: string): void {
  for (const name of files.directories(mount)) {
    if (!name.startsWith(REHEARSAL_PREFIX)) continue;
    remove_quietly(files, `${mount}/${name}/thread`);
    remove_quietly(files, `${mount}/${name}`);
  }
}

/** What else may be missing, by rung; null: it is there. */
interface Beside {
  readonly thread_hold: Maybe<string>;
  readonly shield: Maybe<string>;
  readonly swap_reserve: Maybe<string>;
}

/** Rungs this host cannot offer, and why. cpu_weight is never among them: niceness is its fallback. */
export function missing_rungs(
  files: CgroupFiles,
  mount: string,
  enabled: readonly Rung[],
  own_pid: number,
  no_shield: Maybe<string>,
  no_reserve: Maybe<string>,
): readonly MissingRung[] {
  if (!offers(files, `${mount}/cgroup.controllers`)) return without_cgroups(`${mount} is not a cgroup v2 mount`);
  sweep(files, mount);
  const thread_hold = rehearse(files, mount, own_pid);
  return missing_beside(files, mount, enabled, { thread_hold, shield: no_shield, swap_reserve: no_reserve });
}

/** The same for a run that touches nothing: what a rehearsal would find is not known. */
export function missing_as_read(files: CgroupFiles, mount: string, enabled: readonly Rung[]): readonly MissingRung[] {
  if (!offers(files, `${mount}/cgroup.controllers`)) return without_cgroups(`${mount} is not a cgroup v2 mount`);
  return missing_beside(files, mount, enabled, { thread_hold: null, shield: null, swap_reserve: null });
}

/** Nothing can be contained. */
export function without_cgroups(why: string): readonly MissingRung[] {
  return RUNGS.map((rung) => ({ rung, why }));
}

function missing_beside(
  files: CgroupFiles,
  mount: string,
  enabled: readonly Rung[],
  beside: Beside,
): readonly MissingRung[] {
  const controllers = files.read(`${mount}/cgroup.controllers`).split(/\s+/);
  const missing: MissingRung[] = [];
  for (const rung of RUNGS) {
    const controller = CONTROLLER[rung];
    const why = rung === "thread_hold" || rung === "shield" || rung === "swap_reserve" ? beside[rung] : null;
    if (!enabled.includes(rung)) missing.push({ rung, why: "not enabled in the configuration" });
    else if (controller !== undefined && !controllers.includes(controller)) {
      missing.push({ rung, why: `the ${controller} controller is not on cgroup v2 (${mount}/cgroup.controllers)` });
    } else if (why !== null) missing.push({ rung, why });
  }
  return missing;
}
