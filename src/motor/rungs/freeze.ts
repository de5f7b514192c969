import type { Action, Setting } from "../../model/containment.ts";
import type { Maybe } from "../../model/sample.ts";
import type { LedgerEntry } from "../entry.ts";
import { offers } from "../files.ts";
import { Refusal } from "../trouble.ts";
import type { Applied, Change, Containment, Place, RungContext } from "./containment.ts";
import { begin, change, entry_base } from "./containment.ts";
import { FREEZE_CHILD, freeze_in_child, is_managed_unit, pids_of } from "./freeze_child.ts";
import { Freezer } from "./freezer.ts";
import { apply_stop } from "./stop.ts";

const REAPPLIED_MAX = 1;

/**
 * Freeze everything in a leaf cgroup: a unit's processes in a child of it, anything else as it is. Where the kernel has no v2 freezer its
 * processes are stopped instead.
 */
export function apply_freeze(context: RungContext, action: Action, place: Place, now_ns: number): Applied {
  const frozen = frozen_of(action.setting);
  const file = `${place.directory}/cgroup.freeze`;
  if (!offers(context.files, file)) return apply_stop(context, action, place);
  const prior = context.files.read(file).trim();
  if (prior !== "0") throw new Refusal(`${place.path} is frozen already, by another writer`);
  const about = { ...entry_base(context, action, place), kind: "file", file: "cgroup.freeze", threads: [] } as const;
  const base = { ...about, prior, intended: "1" };
  if (is_managed_unit(place.path, context.processes)) {
    const entry = freeze_in_child(context, place.directory, place.path, base);
    const freezer = new Freezer(context.files, `${place.directory}/${FREEZE_CHILD}`);
    const containment = new FreezeContainment(context, entry, freezer, place);
    return begin(containment, () => containment.set(frozen, now_ns));
  }
  const entry = context.ledger.open(base);
  const containment = new FreezeContainment(context, entry, new Freezer(context.files, place.directory), null);
  return begin(containment, () => containment.set(frozen, now_ns));
}

export function frozen_of(setting: Setting): boolean {
  if (setting.rung !== "freeze" && setting.rung !== "thread_hold") {
    throw new Refusal(`a ${setting.rung} setting is not for a freezer`);
  }
  return setting.frozen;
}

class FreezeContainment implements Containment {
  readonly #context: RungContext;
  readonly #freezer: Freezer;
  /** The unit whose processes were moved; null where its own cgroup is frozen. */
  readonly #unit: Maybe<Place>;
  #entry: LedgerEntry;
  #drifted = false;
  #reapplied = 0;

  constructor(context: RungContext, entry: LedgerEntry, freezer: Freezer, unit: Maybe<Place>) {
    this.#context = context;
    this.#entry = entry;
    this.#freezer = freezer;
    this.#unit = unit;
  }

  get entry(): LedgerEntry {
    return this.#entry;
  }

  get frozen(): Maybe<boolean> {
    return this.#freezer.frozen;
  }

  adjust(setting: Setting, now_ns: number): Change {
    if (this.#drifted) {
      if (this.#reapplied >= REAPPLIED_MAX) return change("drifted", "another writer thawed it again; not fought");
      this.#reapplied += 1;
      this.#drifted = false;
    }
    return this.set(frozen_of(setting), now_ns);
  }

  confirm(now_ns: number): Maybe<Change> {
    const seen = this.#freezer.confirm(now_ns);
    if (seen?.status === "drifted") this.#drifted = true;
    return seen;
  }

  /** A process beside the frozen ones was put there by the manager or an operator: it reloads, ends or enters the unit, and waits for them. */
  check(): Maybe<Change> {
    if (this.#unit === null) return null;
    const [pid] = pids_of(this.#context.files, this.#unit.directory);
    if (pid === undefined) return null;
    return change("refused", `process ${pid} was started in ${this.#unit.path}: the freeze ends`, { end: true });
  }

  close(): void {
    this.#freezer.close();
  }

  set(frozen: boolean, now_ns: number): Change {
    this.#entry = this.#context.ledger.adjust(this.#entry, frozen ? "1" : "0");
    return this.#freezer.set(frozen, this.#entry.prior, now_ns);
  }
}
