import {
  type Action,
  type Organ,
  OUTCOME_STATUSES,
  type Outcome,
  type OutcomeStatus,
  RUNGS,
  VERBS,
} from "../../model/containment.ts";
import { type Decision, VERDICTS, type Verdict } from "../../model/decision.ts";
import type { MetricValue } from "./exposition.ts";

/** Containments whose rung is remembered for the verdict on them. Not counted as a loss: a later verdict counts under the rung "unknown". */
const REMEMBERED_MAX = 256;

/** Counts what was done and what came of it. Every label is one of a fixed set of words, so the number of series is bounded. */
export class Tally {
  readonly #actions = new Map<string, { readonly labels: Readonly<Record<string, string>>; value: number }>();
  readonly #verdicts = new Map<string, { readonly labels: Readonly<Record<string, string>>; value: number }>();
  readonly #rungs = new Map<string, Organ>();

  constructor() {
    // A series that begins with its first event shows no increase for it, and most of these happen once.
    for (const rung of RUNGS) {
      for (const verb of VERBS) for (const status of OUTCOME_STATUSES) this.#action(rung, verb, status, 0);
      for (const verdict of VERDICTS) this.#verdict(rung, verdict, 0);
    }
  }

  /** Takes note of a beat; costs nothing while nothing is done. */
  note(decision: Pick<Decision, "verdicts">, outcomes: readonly Outcome[]): void {
    for (const { id, rung, verb, status } of outcomes) {
      this.#action(rung, verb, status, 1);
      this.#rungs.set(id, rung);
      if (this.#rungs.size > REMEMBERED_MAX) this.#rungs.delete(this.#rungs.keys().next().value!);
    }
    for (const { id, verdict } of decision.verdicts) this.#verdict(this.#rungs.get(id) ?? "unknown", verdict, 1);
  }

  get actions(): readonly MetricValue[] {
    return [...this.#actions.values()];
  }

  get verdicts(): readonly MetricValue[] {
    return [...this.#verdicts.values()];
  }

  #action(rung: Organ, verb: Action["verb"], status: OutcomeStatus, by: number): void {
    add(this.#actions, { rung, verb, status }, by);
  }

  #verdict(rung: Organ | "unknown", verdict: Verdict["verdict"], by: number): void {
    add(this.#verdicts, { rung, verdict }, by);
  }
}

function add(
  into: Map<string, { readonly labels: Readonly<Record<string, string>>; value: number }>,
  labels: Readonly<Record<string, string>>,
  by: number,
): void {
  const key = Object.values(labels).join();
  const known = into.get(key);
  if (known === undefined) into.set(key, { labels, value: by });
  else known.value += by;
}
