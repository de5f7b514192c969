import type { GrowthAssessment } from "../model/assessment.ts";
import type { Maybe } from "../model/sample.ts";
import { type Evidence, ttf_s } from "./evidence.ts";

/** A growth that harms or may come to, and what is known of it. */
export interface Found {
  readonly growth: GrowthAssessment;
  readonly evidence: Evidence;
  /** A containment in force answers it. */
  readonly answered: boolean;
}

/** What is to be acted on before what is watched, what nobody answers yet before what is held, then the most urgent. */
export function comes_before(one: Found, other: Found): boolean {
  if (one.evidence.act !== other.evidence.act) return one.evidence.act;
  if (one.answered !== other.answered) return other.answered;
  return ttf_s(one.growth) < ttf_s(other.growth);
}

/**
 * Whom to answer, which need not be who runs out first. Who is enough to be acted on by itself stands before what it lies in: of two
 * services that leak in one slice, each is answered, not the slice. Who may not be touched keeps nobody else from being answered.
 *
 * @param best comes before all of `found`
 * @param may it may be touched: neither protected nor left alone
 */
export function whom_to_answer(
  found: readonly Found[],
  best: Found,
  may: (growth: GrowthAssessment) => boolean,
): Found {
  const of_node = best.growth.path === "/";
  // Nearly always one service grows, and what it lies in is not listed.
  if (found.length === 1 && !of_node) return best;
  const free = found.filter(({ evidence, growth }) => evidence.act && growth.path !== "/" && may(growth));
  let first: Maybe<Found> = null;
  for (const each of free) {
    if (of_node && each.answered) continue;
    if (free.some(({ growth }) => growth.path.startsWith(`${each.growth.path}/`))) continue;
    if (first === null || comes_before(each, first)) first = each;
  }
  if (first === null) return best;
  // Why the one that runs out is not touched is to be said, unless somebody else is still to be answered.
  return first.answered && !best.answered && !free.includes(best) ? best : first;
}
