import type { StepOutcome } from "../../model/quarantine.ts";
import type { LedgerEntry } from "../entry.ts";
import { watched } from "../guard.ts";
import { directory_of, locate } from "../locate.ts";
import { finished } from "../recover.ts";
import { pids_of } from "../rungs/freeze_child.ts";
import { FileTrouble } from "../trouble.ts";
import { undo_entry } from "../undo.ts";
import { type QuarantineContext, told } from "./context.ts";
import { freeze_action, is_frozen_entry } from "./freeze.ts";

const ASK_PERIOD_NS = 1e9;
/** All of them within a second at the ordinary beat, a part at each. */
const BEATS_A_SECOND = 8;

/** Asks once a second of everything that level 5 froze whether it may stay so, and thaws what may not. Works from the ledger alone. */
export class FrozenWatch {
  readonly #context: QuarantineContext;
  readonly #asked_ns = new Map<string, number>();

  constructor(context: QuarantineContext) {
    this.#context = context;
  }

  /** Call at every beat. */
  at_leisure(now_ns: number): readonly StepOutcome[] {
    const entries = this.#context.ledger.entries().filter(is_frozen_entry);
    const due = entries.filter(
      ({ id }) => now_ns - (this.#asked_ns.get(id) ?? Number.NEGATIVE_INFINITY) >= ASK_PERIOD_NS,
    );
    return due.slice(0, Math.ceil(entries.length / BEATS_A_SECOND)).flatMap((entry) => {
      this.#asked_ns.set(entry.id, now_ns);
      const why = this.#why_not(entry, now_ns);
      return why === null ? [] : [this.#thaw(entry, why)];
    });
  }

  /** Whether something in it was asked to end, whatever else is true of it. */
  is_ending(now_ns: number): boolean {
    const { guard, ledger } = this.#context;
    const frozen = ledger.entries().filter(is_frozen_entry);
    return frozen.some((entry) => guard?.watch(watched(action_of(entry), entry), now_ns)?.code === "being_ended");
  }

  /** Thaws all of them. */
  thaw_all(why: string): readonly StepOutcome[] {
    return this.#context.ledger
      .entries()
      .filter(is_frozen_entry)
      .map((entry) => this.#thaw(entry, why));
  }

  #why_not(entry: LedgerEntry, now_ns: number): string | null {
    const { guard } = this.#context;
    const unmet = guard?.watch(watched(action_of(entry), entry), now_ns) ?? null;
    if (unmet !== null && guard !== null) return guard.words(unmet);
    return entry.kind === "child" ? this.#newcomer(entry) : null;
  }

  /** Its manager, or an operator, started something beside the frozen processes. */
  #newcomer({ mount, cgroup_id, path }: LedgerEntry): string | null {
    const { files } = this.#context;
    try {
      const home = locate(files, mount, cgroup_id, path);
      const pid = home === null ? undefined : pids_of(files, directory_of(mount, home))[0];
      return pid === undefined ? null : `process ${pid} was started in ${path}`;
    } catch (error) {
      if (error instanceof FileTrouble && error.vanished) return null;
      throw error;
    }
  }

  #thaw(entry: LedgerEntry, why: string): StepOutcome {
    const { files, processes, ledger, guard } = this.#context;
    const undone = undo_entry(entry, files, processes);
    if (finished(undone.status)) {
      ledger.close_entry(entry.id);
      this.#asked_ns.delete(entry.id);
      guard?.forget(action_of(entry).id);
    }
    const more = { prior: undone.found, written: undone.written, ledger_id: entry.id };
    return told("freeze", entry.path, undone.status, `${why}: thawed; ${undone.detail}`, more);
  }
}

function action_of({ cgroup_id: id, path }: LedgerEntry) {
  return freeze_action({ id, path });
}
