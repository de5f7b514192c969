import type { Action, Setting } from "../../model/containment.ts";
import type { Maybe } from "../../model/sample.ts";
import type { LedgerEntry } from "../entry.ts";
import { offers } from "../files.ts";
import { Refusal } from "../trouble.ts";
import type { Applied, Change, Containment, Place, RungContext } from "./containment.ts";
import { begin, change, entry_base } from "./containment.ts";
import { Freezer } from "./freezer.ts";
import { apply_stop } from "./stop.ts";

const REAPPLIED_MAX = 1;

/** Freeze a whole cgroup and all below it. Where the kernel has no v2 freezer its processes are stopped instead. */
export function apply_freeze(context: RungContext, action: Action, place: Place, now_ns: number): Applied {
  const frozen = frozen_of(action.setting);
  const file = `${place.directory}/cgroup.freeze`;
  if (!offers(context.files, file)) return apply_stop(context, action, place);
  const prior = context.files.read(file).trim();
  if (prior !== "0") throw new Refusal(`${place.path} is frozen already, by somebody else`);
  const entry = context.ledger.open({
    ...entry_base(context, action, place),
    kind: "file",
    file: "cgroup.freeze",
    prior,
    intended: "1",
    threads: [],
  });
  const containment = new FreezeContainment(context, entry, new Freezer(context.files, place.directory));
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
  #entry: LedgerEntry;
  #drifted = false;
  #reapplied = 0;

  constructor(context: RungContext, entry: LedgerEntry, freezer: Freezer) {
    this.#context = context;
    this.#entry = entry;
    this.#freezer = freezer;
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

  check(): null {
    return null;
  }

  close(): void {
    this.#freezer.close();
  }

  set(frozen: boolean, now_ns: number): Change {
    this.#entry = this.#context.ledger.adjust(this.#entry, frozen ? "1" : "0");
    return this.#freezer.set(frozen, this.#entry.prior, now_ns);
  }
}
