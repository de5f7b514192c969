import { type SafetySettings, unmet, unmet_by_path } from "../decision/preconditions.ts";
import type { Action, Rung, Target } from "../model/containment.ts";
import {
  is_own_child,
  type ProcessFacts,
  type RemedyKind,
  type TargetFacts,
  type Unmet,
} from "../model/precondition.ts";
import type { Maybe } from "../model/sample.ts";
import type { LedgerEntry } from "./entry.ts";
import type { MotorLimits } from "./limits.ts";
import { type FactPorts, read_target } from "./target_facts.ts";
import { FileTrouble } from "./trouble.ts";

const KINDS: Readonly<Record<Exclude<Rung, "shield">, RemedyKind>> = {
  cpu_weight: "weight",
  thread_hold: "hold",
  memory_governor: "memory",
  swap_reserve: "memory",
  cpu_max: "limit",
  io_max: "limit",
  freeze: "freeze",
};

/** What was asked to end takes so long at most (systemd's DefaultTimeoutStopSec=): it is left alone for that time. */
const ENDING_NS = 90e9;
const ENDING_MAX = 256;
/** Asks a process to act, and it goes on afterwards. */
const GOES_ON: readonly string[] = ["SIGHUP", "SIGUSR1", "SIGUSR2", "SIGWINCH"];

/** What is held, as far as its preconditions go. */
interface Watched {
  readonly id: string;
  readonly rung: Rung;
  readonly target: Target;
  /** The cgroup that was touched. */
  readonly path: string;
}

/**
 * Asks the one safety list right before something is touched, whatever was decided before, and once a second while it is held. The
 * motor of a dry run asks in the same way.
 */
export class Guard {
  readonly #ports: FactPorts;
  #limits: Pick<MotorLimits, "protect" | "words">;
  /** What was read of the processes of a containment, so that only what changes is read again. */
  readonly #known = new Map<string, ReadonlyMap<number, ProcessFacts>>();
  readonly #ending = new Map<number, { readonly unmet: Unmet; readonly until_ns: number }>();

  constructor(ports: FactPorts, limits: Pick<MotorLimits, "protect" | "words">) {
    this.#ports = ports;
    this.#limits = limits;
  }

  reconfigure(limits: Pick<MotorLimits, "protect" | "words">): void {
    this.#limits = limits;
  }

  /** Why the action must not be done now; null when it may. @param path of its cgroup now */
  refusal(action: Action, path: string, now_ns: number): Maybe<Unmet> {
    const { target, setting, id } = action;
    const ending = this.#ending.get(target.cgroup_id);
    if (ending !== undefined && ending.until_ns > now_ns && setting.rung !== "cpu_weight") return ending.unmet;
    const home = this.#home_of(target, path);
    const { rung } = setting;
    const found = this.#path_between(path, home, rung) ?? this.#ask({ id, rung, target, path: home }, now_ns);
    if (found !== null) this.forget(id);
    return found;
  }

  /** The same where nothing can be read. */
  refusal_by_path(path: string, rung: Rung): Maybe<Unmet> {
    return unmet_by_path(path, kind_of(rung), this.#settings);
  }

  /** Why what is held must be let go now; null when it may go on. */
  watch(held: Watched, now_ns: number): Maybe<Unmet> {
    return this.#ask(held, now_ns);
  }

  /** The containment is over. */
  forget(id: string): void {
    this.#known.delete(id);
  }

  words(reason: Unmet): string {
    return this.#limits.words?.(reason) ?? reason.code;
  }

  get #settings(): SafetySettings {
    return { own_path: this.#ports.processes.own_cgroup_path, protect: this.#limits.protect ?? [] };
  }

  /** Where the thread of the target lives: it may be below. A child that HOSA made belongs to the cgroup it lies in. */
  #home_of({ pid, tid }: Target, path: string): string {
    const { processes } = this.#ports;
    const leader = tid === null ? null : (pid ?? processes.leader(tid));
    const home = leader === null || tid === null ? null : (processes.thread(leader, tid)?.cgroup_path ?? null);
    if (home === null || !home.startsWith(path === "/" ? "/" : `${path}/`)) return path;
    return is_own_child(home) ? home.slice(0, home.lastIndexOf("/")) : home;
  }

  /** Whatever lies between the target and the home of its thread counts, too. */
  #path_between(path: string, home: string, rung: Rung): Maybe<Unmet> {
    for (let each = home; each.length > path.length && each !== ""; each = each.slice(0, each.lastIndexOf("/"))) {
      const found = unmet_by_path(each, kind_of(rung), this.#settings);
      if (found !== null) return found;
    }
    return null;
  }

  #ask({ id, rung, target, path }: Watched, now_ns: number): Maybe<Unmet> {
    const { pid, tid } = target;
    const kind = kind_of(rung);
    const thread_pid = tid === null ? null : (pid ?? this.#ports.processes.leader(tid));
    const touched = { path, kind, pid: thread_pid, known: this.#known.get(id) ?? new Map() };
    let facts: TargetFacts;
    try {
      facts = read_target(this.#ports, touched);
    } catch (error) {
      if (!(error instanceof FileTrouble)) throw error;
      // What stands still must be known to be safe; a share or a weight is undone by its own bounds.
      return kind === "hold" || kind === "freeze" ? { code: "unknown", what: error.message } : null;
    }
    this.#known.set(id, new Map(facts.processes.map((each) => [each.pid, each])));
    const found = unmet(facts, kind, this.#settings);
    if (found?.code === "being_ended" && ends_it(found, kind, facts)) this.#remember(target.cgroup_id, found, now_ns);
    return found;
  }

  #remember(cgroup_id: number, unmet: Unmet, now_ns: number): void {
    this.#ending.delete(cgroup_id);
    this.#ending.set(cgroup_id, { unmet, until_ns: now_ns + ENDING_NS });
    if (this.#ending.size > ENDING_MAX) this.#ending.delete(this.#ending.keys().next().value!);
  }
}

/** The whole target ends, not one of its workers. */
function ends_it(
  { signal, pid }: Extract<Unmet, { code: "being_ended" }>,
  kind: RemedyKind,
  { processes }: TargetFacts,
): boolean {
  if (GOES_ON.includes(signal)) return false;
  return kind === "freeze" || processes.some((each) => each.pid === pid && each.leads !== null);
}

function kind_of(rung: Rung): RemedyKind {
  // The network of the node is no cgroup: it is never asked about.
  return rung === "shield" ? "weight" : KINDS[rung];
}

/** What a live containment is to the guard: its entry says which cgroup was touched. */
export function watched({ id, target, setting }: Action, entry: LedgerEntry): Watched {
  return { id, rung: setting.rung, target, path: entry.path };
}
