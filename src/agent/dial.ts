import { type Config, dial_of, type Started } from "../config/index.ts";
import type { Outcome } from "../model/containment.ts";
import type { Dial } from "../model/dial.ts";
import type { Level } from "../model/level.ts";
import type { SwitchableMotor } from "../motor/switchable.ts";
import type { ContainmentWatch } from "./containment_watch.ts";

export interface DialParts {
  readonly motor: SwitchableMotor;
  readonly watch: ContainmentWatch;
  readonly started: Started;
  /** The node's level now. */
  readonly level: () => Level;
}

/** A move of the dial, and what was released because of it. */
export interface DialMove {
  readonly from: Dial;
  readonly to: Dial;
  readonly released: readonly Outcome[];
}

/** The dial in force, moved between two beats. */
export class DialKeeper {
  readonly #parts: DialParts;
  #dial: Dial;

  constructor(parts: DialParts, dial: Dial) {
    this.#parts = parts;
    this.#dial = dial;
  }

  /** As it is in force: without a motor that can act, nothing is done whatever the configuration says. */
  get dial(): Dial {
    const acts = this.#parts.motor.name === "cgroup";
    return this.#dial.acts === acts ? this.#dial : { ...this.#dial, acts };
  }

  /** What the dial allows and this host does not; null: nothing. */
  get lost(): string | null {
    return this.#dial.acts && this.#parts.motor.real === null ? "containment, because there is no cgroup v2" : null;
  }

  /** The dial as the configuration has it from now on; null where that is no move. What is held is released before it is lowered. */
  move(config: Config, now_ns: number): DialMove | null {
    const from = this.dial;
    const wanted = dial_of(config, this.#parts.started);
    this.#dial = wanted;
    const { motor, watch, level } = this.#parts;
    const acts = wanted.acts && motor.real !== null;
    const reason = `autonomy: ${from.autonomy} → ${wanted.autonomy}, up to level ${wanted.max_level}`;
    const lowered = wanted.max_level < level();
    const released =
      acts !== from.acts ? motor.switch_to(acts, now_ns, reason) : lowered ? motor.release_held(now_ns, reason) : [];
    watch.verifiable = acts;
    const to = this.dial;
    return Bun.deepEquals(from, to) ? null : { from, to, released };
  }
}
