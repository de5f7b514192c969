import type { Action, Setting } from "../../model/containment.ts";
import { counted } from "../../model/counted.ts";
import type { Maybe } from "../../model/sample.ts";
import type { ShieldOrgan, ShieldPlan } from "../../model/shield.ts";
import type { LedgerEntry } from "../entry.ts";
import type { NewEntry } from "../ledger.ts";
import { Gone, Refusal } from "../trouble.ts";
import type { Applied, Change, Containment, Place, RungContext } from "./containment.ts";
import { begin, change } from "./containment.ts";

/** Put the shield on the node's interfaces; one at a time, for it is of the node. */
export function apply_shield(context: RungContext, action: Action, _place: Place, now_ns: number): Applied {
  const organ = organ_of(context);
  const plan = plan_of(organ, action.setting);
  // Before anything is written down: its undo would else lift what an earlier quarantine has pinned.
  const why_not = organ.shield.missing();
  if (why_not !== null) throw new Refusal(why_not);
  const entry = context.ledger.open({ ...shield_entry(organ, plan, action), threads: [] });
  const containment = new ShieldContainment(context, organ, entry);
  return begin(containment, () => containment.write(plan, now_ns));
}

/** The ledger's words for a shield: enough to take it off with no other knowledge. */
export function shield_entry(
  { pins }: ShieldOrgan,
  plan: ShieldPlan,
  { id, target }: Pick<Action, "id" | "target">,
): Omit<NewEntry, "threads"> {
  return {
    containment: id,
    rung: "shield",
    target,
    mount: pins,
    cgroup_id: target.cgroup_id,
    path: target.path,
    kind: "shield",
    file: `XDP of ${plan.interfaces.join(", ")}`,
    prior: "no program",
    intended: shield_words(plan),
  };
}

/** `shed half of the new flows`, for people. */
export function shield_words({ mode, admit_share }: ShieldPlan): string {
  return mode === "shed" ? `shed: ${Math.round(admit_share * 100)} % of new flows admitted` : mode;
}

export function organ_of({ shield }: RungContext): ShieldOrgan {
  if (shield === null) throw new Refusal("this host has no shield");
  return shield;
}

function plan_of(organ: ShieldOrgan, setting: Setting): ShieldPlan {
  if (setting.rung !== "shield") throw new Refusal(`a ${setting.rung} setting is not for shield`);
  return organ.plan(setting.mode, setting.admit_share);
}

class ShieldContainment implements Containment {
  readonly frozen = null;
  readonly #context: RungContext;
  readonly #organ: ShieldOrgan;
  #entry: LedgerEntry;
  #lost = "";

  constructor(context: RungContext, organ: ShieldOrgan, entry: LedgerEntry) {
    this.#context = context;
    this.#organ = organ;
    this.#entry = entry;
  }

  get entry(): LedgerEntry {
    return this.#entry;
  }

  adjust(setting: Setting, now_ns: number): Change {
    const plan = plan_of(this.#organ, setting);
    this.#entry = this.#context.ledger.adjust(this.#entry, shield_words(plan));
    return this.write(plan, now_ns);
  }

  confirm(now_ns: number): null {
    this.#organ.shield.renew(now_ns);
    return null;
  }

  check(): Maybe<Change> {
    const lost = this.#organ.shield.lost();
    if (this.#entry.file === `XDP of ${lost.join(", ")}`) throw new Gone("every shielded interface is gone");
    if (lost.join(", ") === this.#lost) return null;
    this.#lost = lost.join(", ");
    return change("drifted", lost.length === 0 ? "all its interfaces are there again" : `${this.#lost} is gone`);
  }

  /** It is held by this process alone, so closing it takes it off; an isolation that took its place stays. */
  close(): void {
    this.#organ.shield.leave();
  }

  write(plan: ShieldPlan, now_ns: number): Change {
    const on = this.#organ.shield.apply(plan, now_ns).map(({ name, driver }) => `${name} (${driver} XDP)`);
    const ports = plan.ports.map(({ protocol, port }) => `${protocol}/${port}`).join(" ");
    const detail = `${shield_words(plan)} on ${on.join(", ")}; open: ${ports || "no port"}, ${counted(plan.cidrs.length, "prefix", "prefixes")}`;
    return change("done", detail, { file: this.#entry.file, prior: this.#entry.prior, written: shield_words(plan) });
  }
}
