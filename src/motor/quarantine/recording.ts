import type { Outcome } from "../../model/containment.ts";
import type { PlannedStep, QuarantinePlan, QuarantineStep, StepOutcome } from "../../model/quarantine.ts";
import { told } from "./context.ts";

/** Whoever carries out a plan, or only says it. */
export interface QuarantineMotor {
  readonly busy: boolean;
  enter(plan: QuarantinePlan): void;
  at_leisure(now_ns: number): void;
  leave(why: string): Promise<readonly Outcome[]>;
  /** The agent ends and the quarantine does not: resolves when no step is under way any more. */
  close(): Promise<void>;
}

/** The quarantine that is only recorded: every step is told as one that would be done, and nothing is touched. */
export class RecordingQuarantine implements QuarantineMotor {
  readonly busy = false;
  readonly #tell: (outcome: StepOutcome) => void;

  constructor(tell: (outcome: StepOutcome) => void) {
    this.#tell = tell;
  }

  enter(plan: QuarantinePlan): void {
    for (const step of plan.steps) this.#say(step);
  }

  at_leisure(): void {}

  async leave(): Promise<readonly Outcome[]> {
    return [];
  }

  async close(): Promise<void> {}

  #say({ name, todo, because }: PlannedStep): void {
    if (todo === null) return;
    for (const subject of subjects(todo)) this.#tell(told(name, subject, "would_do", `would be done (${because})`));
  }
}

/** What a step is about, one by one. */
function subjects(step: QuarantineStep): readonly string[] {
  switch (step.step) {
    case "isolate":
      return step.shield.interfaces;
    case "links_down":
      return step.links.map((link) => link.path);
    case "freeze":
      return step.cgroups.map((cgroup) => cgroup.path);
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
