import type { Action, Motor, Outcome, Rung } from "../model/containment.ts";
import type { HeldItem } from "../model/control.ts";
import { Bounds } from "./bounds.ts";
import type { MotorLimits } from "./limits.ts";
import { outcome_of } from "./outcome.ts";
import type { MissingRung } from "./rehearsal.ts";
import { change } from "./rungs/containment.ts";

export interface RecordingOptions extends MotorLimits {
  readonly enabled_rungs: readonly Rung[];
  /** What the motor that acts would lack on this host; absent: nothing. */
  readonly missing_rungs?: readonly MissingRung[];
}

const ACTIONS_MAX = 4096;

/** The motor of a dry run: the same bounds and the same outcomes, and nothing is touched. */
export class RecordingMotor implements Motor {
  readonly name = "recording";
  #options: RecordingOptions;
  readonly #bounds: Bounds;
  readonly #live = new Map<string, { action: Action; renewed_ns: number }>();
  readonly #actions: Action[] = [];

  constructor(options: RecordingOptions) {
    this.#options = options;
    this.#bounds = new Bounds(options.max_targets_per_minute, options.cooldown_s);
  }

  /** Every action that would have been carried out, oldest first; the last 4096. */
  get actions(): readonly Action[] {
    return this.#actions;
  }

  reconfigure(limits: MotorLimits): void {
    this.#options = { ...this.#options, ...limits };
    this.#bounds.reconfigure(limits.max_targets_per_minute, limits.cooldown_s);
  }

  missing(): readonly MissingRung[] {
    return this.#options.missing_rungs ?? [];
  }

  perform(action: Action, now_ns: number): Outcome {
    const refused = this.#refusal(action, now_ns);
    if (refused !== null) return outcome_of(action, now_ns, refused, null);
    if (action.verb === "release") this.#live.delete(action.id);
    else this.#live.set(action.id, { action, renewed_ns: now_ns });
    if (action.verb !== "adjust") this.#bounds.note(action.target, action.setting.rung, now_ns);
    return this.#record(action, now_ns);
  }

  renew(id: string, now_ns: number): void {
    const live = this.#live.get(id);
    if (live !== undefined) live.renewed_ns = now_ns;
  }

  poll(now_ns: number): readonly Outcome[] {
    const expired = [...this.#live.values()].filter((each) => now_ns - each.renewed_ns > this.#options.expiry_s * 1e9);
    return expired.map((each) =>
      this.#end(each.action, now_ns, `expired: not renewed for ${this.#options.expiry_s} s`),
    );
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

  #refusal(action: Action, now_ns: number): ReturnType<typeof change> | null {
    const { rung } = action.setting;
    if (action.verb !== "apply") {
      return this.#live.has(action.id) ? null : change("gone", `no live containment has the id ${action.id}`);
    }
    if (!this.#options.enabled_rungs.includes(rung)) return change("refused", `${rung} is not enabled`);
    const of_node = rung === "shield";
    const reason = of_node ? null : this.#options.protected_ids(action.target.cgroup_id, action.target.path);
    if (reason !== null) return change("refused", `${action.target.path} is protected: ${reason}`);
    const bound = this.#bounds.refusal(action.target, rung, this.#live.size, now_ns);
    return bound === null ? null : change("refused", bound.why, { wait_s: bound.wait_s });
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
