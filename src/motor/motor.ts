import {
  type Action,
  type Motor,
  NODE,
  type Outcome,
  type OutcomeStatus,
  type Rung,
  type Setting,
  type Target,
} from "../model/containment.ts";
import type { HeldItem } from "../model/control.ts";
import type { Maybe } from "../model/sample.ts";
import type { ShieldOrgan, ShieldPlan } from "../model/shield.ts";
import { Bounds } from "./bounds.ts";
import { type CgroupFiles, kernel_files, with_steps } from "./files.ts";
import { Guard, watched } from "./guard.ts";
import { held_item } from "./held.ts";
import { Ledger } from "./ledger.ts";
import type { MotorLimits } from "./limits.ts";
import { directory_of, locate } from "./locate.ts";
import { outcome_of, outcome_of_undo, status_of_error } from "./outcome.ts";
import { kernel_processes, type Processes, processes_with_steps } from "./processes.ts";
import { finished, undo_entries } from "./recover.ts";
import { type MissingRung, missing_rungs } from "./rehearsal.ts";
import { kernel_swap, type SwapPort, swap_with_steps } from "./reserve/port.ts";
import { Reserve } from "./reserve/reserve.ts";
import { type Change, type Containment, change, type RungContext } from "./rungs/containment.ts";
import { APPLY } from "./rungs/index.ts";
import { organ_of, shield_entry, shield_words } from "./rungs/shield.ts";
import { are_there_pins } from "./shield/pins.ts";
import { Gone, Refusal } from "./trouble.ts";
import { undo_entry } from "./undo.ts";

export interface MotorOptions extends MotorLimits {
  /** Mount point of cgroup2, e.g. /sys/fs/cgroup. */
  readonly mount: string;
  /** A directory on tmpfs. */
  readonly ledger_dir: string;
  readonly enabled_rungs: readonly Rung[];
  /** The network shield, or why there is none. Absent: there is none. */
  readonly shield?: ShieldOrgan | { readonly missing: string };
  /** The swap file that was prepared, or why there is none. Absent: there is none. */
  readonly reserve?: { readonly path: string } | { readonly missing: string };
  /** The world, replaced in tests; `step` is called around every change of it. */
  readonly files?: CgroupFiles;
  readonly processes?: Processes;
  readonly swap?: SwapPort;
  readonly step?: (name: string) => void;
  readonly boot_id?: string;
}

/** A live containment as the motor knows it: the part of a ContainmentObservation that is not measured elsewhere. */
export interface LiveContainment {
  readonly id: string;
  readonly rung: Rung;
  readonly target: Target;
  readonly status: OutcomeStatus;
  readonly detail: string;
  readonly frozen: Maybe<boolean>;
  readonly alive: boolean;
}

interface Held {
  readonly action: Action;
  readonly containment: Containment;
  status: OutcomeStatus;
  detail: string;
  renewed_ns: number;
  checked_ns: number;
  /** Undone as far as possible, its removal is tried again at the next poll. */
  leaving: boolean;
}

const CHECK_PERIOD_NS = 1e9;

/**
 * Open the ledger, undo what a predecessor left in it, and probe the host.
 * @throws LedgerBusy when another live process holds the ledger
 */
export function create_motor(options: MotorOptions): CgroupMotor {
  return new CgroupMotor(options);
}

/** The motor that acts on cgroup v2. Every change is in the ledger before it is made. */
export class CgroupMotor implements Motor {
  readonly name = "cgroup";
  /** What was undone at start because a predecessor had died on it. */
  readonly recovered: readonly Outcome[];
  #options: MotorOptions;
  readonly #context: RungContext;
  readonly #missing: readonly MissingRung[];
  readonly #swap: SwapPort;
  readonly #bounds: Bounds;
  readonly #guard: Guard;
  readonly #held = new Map<string, Held>();
  /** Containments that were refused half-way and are not undone to the end yet. */
  readonly #rolling_back = new Set<string>();
  #rolled_back_ns = Number.NEGATIVE_INFINITY;
  readonly #untold: Outcome[] = [];

  constructor(options: MotorOptions) {
    const raw = options.files ?? kernel_files;
    const { step } = options;
    const files = step === undefined ? raw : with_steps(raw, step);
    const table = options.processes ?? kernel_processes;
    const processes = step === undefined ? table : processes_with_steps(table, step);
    const ledger = new Ledger(options.ledger_dir, options);
    this.#options = options;
    const absent = { missing: "it was not opened" };
    const shield = options.shield ?? absent;
    const port = options.swap ?? kernel_swap;
    this.#swap = step === undefined ? port : swap_with_steps(port, step);
    const prepared = options.reserve ?? absent;
    const { mount } = options;
    const path = "missing" in prepared ? null : prepared.path;
    const reserve = new Reserve({ ledger, files, port: this.#swap, mount, path });
    this.#context = { mount, files, processes, ledger, shield: "missing" in shield ? null : shield, reserve };
    this.#bounds = new Bounds(options.max_targets_per_minute, options.cooldown_s);
    this.#guard = new Guard({ mount, files, processes }, options);
    try {
      // A swap area may take minutes to go: it is looked after from beat to beat, not waited for.
      const left = ledger.entries().filter((entry) => entry.until !== "release" && entry.kind !== "swap");
      this.recovered = undo_entries(ledger, left, files, processes, 0, "left by a predecessor");
      const no_shield = "missing" in shield ? shield.missing : shield.shield.missing();
      const no_reserve = "missing" in prepared ? prepared.missing : null;
      this.#missing = missing_rungs(raw, mount, options.enabled_rungs, processes.own_pid, no_shield, no_reserve);
    } catch (error) {
      // A motor that could not be made must not keep the ledger from the next attempt.
      ledger.close();
      throw error;
    }
  }

  /** Quarantine writes its steps into the same ledger: there is one lock, and one undo. */
  get ledger(): Ledger {
    return this.#context.ledger;
  }

  /** Other limits from the next action on; what is held stays held. */
  reconfigure(limits: MotorLimits): void {
    this.#options = { ...this.#options, ...limits };
    this.#bounds.reconfigure(limits.max_targets_per_minute, limits.cooldown_s);
    this.#guard.reconfigure(limits);
  }

  missing(): readonly MissingRung[] {
    return this.#missing;
  }

  perform(action: Action, now_ns: number): Outcome {
    if (action.verb === "apply") return this.#apply(action, now_ns);
    const held = this.#held.get(action.id);
    if (held === undefined) {
      return outcome_of(action, now_ns, change("gone", `no live containment has the id ${action.id}`), null);
    }
    if (action.verb === "adjust") return this.#adjust(held, action, now_ns);
    return this.#release(held, now_ns, action.reason);
  }

  /** The loop still wants this containment: it does not expire for another `expiry_s`. */
  renew(id: string, now_ns: number): void {
    const held = this.#held.get(id);
    if (held !== undefined) held.renewed_ns = now_ns;
  }

  poll(now_ns: number): readonly Outcome[] {
    const outcomes = this.#untold.splice(0);
    for (const held of this.#held.values()) {
      const outcome = this.#poll_one(held, now_ns);
      if (outcome !== null) outcomes.push(outcome);
    }
    const reserve = this.#context.reserve.poll(now_ns, this.#draws_on_reserve());
    if (reserve !== null) outcomes.push(reserve);
    if (this.#rolling_back.size > 0 && now_ns - this.#rolled_back_ns >= CHECK_PERIOD_NS)
      outcomes.push(...this.#roll_back_again(now_ns));
    return outcomes;
  }

  release_all(now_ns: number, reason: string): readonly Outcome[] {
    const outcomes = [...this.#held.values()].reverse().map((held) => this.#release(held, now_ns, reason));
    outcomes.push(...this.#roll_back_again(now_ns));
    const reserve = this.#context.reserve.release(now_ns, reason, true);
    return reserve === null ? outcomes : [...outcomes, reserve];
  }

  #draws_on_reserve(): boolean {
    for (const held of this.#held.values())
      if (!held.leaving && held.action.setting.rung === "swap_reserve") return true;
    return false;
  }

  /**
   * Closes the network by a plan that stays in force without the agent, until `hosa release`. A shield of a lower level turns into
   * it in place. @throws Refusal when this host cannot do it; then what was in force still is
   */
  isolate(plan: ShieldPlan, now_ns: number): { readonly ledger_id: string; readonly detail: string } {
    const { ledger } = this.#context;
    const known = ledger.entries().find((entry) => entry.kind === "shield" && entry.until === "release");
    if (known !== undefined && are_there_pins(known.mount)) {
      return { ledger_id: known.id, detail: `${known.intended}, pinned by a predecessor in ${known.mount}` };
    }
    const organ = organ_of(this.#context);
    const why_not = organ.shield.missing();
    if (why_not !== null) throw new Refusal(why_not);
    const about = shield_entry(organ, plan, { id: "quarantine", target: NODE });
    const entry = known ?? ledger.open({ ...about, threads: [], until: "release" });
    try {
      const on = organ.shield.apply(plan, now_ns).map(({ name, driver }) => `${name} (${driver} XDP)`);
      for (const [id, held] of this.#held) {
        if (held.action.setting.rung !== "shield") continue;
        ledger.close_entry(held.containment.entry.id);
        this.#held.delete(id);
      }
      return { ledger_id: entry.id, detail: `${shield_words(plan)} on ${on.join(", ")}, pinned in ${organ.pins}` };
    } catch (error) {
      if (known === undefined) ledger.close_entry(entry.id);
      throw error;
    }
  }

  /** Ends whatever is held in these cgroups or below; the next poll tells what became of it. */
  release_below(paths: readonly string[], now_ns: number, reason: string): void {
    for (const held of [...this.#held.values()].reverse()) {
      const { path } = held.action.target;
      if (!paths.some((each) => path === each || path.startsWith(`${each}/`))) continue;
      this.#untold.push(this.#release(held, now_ns, reason));
    }
  }

  /** Everything that is not as it was found, oldest first: what the ledger holds, whoever wrote it there. */
  held(): readonly HeldItem[] {
    const { ledger, files } = this.#context;
    return ledger.entries().map((entry) => held_item(entry, files, this.#swap));
  }

  /** Undo these items, newest first; those already undone are passed over. */
  let_go(items: readonly HeldItem[], now_ns: number, reason: string): readonly Outcome[] {
    const { ledger, files, processes } = this.#context;
    const wanted = new Set(items.map((item) => item.ledger_id));
    const outcomes: Outcome[] = [];
    for (const entry of ledger.entries().toReversed()) {
      if (!wanted.has(entry.id)) continue;
      const held = [...this.#held.values()].find((each) => each.containment.entry.id === entry.id);
      if (held !== undefined) outcomes.push(this.#release(held, now_ns, reason));
      else if (entry.kind === "swap") outcomes.push(...this.#release_reserve(now_ns, reason));
      else outcomes.push(...undo_entries(ledger, [entry], files, processes, now_ns, reason));
    }
    return outcomes;
  }

  /** Whoever draws on it is let go first, or it would be switched on again. */
  #release_reserve(now_ns: number, reason: string): readonly Outcome[] {
    const drawing = [...this.#held.values()].filter((held) => held.action.setting.rung === "swap_reserve").reverse();
    for (const held of drawing) this.#untold.push(this.#release(held, now_ns, reason));
    const outcome = this.#context.reserve.release(now_ns, reason);
    return outcome === null ? [] : [outcome];
  }

  live(): readonly LiveContainment[] {
    return [...this.#held.values()].map((held) => ({
      id: held.action.id,
      rung: held.action.setting.rung,
      target: held.action.target,
      status: held.status,
      detail: held.detail,
      frozen: held.containment.frozen,
      alive: held.status !== "gone",
    }));
  }

  /** Give the ledger back. Containments not released stay in force and in the ledger. */
  close(): void {
    for (const held of this.#held.values()) if (!held.leaving) held.containment.close();
    this.#held.clear();
    this.#context.ledger.close();
  }

  #apply(action: Action, now_ns: number): Outcome {
    const { rung } = action.setting;
    try {
      const path = this.#admit(action, now_ns);
      const place = { path, directory: directory_of(this.#options.mount, path) };
      this.#bounds.note(action.target, rung, now_ns);
      const { containment, change: seen } = APPLY[rung](this.#context, action, place, now_ns);
      const { status, detail } = seen;
      const times = { renewed_ns: now_ns, checked_ns: now_ns };
      this.#held.set(action.id, { action, containment, status, detail, ...times, leaving: false });
      return outcome_of(action, now_ns, seen, containment.entry.id);
    } catch (error) {
      const { status, detail, wait_s = null, unmet = null } = status_of_error(error);
      const rolled_back = this.#roll_back(action.id, now_ns);
      this.#guard.forget(action.id);
      return outcome_of(action, now_ns, change(status, detail + rolled_back, { wait_s, unmet }), null);
    }
  }

  /** Path of the target when it may be acted on now. @throws Refusal or Gone */
  #admit(action: Action, now_ns: number): string {
    const { mount } = this.#options;
    const { files } = this.#context;
    const { rung } = action.setting;
    const absent = this.#missing.find((each) => each.rung === rung);
    if (absent !== undefined) throw new Refusal(`${rung} is not available: ${absent.why}`);
    if (this.#held.has(action.id)) throw new Refusal(`the id ${action.id} is in use by a live containment`);
    for (const held of this.#held.values()) {
      const { target, setting } = held.action;
      const same = target.cgroup_id === action.target.cgroup_id && target.tid === action.target.tid;
      if (same && setting.rung === rung) throw new Refusal(`${held.action.id} already holds this target with ${rung}`);
    }
    const bound = this.#bounds.refusal(action.target, rung, this.#held.size, now_ns);
    if (bound !== null) throw new Refusal(bound.why, bound.wait_s);
    // The network of the node is no cgroup: whom it keeps is the shield's own plan.
    if (rung === "shield") return NODE.path;
    const path = locate(files, mount, action.target.cgroup_id, action.target.path);
    if (path === null) throw new Gone(`cgroup ${action.target.path} (id ${action.target.cgroup_id}) no longer exists`);
    const unmet = this.#guard.refusal(action, path, now_ns);
    if (unmet !== null) throw new Refusal(this.#guard.words(unmet), null, unmet);
    return path;
  }

  #roll_back(id: string, now_ns: number): string {
    const { ledger, files, processes } = this.#context;
    const entries = ledger.entries().filter((entry) => entry.containment === id);
    const undone = undo_entries(ledger, entries, files, processes, now_ns, "rolled back");
    if (undone.some(({ status }) => !finished(status))) this.#rolling_back.add(id);
    return undone.map((outcome) => `; ${outcome.detail}`).join("");
  }

  /** A thread that was leaving a cgroup kept it busy: tried once a second, and told when it ends. */
  #roll_back_again(now_ns: number): readonly Outcome[] {
    const { ledger, files, processes } = this.#context;
    this.#rolled_back_ns = now_ns;
    const ended: Outcome[] = [];
    for (const id of this.#rolling_back) {
      const entries = ledger.entries().filter((entry) => entry.containment === id);
      const undone = undo_entries(ledger, entries, files, processes, now_ns, "rolled back");
      if (!undone.every(({ status }) => finished(status))) continue;
      this.#rolling_back.delete(id);
      ended.push(...undone);
    }
    return ended;
  }

  #adjust(held: Held, action: Action, now_ns: number): Outcome {
    if (held.leaving) return outcome_of(action, now_ns, change("gone", held.detail), held.containment.entry.id);
    const unmet = stands_still_again(held, action.setting) ? this.#unmet(held, now_ns) : null;
    if (unmet !== null) return { ...this.#release(held, now_ns, unmet.detail), ...ended_by(unmet) };
    const seen = this.#seen(() => held.containment.adjust(action.setting, now_ns));
    held.renewed_ns = now_ns;
    held.status = seen.status;
    held.detail = seen.detail;
    return outcome_of(action, now_ns, seen, held.containment.entry.id);
  }

  #poll_one(held: Held, now_ns: number): Maybe<Outcome> {
    const due = now_ns - held.checked_ns >= CHECK_PERIOD_NS;
    if (due) held.checked_ns = now_ns;
    if (held.leaving) return due ? this.#release_again(held, now_ns) : null;
    if (now_ns - held.renewed_ns > this.#options.expiry_s * 1e9) {
      return this.#release(held, now_ns, `expired: not renewed for ${this.#options.expiry_s} s`);
    }
    const unmet = due ? this.#unmet(held, now_ns) : null;
    if (unmet !== null) return { ...this.#release(held, now_ns, unmet.detail), ...ended_by(unmet) };
    const seen = this.#seen(() => held.containment.confirm(now_ns) ?? (due ? held.containment.check() : null));
    if (seen === null) return null;
    if (seen.end || seen.status === "gone") return { ...this.#release(held, now_ns, seen.detail), ...ended_by(seen) };
    held.status = seen.status;
    held.detail = seen.detail;
    return outcome_of({ ...held.action, verb: "adjust" }, now_ns, seen, held.containment.entry.id);
  }

  /** What of the preconditions no longer holds, as the end of the containment; null while all of them do. */
  #unmet(held: Held, now_ns: number): Maybe<Change> {
    const { action, containment } = held;
    if (action.setting.rung === "shield") return null;
    const unmet = this.#guard.watch(watched(action, containment.entry), now_ns);
    if (unmet === null) return null;
    const status = unmet.code === "being_ended" ? "gone" : "refused";
    return change(status, `${this.#guard.words(unmet)}: let go`, { end: true, unmet });
  }

  /** A rung's answer; what it throws becomes a change. */
  #seen<T extends Maybe<Change>>(look: () => T): T | Change {
    try {
      return look();
    } catch (error) {
      const { status, detail } = status_of_error(error);
      return change(status, detail);
    }
  }

  /** An undo that did not end is tried once a second, and told only when it does. */
  #release_again(held: Held, now_ns: number): Maybe<Outcome> {
    const outcome = this.#release(held, now_ns, held.detail);
    return finished(outcome.status) ? outcome : null;
  }

  #release(held: Held, now_ns: number, why: string): Outcome {
    const { ledger, files, processes } = this.#context;
    const { entry } = held.containment;
    if (!held.leaving) held.containment.close();
    held.leaving = true;
    const undone = undo_entry(entry, files, processes);
    held.status = undone.status;
    held.detail = why;
    if (finished(undone.status)) {
      ledger.close_entry(entry.id);
      this.#held.delete(held.action.id);
      this.#guard.forget(held.action.id);
      this.#bounds.note(held.action.target, held.action.setting.rung, now_ns);
    }
    return outcome_of_undo(entry, undone, now_ns, why);
  }
}

/** A thaw or a pulse needs no question; standing still once more does. */
function stands_still_again({ containment, action }: Held, setting: Setting): boolean {
  const asks = "frozen" in setting && setting.frozen && !("pulse_ms" in setting && setting.pulse_ms !== undefined);
  return asks && "frozen" in action.setting && containment.frozen !== true;
}

/** How the outcome of a release says why it came about. */
function ended_by({ status, unmet }: Change): Pick<Outcome, "status" | "unmet"> {
  return unmet == null ? { status } : { status, unmet };
}
