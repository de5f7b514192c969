import type { Config } from "../config/index.ts";
import { all_but } from "../decision/safety_list.ts";
import { DEMO_SLICE } from "../model/demo.ts";

/**
 * Patterns of cgroups that no remedy touches, besides the safety list: those of `protect`, and all but those of `contain_only` where that names some. A
 * demonstration is left to its own agent, whose `contain_only` names it.
 */
export function protected_patterns({
  protect,
  contain_only,
}: Pick<Config, "protect" | "contain_only">): readonly string[] {
  return [...protect, ...(contain_only.length > 0 ? [all_but(contain_only)] : [DEMO_SLICE, `${DEMO_SLICE}/**`])];
}

/** Cgroups that are not told of: the agent's own, and a demonstration, whose leak is meant and would raise an alarm. */
export function excluded_paths({ contain_only }: Pick<Config, "contain_only">, own_path: string): readonly string[] {
  return [...(own_path === "/" ? [] : [own_path]), ...(contain_only.length > 0 ? [] : [DEMO_SLICE])];
}
