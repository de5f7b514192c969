import type { Story } from "../model/story.ts";

/** A look of a moment: a program was started, a file was copied. What can be named says more, and counts sooner. */
const MOMENT_S = 3;
const NAMED_MOMENT_S = 2;

/** What of an episode says whether it counts. */
export interface Weighed {
  readonly highest: number;
  readonly lasted_s: number;
  /** It is not over yet. */
  readonly lasts: boolean;
  readonly actions: number;
  readonly harm: boolean;
  readonly story: Story;
}

/**
 * An episode by the way: level 1 for a moment, or about a command of HOSA itself, which a quiet node feels when it is asked. It is listed like any other, but
 * not chosen where another one can be.
 */
export function is_aside({ highest, lasted_s, lasts, actions, harm, story }: Weighed): boolean {
  if (highest > 1 || actions > 0 || harm) return false;
  if (story.named?.own === true) return true;
  if (story.named === null) return lasted_s < MOMENT_S;
  return lasted_s < NAMED_MOMENT_S && !lasts;
}
