import type { Action, OutcomeStatus, Setting } from "../../model/containment.ts";
import type { Unmet } from "../../model/precondition.ts";
import type { Maybe } from "../../model/sample.ts";
import type { ShieldOrgan } from "../../model/shield.ts";
import type { LedgerEntry } from "../entry.ts";
import type { CgroupFiles } from "../files.ts";
import type { Ledger, NewEntry } from "../ledger.ts";
import type { Processes } from "../processes.ts";
import type { Reserve } from "../reserve/reserve.ts";

/** What a rung did or saw: the part of an Outcome that only the rung knows. */
export interface Change {
  readonly status: OutcomeStatus;
  readonly file: Maybe<string>;
  readonly prior: Maybe<string>;
  readonly written: Maybe<string>;
  readonly detail: string;
  /** Refused by a bound that passes after so long; absent otherwise. */
  readonly wait_s?: Maybe<number>;
  /** The precondition that is not met; absent otherwise. */
  readonly unmet?: Maybe<Unmet>;
  /** The containment must be undone now: its object ended, or the kernel never confirmed. */
  readonly end: boolean;
}

/** One live containment. Methods throw FileTrouble, Refusal or Gone; the motor turns them into outcomes. */
export interface Containment {
  readonly entry: LedgerEntry;
  /** For rungs that freeze: what the kernel last confirmed; null otherwise. */
  readonly frozen: Maybe<boolean>;
  adjust(setting: Setting, now_ns: number): Change;
  /** Every beat, a microsecond or two: confirmations. Null when nothing changed. */
  confirm(now_ns: number): Maybe<Change>;
  /** At most once a second: drift. Null when nothing changed. */
  check(): Maybe<Change>;
  /** Close what is kept open; undoes nothing. */
  close(): void;
}

/** What every rung works with. */
export interface RungContext {
  readonly mount: string;
  readonly files: CgroupFiles;
  readonly processes: Processes;
  readonly ledger: Ledger;
  /** Null: this host has none. */
  readonly shield: Maybe<ShieldOrgan>;
  readonly reserve: Reserve;
}

/** The cgroup of the target, found by its id. */
export interface Place {
  readonly path: string;
  readonly directory: string;
}

export type Applied = { readonly containment: Containment; readonly change: Change };
export type Apply = (context: RungContext, action: Action, place: Place, now_ns: number) => Applied;

/** The fields of a new ledger entry that follow from action and place alone. */
export function entry_base(
  context: RungContext,
  action: Action,
  place: Place,
): Pick<NewEntry, "containment" | "rung" | "target" | "mount" | "root_id" | "cgroup_id" | "path"> {
  return {
    containment: action.id,
    rung: action.setting.rung,
    target: action.target,
    mount: context.mount,
    root_id: context.files.inode(context.mount),
    cgroup_id: action.target.cgroup_id,
    path: place.path,
  };
}

export function change(status: OutcomeStatus, detail: string, more: Partial<Change> = {}): Change {
  return { status, file: null, prior: null, written: null, detail, end: false, ...more };
}

/** First change of a containment that keeps files open: they are closed when it fails. */
export function begin(containment: Containment, first: () => Change): Applied {
  try {
    return { containment, change: first() };
  } catch (error) {
    containment.close();
    throw error;
  }
}
