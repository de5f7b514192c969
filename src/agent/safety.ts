import { unmet, unmet_by_path } from "../decision/preconditions.ts";
import type { Safety } from "../model/precondition.ts";
import { precondition_words } from "../report/precondition.ts";

/** The one safety list, as the actuators ask it: with the configuration of this node and with words for what it answers. */
export function safety_of(own_path: string, protect: readonly string[]): Safety {
  const settings = { own_path, protect };
  return {
    unmet: (facts, kind) => unmet(facts, kind, settings),
    unmet_by_path: (path, kind) => unmet_by_path(path, kind, settings),
    words: precondition_words,
  };
}
