import { basename, dirname } from "node:path";
import type { Outcome } from "../../model/containment.ts";
import { reason_of } from "../../model/errno.ts";
import type { QuarantinePlan, QuarantineStep, StepOutcome } from "../../model/quarantine.ts";
import type { LedgerEntry } from "../entry.ts";
import { outcome_of_undo } from "../outcome.ts";
import { finished, undo_entries } from "../recover.ts";
import type { Undone } from "../undo.ts";
import { entry_of, type QuarantineContext, type TaintPort, told, told_of_error } from "./context.ts";
import { freeze_all, is_frozen_entry } from "./freeze.ts";
import { FrozenWatch } from "./frozen_watch.ts";
import { take_links_down } from "./links_down.ts";
import type { QuarantineMotor } from "./recording.ts";
import { Deadline } from "./watchdog.ts";

const WEBHOOK_WITHIN_MS = 3000;
/** A manager that ends the node asks all services to end at about the same time. */
const ENDING_WITHIN_MS = 1500;
const ENDING_LOOK_MS = 100;

/** Open entries of the quarantine this boot is in, oldest first; empty when the node is free. */
export function quarantine_entries(entries: Iterable<LedgerEntry>, boot_id: string): readonly LedgerEntry[] {
  return [...entries].filter((entry) => entry.boot_id === boot_id && entry.until === "release");
}

/** Carries out the plan of a quarantine, step by step beside the beat, and undoes all of it when it is released. */
export class Quarantine implements QuarantineMotor {
  readonly #context: QuarantineContext;
  readonly #deadline: Deadline;
  readonly #frozen: FrozenWatch;
  #work: Promise<void> | null = null;

  constructor(context: QuarantineContext) {
    this.#context = context;
    this.#deadline = new Deadline(context);
    this.#frozen = new FrozenWatch(context);
  }

  /** A step is under way: the event loop should get its turns. */
  get busy(): boolean {
    return this.#work !== null;
  }

  /**
   * Begins to carry out a plan; what becomes of it is told step by step. A predecessor's steps that stand are kept, so that a
   * restarted agent goes on where it was. The mark in the ledger comes first: from then on the node is in quarantine.
   */
  enter(plan: QuarantinePlan): void {
    if (this.#work !== null) return;
    this.#mark();
    this.#work = this.#carry_out(plan).finally(() => {
      this.#work = null;
    });
  }

  /** Feeds the watchdog when due, and thaws what must not stay frozen; call at every beat. */
  at_leisure(now_ns: number): void {
    // A cgroup that is being frozen is asked about by the step itself.
    if (this.#work === null) for (const outcome of this.#frozen.at_leisure(now_ns)) this.#context.tell(outcome);
    const outcome = this.#deadline.at_leisure(now_ns);
    if (outcome !== null) this.#context.tell(outcome);
  }

  /** Undoes everything, newest first; what failed stays in the ledger for `hosa release`. */
  async leave(why: string): Promise<readonly Outcome[]> {
    await this.#work;
    const { ledger, files, processes, world, now_ns, boot_id } = this.#context;
    this.#deadline.abandon();
    const untainted = await this.#untaint(why);
    const left = quarantine_entries(ledger.entries(), boot_id).filter((entry) => entry.kind !== "taint");
    return [...untainted, ...undo_entries(ledger, left, files, processes, now_ns(), why, world)];
  }

  async close(): Promise<void> {
    await this.#work;
    await this.#thaw_where_the_node_ends();
    this.#deadline.abandon();
  }

  /** An agent that ends together with what it froze ends with the node: everything frozen must be free to end in order, too. */
  async #thaw_where_the_node_ends(): Promise<void> {
    const { ledger, pause, now_ns, tell } = this.#context;
    for (let waited_ms = 0; waited_ms < ENDING_WITHIN_MS; waited_ms += ENDING_LOOK_MS) {
      if (!ledger.entries().some(is_frozen_entry)) return;
      if (this.#frozen.is_ending(now_ns())) {
        for (const outcome of this.#frozen.thaw_all("the node ends")) tell(outcome);
        return;
      }
      await pause(ENDING_LOOK_MS);
    }
  }

  #mark(): void {
    const { ledger, wall_time } = this.#context;
    if (ledger.entries().some((entry) => entry.kind === "quarantine")) return;
    const about = { id: 0, path: "node", file: "quarantine" };
    ledger.open(entry_of("quarantine", "quarantine", about, "free", wall_time()));
  }

  async #carry_out(plan: QuarantinePlan): Promise<void> {
    for (const { todo } of plan.steps) {
      if (todo === null) continue;
      try {
        for (const outcome of await this.#step(todo)) this.#context.tell(outcome);
      } catch (error) {
        // A defect in one step must not leave the node open: the others are done all the same.
        const detail = `defect: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`;
        this.#context.tell(told(todo.step, "agent", "failed", detail));
      }
    }
  }

  async #step(step: QuarantineStep): Promise<readonly StepOutcome[]> {
    switch (step.step) {
      case "evidence":
        return [await this.#within("evidence", "disk", this.#context.evidence, this.#context.evidence_deadline_ms)];
      case "webhook":
        return [await this.#within("webhook", "webhook", this.#context.webhook, WEBHOOK_WITHIN_MS)];
      case "conservative":
        return [this.#conservative(step.marker)];
      case "isolate":
        return [this.#isolate(step)];
      case "taint":
        return [await this.#taint(step.node)];
      case "links_down":
        return await take_links_down(this.#context, step.links);
      case "freeze":
        return await freeze_all(this.#context, step.cgroups);
      case "watchdog":
        return [this.#deadline.arm(step.device, step.after_min)];
    }
  }

  /** Something slow and outside of our hands: it may fail or hang, but it must not keep the node open. */
  async #within(
    step: "evidence" | "webhook",
    subject: string,
    act: (() => Promise<string>) | null,
    deadline_ms: number,
  ): Promise<StepOutcome> {
    if (act === null) return told(step, subject, "refused", "there is nobody to tell");
    const work = act().then(
      (detail) => told(step, subject, "done", detail),
      (error) => told(step, subject, "failed", reason_of(error)),
    );
    const late = this.#context.pause(deadline_ms).then(() => {
      const detail = `not finished within ${(deadline_ms / 1000).toFixed(0)} s; it goes on, and so does the quarantine`;
      return told(step, subject, "pending", detail);
    });
    return await Promise.race([work, late]);
  }

  /** Written before anything can reboot the node. */
  #conservative(marker: string): StepOutcome {
    const { ledger, world, boot_id, wall_time } = this.#context;
    try {
      const about = { id: 0, path: dirname(marker), file: basename(marker) };
      const known = ledger.entries().find((entry) => entry.kind === "marker");
      const entry = known ?? ledger.open(entry_of("marker", "conservative", about, "absent", "present"));
      world.devices.write_durably(marker, `${JSON.stringify({ boot_id, since: wall_time() })}\n`);
      const detail = "after the next boot the agent is conservative until `hosa release`";
      return told("conservative", marker, "done", detail, { prior: "absent", written: "present", ledger_id: entry.id });
    } catch (error) {
      return told_of_error("conservative", marker, error);
    }
  }

  #isolate({ shield }: Extract<QuarantineStep, { step: "isolate" }>): StepOutcome {
    const { isolation, now_ns } = this.#context;
    const subject = shield.interfaces.join(", ");
    try {
      const { ledger_id, detail } = isolation.isolate(shield, now_ns());
      return told("isolate", subject, "done", detail, { prior: "open", written: "isolate", ledger_id });
    } catch (error) {
      return told_of_error("isolate", subject, error);
    }
  }

  async #taint(node: string): Promise<StepOutcome> {
    const { taint, ledger } = this.#context;
    if ("missing" in taint) return told("taint", node, "refused", taint.missing);
    let ledger_id: string | null = ledger.entries().find((entry) => entry.kind === "taint")?.id ?? null;
    try {
      const became = await taint.add(node, () => {
        const about = { id: 0, path: node, file: "taint" };
        ledger_id ??= ledger.open(
          entry_of("taint", "taint", about, taint.address, "hosa.io/quarantine=true:NoExecute"),
        ).id;
      });
      // A request whose answer was lost may have set it: what the ledger holds is ours.
      const ours = became === "set" || ledger_id !== null;
      const detail = ours ? "the cluster moves its work elsewhere" : "it was there already, and will stay on release";
      return told("taint", node, "done", detail, { prior: "absent", written: "hosa.io/quarantine", ledger_id });
    } catch (error) {
      // Whether the last request arrived is not known: the entry stays, and removing what is not there does nothing.
      return told("taint", node, "failed", reason_of(error), { ledger_id });
    }
  }

  async #untaint(why: string): Promise<readonly Outcome[]> {
    const { taint, ledger, now_ns } = this.#context;
    const entry = ledger.entries().find((each) => each.kind === "taint");
    if (entry === undefined) return [];
    const undone = await undo_taint(entry, "missing" in taint ? null : taint);
    if (finished(undone.status)) ledger.close_entry(entry.id);
    return [outcome_of_undo(entry, undone, now_ns(), why)];
  }
}

/** Takes our taint off the node; never rejects. Null: there is no way to the API server from here. */
export async function undo_taint(entry: LedgerEntry, taint: Pick<TaintPort, "remove"> | null): Promise<Undone> {
  const found = entry.intended;
  const failed = (why: string): Undone => ({
    status: "failed",
    found,
    written: null,
    detail: `${why}; or by hand: kubectl taint node ${entry.path} ${found}-`,
  });
  if (taint === null) return failed("no credentials for the API server here");
  try {
    const became = await taint.remove(entry.path);
    return { status: "done", found, written: "absent", detail: became === "removed" ? "removed" : "it was not there" };
  } catch (error) {
    return failed(reason_of(error));
  }
}
