import type { Outcome } from "../../model/containment.ts";
import type { Named, PlannedStep, QuarantinePlan, QuarantineStep, StepOutcome } from "../../model/quarantine.ts";
import type { Maybe } from "../../model/sample.ts";
import type { Guard } from "../guard.ts";
import { told } from "./context.ts";
import { freeze_action } from "./freeze.ts";

/** Whoever carries out a plan, or only says it. */
export interface QuarantineMotor {
  readonly busy: boolean;
  enter(plan: QuarantinePlan): void;
  at_leisure(now_ns: number): void;
  leave(why: string): Promise<readonly Outcome[]>;
  /** The agent ends and the quarantine does not: resolves when no step is under way any more. */
  close(): Promise<void>;
}

/** The quarantine of a dry run: every step is told as it would be done, and nothing is touched. */
export class RecordingQuarantine implements QuarantineMotor {
  readonly busy = false;
  readonly #tell: (outcome: StepOutcome) => void;

  readonly #guard: Maybe<Guard>;

  /** @param guard asks what the real one would be refused; null where there is no cgroup v2 */
  constructor(tell: (outcome: StepOutcome) => void, guard: Maybe<Guard> = null) {
    this.#tell = tell;
    this.#guard = guard;
  }

  enter(plan: QuarantinePlan): void {
    for (const step of plan.steps) this.#say(step);
  }

  at_leisure(): void {}

  async leave(): Promise<readonly Outcome[]> {
    return [];
  }

  async close(): Promise<void> {}

  #say_freeze(cgroup: Named, because: string): void {
    const unmet = this.#guard?.refusal(freeze_action(cgroup), cgroup.path, 0) ?? null;
    if (unmet === null || this.#guard === null)
      this.#tell(told("freeze", cgroup.path, "done", `dry run: would be done (${because})`));
    else this.#tell(told("freeze", cgroup.path, "refused", this.#guard.words(unmet)));
  }

  #say({ name, todo, because }: PlannedStep): void {
    if (todo === null) return;
    if (todo.step === "freeze") {
      for (const cgroup of todo.cgroups) this.#say_freeze(cgroup, because);
      return;
    }
    for (const subject of subjects(todo))
      this.#tell(told(name, subject, "done", `dry run: would be done (${because})`));
  }
}

/** What a step is about, one by one. */
function subjects(step: Exclude<QuarantineStep, { step: "freeze" }>): readonly string[] {
  switch (step.step) {
    case "isolate":
      return step.shield.interfaces;
    case "links_down":
      return step.links.map((link) => link.path);
    case "taint":
      return [step.node];
    case "conservative":
      return [step.marker];
    case "watchdog":
      return [step.device];
    case "evidence":
      return ["disk"];
    case "webhook":
      return ["webhook"];
  }
}
