import type { ManagerFacts, Meaning, RemedyKind, TargetFacts, Unmet } from "../model/precondition.ts";
import { container_of, first_match, is_machine, is_slice, listed, meaning_of_program } from "./safety_list.ts";

/** What of the configuration the preconditions know. */
export interface SafetySettings {
  readonly own_path: string;
  readonly protect: readonly string[];
}

type Check = (facts: TargetFacts, kind: RemedyKind) => Unmet | null;

/**
 * Why a remedy must not be used on a target now; null when it may (SPEC §7.12). Asked before every freeze, hold and throttle at
 * every level, and once a second while it lasts. Pure: the same facts give the same answer.
 */
export function unmet(facts: TargetFacts, kind: RemedyKind, settings: SafetySettings): Unmet | null {
  const { path, groups } = facts;
  const named = unmet_by_path(path, kind, settings) ?? holds_itself(path, facts.own_path);
  if (named !== null) return named;
  for (const group of groups) {
    const guarded = lies_below(group.path, path) ? guarded_path(group.path, settings) : null;
    if (guarded !== null) return guarded;
  }
  const checks: readonly Check[] = [
    essential_program,
    ...(kind === "weight" ? [] : [virtual_machine, device_of_others]),
    ...(kind === "hold" || kind === "freeze" ? [runtime_owned, delegated, watchdog] : []),
    ...(kind === "freeze" ? [spawns_into, not_a_leaf, command_runs] : []),
    ...(kind === "weight" ? [] : [being_ended]),
    ...(kind === "freeze" ? [unread] : []),
  ];
  for (const check of checks) {
    const found = check(facts, kind);
    if (found !== null) return found;
  }
  return null;
}

/** What the path of a target says by itself: the part of the preconditions that a decision can ask. */
export function unmet_by_path(path: string, kind: RemedyKind, settings: SafetySettings): Unmet | null {
  const guarded = guarded_path(path, settings);
  if (guarded !== null) return guarded;
  if (kind !== "weight" && is_machine(path)) return { code: "virtual_machine", path, pid: null, comm: null };
  if (kind !== "hold" && kind !== "freeze") return null;
  const runtime = container_of(path);
  return runtime === null ? null : { code: "runtime_owned", path, runtime };
}

/** HOSA itself, what the list names, and what the configuration adds to it. */
export function guarded_path(path: string, { own_path, protect }: SafetySettings): Unmet | null {
  if (own_path !== "/" && (path === own_path || lies_below(path, own_path))) return { code: "self", path };
  if (lies_below(own_path, path)) return { code: "self", path: own_path };
  const found = listed(path);
  if (found !== null) return { code: "protected_path", path, ...found };
  const pattern = first_match(path, protect);
  return pattern === null ? null : { code: "protected_by_config", path, pattern };
}

/**
 * Whether a freeze is a fair price for a stall of others: only where nothing is known to depend on the target. A unit or a container may
 * serve or store for others, and a share of the queue takes nearly as much from it.
 *
 * @param prefer what the operator wants taken first
 */
export function is_expendable(path: string, prefer: readonly string[]): boolean {
  if (first_match(path, prefer) !== null) return true;
  return (
    container_of(path) === null && !path.split("/").some((name) => /\.(service|scope|slice|socket|mount)$/.test(name))
  );
}

function lies_below(path: string, above: string): boolean {
  return path !== above && path.startsWith(above === "/" ? "/" : `${above}/`);
}

function holds_itself(path: string, own_path: string): Unmet | null {
  return path === own_path || lies_below(own_path, path) ? { code: "self", path: own_path } : null;
}

/** What the node itself depends on may run in a container; its login, its log and its clock do not. */
const OF_NODE_IN_CONTAINER: readonly Meaning[] = ["orchestration", "storage", "network", "hosa"];

function essential_program({ processes }: TargetFacts): Unmet | null {
  for (const { pid, comm, path, namespaces } of processes) {
    const meaning = meaning_of_program(comm);
    if (meaning !== null && (namespaces === 0 || OF_NODE_IN_CONTAINER.includes(meaning)))
      return { code: "essential_program", path, pid, comm, meaning };
  }
  return null;
}

const KVM = "/dev/kvm";

/** Its processors are threads: one that stands still, or waits long, locks up the guest. */
function virtual_machine({ path, processes }: TargetFacts): Unmet | null {
  const found = processes.find(({ devices }) => devices.includes(KVM));
  return found === undefined ? null : { code: "virtual_machine", path, pid: found.pid, comm: found.comm };
}

function device_of_others({ processes }: TargetFacts): Unmet | null {
  for (const { pid, comm, devices } of processes) {
    const device = devices.find((each) => each !== KVM);
    if (device !== undefined) return { code: "device", pid, comm, device };
  }
  return null;
}

/** A runtime lists, enters, pauses and ends what it started, and its health checks wait for answers. */
function runtime_owned({ path, processes }: TargetFacts): Unmet | null {
  for (const { parent, namespaces } of processes) {
    if (parent !== null && meaning_of_program(parent) === "container_runtime")
      return { code: "runtime_owned", path, runtime: parent };
    if (namespaces > 0) return { code: "runtime_owned", path, runtime: "" };
  }
  return null;
}

function delegated({ path, groups }: TargetFacts): Unmet | null {
  const found = groups.find(
    (group) => group.delegated !== null && (group.path === path || lies_below(path, group.path)),
  );
  return found?.delegated == null ? null : { code: "delegated", path: found.path, by: found.delegated };
}

function watchdog({ path, groups, processes }: TargetFacts): Unmet | null {
  const process = processes.find((each) => each.watchdog_s !== null);
  if (process?.watchdog_s != null) return { code: "watchdog", path: process.path, watchdog_s: process.watchdog_s };
  const unit = groups.find((each) => each.path === path);
  return unit?.watchdog_s == null ? null : { code: "watchdog", path, watchdog_s: unit.watchdog_s };
}

/** A slice is where the manager puts units; the cgroup of a unit itself is never frozen, its processes are moved. */
function spawns_into({ path, manager }: TargetFacts): Unmet | null {
  if (!is_slice(path) || manager === null) return null;
  return { code: "manager_may_spawn", path, systemd_version: manager?.version ?? null };
}

function not_a_leaf({ path, groups }: TargetFacts): Unmet | null {
  const child = groups.find((group) => lies_below(group.path, path));
  return child === undefined ? null : { code: "not_a_leaf", path, child: child.path };
}

/** Reload, stop or another command of the unit is under way: it waits for what would be frozen. */
function command_runs({ path, processes }: TargetFacts): Unmet | null {
  const [, command] = processes.filter((each) => each.leads !== null);
  return command === undefined ? null : { code: "command_runs", path, pid: command.pid, comm: command.comm };
}

/** What is asked to end, or to act, must be free to. A worker that its own service ends is no end of the service. */
function being_ended({ pid: meant, processes }: TargetFacts, kind: RemedyKind): Unmet | null {
  for (const { pid, comm, signal, leads } of processes) {
    if (leads === "stop") return { code: "being_ended", pid, comm, signal: "ExecStop=" };
    const counts = kind === "freeze" || leads === "start" || pid === meant;
    if (signal !== null && counts && (kind === "freeze" || is_terminating(signal)))
      return { code: "being_ended", pid, comm, signal };
  }
  return null;
}

const TERMINATING: readonly string[] = ["SIGHUP", "SIGINT", "SIGQUIT", "SIGABRT", "SIGKILL", "SIGTERM", "SIGPWR"];

function is_terminating(signal: string): boolean {
  return TERMINATING.includes(signal);
}

function unread(facts: TargetFacts): Unmet | null {
  const [what] = facts.unread;
  return what === undefined ? null : { code: "unknown", what };
}

/** systemd from this version on creates a process inside the cgroup of its unit, and waits for it (glibc 2.39 or later). */
export const SPAWNS_INTO_CGROUP_SINCE = 256;

/** Whether a frozen cgroup of the manager would stop the manager itself; null when its version is not known. */
export function manager_would_hang(manager: ManagerFacts): boolean | null {
  return manager.version === null ? null : manager.version >= SPAWNS_INTO_CGROUP_SINCE;
}
