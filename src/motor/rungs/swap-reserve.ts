import type { Action, Setting } from "../../model/containment.ts";
import type { Maybe } from "../../model/sample.ts";
import type { Reserve, ReserveState } from "../reserve/reserve.ts";
import { Refusal } from "../trouble.ts";
import type { Applied, Change, Containment, Place, RungContext } from "./containment.ts";
import { change } from "./containment.ts";
import { apply_value, type Plan, type ValueRung } from "./value.ts";

const PAGE_BYTES = 4096;

/** memory.swap.max: how much of the cgroup may lie in swap. The first value never tightens, a later one may: it stops further swap-out. */
const swap_max: ValueRung = {
  file: "memory.swap.max",
  kind: "file",
  plan(setting: Setting, prior: string, _context: RungContext, _place: Place, standing: Maybe<string>): Plan {
    if (setting.rung !== "swap_reserve") throw new Refusal(`a ${setting.rung} setting is not for swap_reserve`);
    const wanted_bytes = Math.floor(setting.swap_max_bytes / PAGE_BYTES) * PAGE_BYTES;
    const enough = standing === null && (prior === "max" || Number(prior) >= wanted_bytes);
    return enough
      ? { text: prior, note: " (it may swap that much already)" }
      : { text: String(wanted_bytes), note: "" };
  },
  comparable: (found) => found,
  writes: (text) => [text],
};

/** The cgroup may swap; the area it swaps to is switched on beside the beat, and off again when nobody needs it. */
export function apply_swap_reserve(context: RungContext, action: Action, place: Place): Applied {
  const applied = apply_value(swap_max, context, action, place);
  const containment = new ReserveUse(applied.containment, context.reserve);
  return { containment, change: applied.change };
}

class ReserveUse implements Containment {
  readonly frozen = null;
  readonly #swap_max: Containment;
  readonly #reserve: Reserve;
  #told: ReserveState = "off";

  constructor(swap_max_of: Containment, reserve: Reserve) {
    this.#swap_max = swap_max_of;
    this.#reserve = reserve;
  }

  get entry() {
    return this.#swap_max.entry;
  }

  adjust(setting: Setting, now_ns: number): Change {
    return this.#swap_max.adjust(setting, now_ns);
  }

  confirm(): Maybe<Change> {
    const { state, detail } = this.#reserve;
    if (state === this.#told) return null;
    this.#told = state;
    return state === "failed" ? change("failed", detail, { end: true }) : null;
  }

  check(): Maybe<Change> {
    return this.#swap_max.check();
  }

  close(): void {
    this.#swap_max.close();
  }
}
