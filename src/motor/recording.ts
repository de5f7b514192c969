import type { Action, Motor, Outcome, Rung } from "../model/containment.ts";
import type { HeldItem } from "../model/control.ts";
import type { Maybe } from "../model/sample.ts";
import { Bounds } from "./bounds.ts";
import { type CgroupFiles, kernel_files } from "./files.ts";
import { Guard } from "./guard.ts";
import type { MotorLimits } from "./limits.ts";
import { locate } from "./locate.ts";
import { outcome_of } from "./outcome.ts";
import { kernel_processes, type Processes } from "./processes.ts";
import type { MissingRung } from "./rehearsal.ts";
import { type Change, change } from "./rungs/containment.ts";

export interface RecordingOptions extends MotorLimits {
  readonly enabled_rungs: readonly Rung[];
  /** What the motor that acts would lack on this host; absent: nothing. */
  readonly missing_rungs?: readonly MissingRung[];
  /** Mount point of cgroup2, whose cgroups are looked at as before a real action; null or absent: only their paths are known. */
  readonly mount?: Maybe<string>;
  /** The world, replaced in tests. */
  readonly files?: CgroupFiles;
  readonly processes?: Processes;
}

interface Live {
  readonly action: Action;
  renewed_ns: number;
  asked_ns: number;
}

const ASK_PERIOD_NS = 1e9;

const ACTIONS_MAX = 4096;

/** The motor of a dry run: the same bounds and the same outcomes, and nothing is touched. */
export class RecordingMotor implements Motor {
  readonly name = "recording";
  #options: RecordingOptions;
  readonly #bounds: Bounds;
  readonly #files: CgroupFiles;
  readonly #mount: Maybe<string>;
  readonly #guard: Guard;
  readonly #live = new Map<string, Live>();
  readonly #actions: Action[] = [];

  constructor(options: RecordingOptions) {
    this.#options = options;
    this.#bounds = new Bounds(options.max_targets_per_minute, options.cooldown_s);
    this.#files = options.files ?? kernel_files;
    const ports = { files: this.#files, processes: options.processes ?? kernel_processes };
    this.#mount = options.mount ?? null;
    // Without a mount nothing is read: the guard is asked about paths alone.
    this.#guard = new Guard({ ...ports, mount: this.#mount ?? "" }, options);
  }

  /** Every action that would have been carried out, oldest first; the last 4096. */
  get actions(): readonly Action[] {
    return this.#actions;
  }

  reconfigure(limits: MotorLimits): void {
    this.#options = { ...this.#options, ...limits };
    this.#bounds.reconfigure(limits.max_targets_per_minute, limits.cooldown_s);
    this.#guard.reconfigure(limits);
  }

  missing(): readonly MissingRung[] {
    return this.#options.missing_rungs ?? [];
  }

  perform(action: Action, now_ns: number): Outcome {
    const refused = this.#refusal(action, now_ns);
    if (refused !== null) return outcome_of(action, now_ns, refused, null);
    if (action.verb === "release") this.#live.delete(action.id);
    else this.#live.set(action.id, { action, renewed_ns: now_ns, asked_ns: now_ns });
    if (action.verb === "release") this.#guard.forget(action.id);
    if (action.verb !== "adjust") this.#bounds.note(action.target, action.setting.rung, now_ns);
    return this.#record(action, now_ns);
  }

  renew(id: string, now_ns: number): void {
    const live = this.#live.get(id);
    if (live !== undefined) live.renewed_ns = now_ns;
  }

  poll(now_ns: number): readonly Outcome[] {
    const outcomes: Outcome[] = [];
    for (const each of [...this.#live.values()]) {
      const outcome = this.#poll_one(each, now_ns);
      if (outcome !== null) outcomes.push(outcome);
    }
    return outcomes;
  }

  release_all(now_ns: number, reason: string): readonly Outcome[] {
    return [...this.#live.values()].reverse().map((each) => this.#end(each.action, now_ns, reason));
  }

  /** What it would hold. */
  held(): readonly HeldItem[] {
    return [...this.#live.values()].map(({ action: { id, setting, target } }) => ({
      id,
      ledger_id: null,
      rung: setting.rung,
      target,
      file: `${setting.rung} on ${target.path}`,
      now: null,
      restores: "nothing was touched",
      quarantine: false,
    }));
  }

  let_go(items: readonly HeldItem[], now_ns: number, reason: string): readonly Outcome[] {
    const wanted = new Set(items.map((item) => item.id));
    const live = [...this.#live.values()].filter((each) => wanted.has(each.action.id));
    return live.reverse().map((each) => this.#end(each.action, now_ns, reason));
  }

  #refusal(action: Action, now_ns: number): Maybe<Change> {
    const { rung } = action.setting;
    if (action.verb !== "apply") {
      return this.#live.has(action.id) ? null : change("gone", `no live containment has the id ${action.id}`);
    }
    if (!this.#options.enabled_rungs.includes(rung)) return change("refused", `${rung} is not enabled`);
    const unmet = this.#unmet(action, now_ns);
    if (unmet !== null) return unmet;
    const bound = this.#bounds.refusal(action.target, rung, this.#live.size, now_ns);
    return bound === null ? null : change("refused", bound.why, { wait_s: bound.wait_s });
  }

  /** What the real motor would answer: the target is gone, or a precondition is not met. */
  #unmet(action: Action, now_ns: number): Maybe<Change> {
    const { target, setting } = action;
    // The network of the node is no cgroup.
    if (setting.rung === "shield") return null;
    const mount = this.#mount;
    const path = mount === null ? target.path : locate(this.#files, mount, target.cgroup_id, target.path);
    if (path === null) return change("gone", `cgroup ${target.path} (id ${target.cgroup_id}) no longer exists`);
    const unmet =
      mount === null ? this.#guard.refusal_by_path(path, setting.rung) : this.#guard.refusal(action, path, now_ns);
    return unmet === null ? null : change("refused", this.#guard.words(unmet), { unmet });
  }

  #poll_one(live: Live, now_ns: number): Maybe<Outcome> {
    const { action } = live;
    if (now_ns - live.renewed_ns > this.#options.expiry_s * 1e9) {
      return this.#end(action, now_ns, `expired: not renewed for ${this.#options.expiry_s} s`);
    }
    if (now_ns - live.asked_ns < ASK_PERIOD_NS) return null;
    live.asked_ns = now_ns;
    const seen = this.#unmet(action, now_ns);
    if (seen === null) return null;
    const status = seen.unmet?.code === "being_ended" ? "gone" : seen.status;
    return {
      ...this.#end(action, now_ns, `${seen.detail}: let go`),
      status,
      ...(seen.unmet == null ? {} : { unmet: seen.unmet }),
    };
  }

  #end(action: Action, now_ns: number, reason: string): Outcome {
    return this.perform({ ...action, verb: "release", reason }, now_ns);
  }

  #record(action: Action, now_ns: number): Outcome {
    this.#actions.push(action);
    if (this.#actions.length > ACTIONS_MAX) this.#actions.shift();
    const what = action.verb === "release" ? "" : ` ${JSON.stringify(action.setting)}`;
    return outcome_of(action, now_ns, change("done", `dry run: would ${action.verb}${what} (${action.reason})`), null);
  }
}
