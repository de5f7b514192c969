import type { GrowthAssessment } from "../model/assessment.ts";
import type { Maybe } from "../model/sample.ts";
import { type Evidence, NO_TIME_TO_SEARCH_S, ttf_s } from "./evidence.ts";

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

/** Part of what it lies in grows that others must grow together to stand for it. */
const STAND_FOR = 0.7;

/**
 * Whom to answer, which need not be who runs out first. Who is enough to be acted on by itself stands before what it lies in: of two
 * services that leak in one slice, each is answered, not the slice. Who may not be touched keeps nobody else from being answered.
 *
 * @param best comes before all of `found`
 * @param may it may be touched: neither protected nor left alone
 * @param searched_id whose threads are known: it is answered first, or two of like urgency would be searched by turns
 */
export function whom_to_answer(
  found: readonly Found[],
  best: Found,
  may: (growth: GrowthAssessment) => boolean,
  searched_id: Maybe<number>,
): Found {
  const of_node = best.growth.path === "/";
  // Nearly always one service grows, and what it lies in is not listed.
  if (found.length === 1 && !of_node) return best;
  const free = found.filter(({ evidence, growth }) => evidence.act && growth.path !== "/" && may(growth));
  let first: Maybe<Found> = null;
  let searched: Maybe<Found> = null;
  for (const each of free) {
    if ((of_node && each.answered) || is_stood_for(each, free)) continue;
    if (first === null || comes_before(each, first)) first = each;
    if (!each.answered && each.growth.cgroup_id === searched_id) searched = each;
  }
  if (first === null) return best;
  if (searched !== null && ttf_s(first.growth) >= NO_TIME_TO_SEARCH_S) return searched;
  // Why the one that runs out is not touched is to be said, unless somebody else is still to be answered.
  return first.answered && !best.answered && !free.includes(best) ? best : first;
}

/** Those in it that are to be answered themselves grow nearly all that it grows; a rest that nobody listed grows is its own. */
function is_stood_for({ growth }: Found, free: readonly Found[]): boolean {
  const below = free.filter((each) => lies_in(each, growth.path));
  const narrowest = below.filter((each) => !below.some((other) => lies_in(other, each.growth.path)));
  const slope = narrowest.reduce((sum, each) => sum + each.growth.slope_bytes_per_s, 0);
  return narrowest.length > 0 && slope >= STAND_FOR * growth.slope_bytes_per_s;
}

function lies_in({ growth }: Found, path: string): boolean {
  return growth.path.startsWith(`${path}/`);
}
