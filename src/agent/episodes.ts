import type { Episode } from "../model/control.ts";
import type { Decision } from "../model/decision.ts";
import type { Maybe } from "../model/sample.ts";

/** An episode is what happens at this level and above. */
const EPISODE_LEVEL = 2;

/** Remembers the last stretch of time in which something was wrong, for whoever asks how the night was. */
export class Episodes {
  readonly #wall_time: () => string;
  #last: Maybe<Episode> = null;

  /** @param wall_time ISO 8601 */
  constructor(wall_time: () => string) {
    this.#wall_time = wall_time;
  }

  get last(): Maybe<Episode> {
    return this.#last;
  }

  /** Takes note of a beat; costs nothing while all is quiet. */
  note({ level, rule, culprit, actions }: Decision): void {
    const open = this.#last !== null && this.#last.ended === null ? this.#last : null;
    if (level < EPISODE_LEVEL) {
      if (open !== null) this.#last = { ...open, ended: this.#wall_time() };
      return;
    }
    const begun = open ?? { began: this.#wall_time(), ended: null, highest: level, rule, path: "", actions: 0 };
    const higher = level > begun.highest;
    const path = actions[0]?.target.path ?? (begun.path || (culprit?.path ?? ""));
    if (open !== null && !higher && actions.length === 0 && path === open.path) return;
    const highest = higher ? { highest: level, rule } : {};
    this.#last = { ...begun, ...highest, path, actions: begun.actions + actions.length };
  }
}
