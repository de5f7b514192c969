import type { Organ, OutcomeStatus } from "../../model/containment.ts";
import type { QuarantineStepName, StepOutcome } from "../../model/quarantine.ts";
import type { Maybe } from "../../model/sample.ts";
import type { ShieldPlan } from "../../model/shield.ts";
import type { CgroupFiles } from "../files.ts";
import type { Guard } from "../guard.ts";
import type { Ledger, NewEntry } from "../ledger.ts";
import type { Processes } from "../processes.ts";
import { FileTrouble, Gone, Refusal } from "../trouble.ts";
import type { QuarantineWorld } from "./undo.ts";

/** Containment every entry of a quarantine belongs to. */
export const QUARANTINE_ID = "quarantine";

/** Closes the network by a plan that stays in force without the agent; its undo is in the ledger before anything is closed. */
export interface Isolation {
  /** @throws Refusal when this host cannot do it */
  isolate(plan: ShieldPlan, now_ns: number): { readonly ledger_id: string; readonly detail: string };
}

/** The taint on the own node, through the API server. Rejects with what went wrong once its deadline is over. */
export interface TaintPort {
  /** What `remove` needs later, as JSON for the ledger. */
  readonly address: string;
  /** `before_write` is called when the taint is not there, right before it is set. */
  add(node: string, before_write: () => void): Promise<"set" | "there already">;
  remove(node: string): Promise<"removed" | "not there">;
}

/** What the executor of a quarantine works with. */
export interface QuarantineContext {
  readonly ledger: Ledger;
  readonly files: CgroupFiles;
  /** Null: there is no cgroup v2. */
  readonly mount: Maybe<string>;
  readonly world: QuarantineWorld;
  readonly processes: Processes;
  /** Asks the safety list before and while something is frozen; null where there is no cgroup v2. */
  readonly guard: Maybe<Guard>;
  /** What the motor holds in these cgroups is let go of: the freezer takes over. */
  readonly take_over: (paths: readonly string[], now_ns: number) => void;
  readonly isolation: Isolation;
  readonly taint: TaintPort | { readonly missing: string };
  /** Writes the evidence and says what was written. */
  readonly evidence: () => Promise<string>;
  /** The last word to the outside; null when nobody is to be told. */
  readonly webhook: Maybe<() => Promise<string>>;
  readonly boot_id: string;
  readonly wall_time: () => string;
  readonly now_ns: () => number;
  /** Resolves after so many milliseconds. */
  readonly pause: (ms: number) => Promise<void>;
  readonly evidence_deadline_ms: number;
  /** Every outcome, as soon as there is one. */
  readonly tell: (outcome: StepOutcome) => void;
}

/** An outcome of a step without what it was about. */
export function told(
  step: QuarantineStepName,
  subject: string,
  status: OutcomeStatus,
  detail: string,
  more: Partial<Pick<StepOutcome, "prior" | "written" | "ledger_id">> = {},
): StepOutcome {
  return { step, subject, status, prior: null, written: null, ledger_id: null, detail, ...more };
}

/** What a thrown error means to the operator; defects are thrown on. */
export function told_of_error(step: QuarantineStepName, subject: string, error: unknown): StepOutcome {
  if (error instanceof Refusal) return told(step, subject, "refused", error.message);
  if (error instanceof Gone) return told(step, subject, "gone", error.message);
  if (error instanceof FileTrouble) return told(step, subject, error.vanished ? "gone" : "failed", error.message);
  throw error;
}

/** Fields of an entry about something that is no cgroup. */
export function entry_of(
  kind: NewEntry["kind"],
  rung: Organ,
  about: { readonly id: number; readonly path: string; readonly file: string },
  prior: string,
  intended: string,
): NewEntry {
  return {
    kind,
    containment: QUARANTINE_ID,
    rung,
    target: { cgroup_id: about.id, path: about.path, pid: null, tid: null, comm: null },
    mount: "",
    cgroup_id: about.id,
    path: about.path,
    file: about.file,
    prior,
    intended,
    threads: [],
    until: "release",
  };
}
