import { guarded_path } from "./preconditions.ts";
import { first_match, pattern_text } from "./safety_list.ts";

/** Whether a path matches one of the patterns: `*` stays within one segment, `**` crosses segments. */
export function matches(path: string, patterns: readonly string[]): boolean {
  return first_match(path, patterns) !== null;
}

/** Why the cgroup must not be limited by any remedy, as its path says; null when it may be. */
export function protection(path: string, own_path: string, extra: readonly string[]): string | null {
  const guarded = guarded_path(path, { own_path, protect: extra });
  switch (guarded?.code) {
    case undefined:
      return null;
    case "self":
      return guarded.path === path ? "it is HOSA itself" : "HOSA itself runs inside it";
    case "protected_by_config":
      return `it is protected by the configuration (${pattern_text(guarded.pattern)})`;
    case "protected_path":
      return `it is protected by default (${guarded.pattern})`;
    default:
      return "it is protected";
  }
}
