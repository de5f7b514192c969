import {
  type GroupFacts,
  is_own_child,
  type ProcessFacts,
  type RemedyKind,
  type TargetFacts,
} from "../model/precondition.ts";
import type { Maybe } from "../model/sample.ts";
import type { CgroupFiles } from "./files.ts";
import { directory_of } from "./locate.ts";
import type { Depth } from "./process_facts.ts";
import type { Processes } from "./processes.ts";
import { FileTrouble } from "./trouble.ts";

const GROUPS_MAX = 512;
const PROCESSES_MAX = 1024;
/** Of these everything is read, of the others the name: a beat does not wait for more. What stands still as a whole is known as a whole. */
const WHOLE_MAX: Readonly<Record<RemedyKind, number>> = { weight: 0, limit: 128, memory: 128, hold: 64, freeze: 256 };
/** From this version on systemd says at the cgroup, readable without CAP_SYS_ADMIN, that it is delegated. */
const SAYS_DELEGATION_SINCE = 252;

/** What the reader reads by. */
export interface FactPorts {
  readonly mount: string;
  readonly files: CgroupFiles;
  readonly processes: Processes;
}

/** What a remedy is about to touch. */
export interface Touched {
  /** The cgroup: for a hold the one the thread lives in. */
  readonly path: string;
  readonly kind: RemedyKind;
  /** The process of the thread; null where the whole cgroup is meant. */
  readonly pid: Maybe<number>;
  /** What was found of its processes when it was last read, by number. */
  readonly known?: ReadonlyMap<number, ProcessFacts>;
}

/** Everything the preconditions ask of a target, read now. Bounded; what could not be read is said. */
export function read_target(ports: FactPorts, touched: Touched): TargetFacts {
  const { mount, files, processes } = ports;
  const { path, kind, pid } = touched;
  const unread: string[] = [];
  const stands = kind === "hold" || kind === "freeze";
  const below =
    pid === null ? tree_below(files, mount, path) : { paths: [path, ...own_children(ports, path)], cut: false };
  if (below.cut) unread.push(`more than ${GROUPS_MAX} cgroups below ${path}`);
  const group = (each: string): GroupFacts => {
    return { path: each, ...(stands ? owner_of(ports, each) : { delegated: null, watchdog_s: null }) };
  };
  const above = stands ? ancestors(path) : [];
  const shown = below.paths.filter((each) => each === path || !is_own_child(each));
  const inhabitants = read_inhabitants(ports, below.paths, touched);
  unread.push(...inhabitants.unread);
  const { own_cgroup_path: own_path, manager } = processes;
  const groups = [...above, ...shown].map(group);
  return { path, pid, own_path, manager, groups, processes: inhabitants.found, unread };
}

/** Children of HOSA in a cgroup: what lives in them belongs to it. */
function own_children({ mount, files }: FactPorts, path: string): readonly string[] {
  const names = when_there(() => files.directories(directory_of(mount, path))) ?? [];
  return names.map((name) => (path === "/" ? `/${name}` : `${path}/${name}`)).filter(is_own_child);
}

/** Paths between the root and a cgroup, both left out. */
function ancestors(path: string): readonly string[] {
  const found: string[] = [];
  for (let at = path.lastIndexOf("/"); at > 0; at = path.lastIndexOf("/", at - 1)) found.push(path.slice(0, at));
  return found;
}

/** The cgroup and everything below it, parents first. */
function tree_below(
  files: CgroupFiles,
  mount: string,
  path: string,
): { readonly paths: readonly string[]; readonly cut: boolean } {
  const paths = [path];
  for (let at = 0; at < paths.length; at++) {
    const here = paths[at]!;
    for (const name of when_there(() => files.directories(directory_of(mount, here))) ?? []) {
      if (paths.length >= GROUPS_MAX) return { paths, cut: true };
      paths.push(here === "/" ? `/${name}` : `${here}/${name}`);
    }
  }
  return { paths, cut: false };
}

/** To whom the subtree belongs, and how often the unit has to report. */
function owner_of({ mount, files, processes }: FactPorts, path: string): Pick<GroupFacts, "delegated" | "watchdog_s"> {
  const directory = directory_of(mount, path);
  const name = path.slice(path.lastIndexOf("/") + 1);
  const is_unit = /\.(service|scope|socket|mount|swap)$/.test(name);
  const unit = is_unit && processes.manager !== null ? processes.unit(name) : null;
  const watchdog_s = unit?.watchdog_s ?? null;
  for (const attribute of ["user.delegate", "trusted.delegate"]) {
    if (when_there(() => files.attribute(directory, attribute)) === "1") return { delegated: attribute, watchdog_s };
  }
  const uid = when_there(() => files.owner_uid(directory)) ?? 0;
  if (uid !== 0) return { delegated: `user ${uid}`, watchdog_s };
  const silent = (processes.manager?.version ?? 0) < SAYS_DELEGATION_SINCE;
  return { delegated: silent && unit?.delegates === true ? "Delegate=" : null, watchdog_s };
}

/** What a plan of many targets asks of one cgroup: its owner, and the processes directly in it. */
export function read_group(
  ports: FactPorts,
  path: string,
): { readonly group: GroupFacts; readonly processes: readonly ProcessFacts[]; readonly unread: readonly string[] } {
  const { found, unread } = read_inhabitants(ports, [path, ...own_children(ports, path)], {
    path,
    kind: "freeze",
    pid: null,
  });
  return { group: { path, ...owner_of(ports, path) }, processes: found, unread };
}

interface Found {
  readonly found: readonly ProcessFacts[];
  readonly unread: readonly string[];
}

function read_inhabitants(ports: FactPorts, paths: readonly string[], { kind, pid: first, known }: Touched): Found {
  const most = kind === "freeze" ? WHOLE_MAX.freeze : PROCESSES_MAX;
  const found: ProcessFacts[] = [];
  const unread: string[] = [];
  const seen = new Set<number>();
  const look = (pid: number, path: string): void => {
    if (seen.has(pid)) return;
    seen.add(pid);
    const depth: Depth = seen.size <= WHOLE_MAX[kind] ? "whole" : "name";
    const described = ports.processes.describe(pid, path, depth, known?.get(pid) ?? null);
    if (described === null) return;
    found.push(described.facts);
    if (described.unread !== null) unread.push(described.unread);
  };
  // The one that is to be held is known, however many live beside it.
  if (first !== null) look(first, paths[0]!);
  for (const path of paths) {
    const home = is_own_child(path) ? path.slice(0, path.lastIndexOf("/")) : path;
    for (const pid of pids_in(ports, path)) {
      if (seen.size >= most) return { found, unread: [...unread, `more than ${most} processes`] };
      look(pid, home);
    }
  }
  return { found, unread };
}

/** Processes of one cgroup. A threaded one lists none: they are those of its domain. */
function pids_in({ mount, files }: Pick<FactPorts, "mount" | "files">, path: string): readonly number[] {
  const text = when_there(() => files.read(`${directory_of(mount, path)}/cgroup.procs`)) ?? "";
  return text.split("\n").filter(Boolean).map(Number);
}

/** Null where the object is gone meanwhile, or does not offer what is asked. */
function when_there<T>(look: () => T): T | null {
  try {
    return look();
  } catch (error) {
    if (error instanceof FileTrouble && (error.vanished || error.unsupported)) return null;
    throw error;
  }
}
