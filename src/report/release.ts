import type { Outcome } from "../model/containment.ts";
import { outcome } from "./explain.ts";

export function outcome_line(result: Outcome): string {
  return `${result.verb} ${result.rung} ${result.target.path}: ${outcome(result)}`;
}
