export const LEVEL_NAMES = [
  "homeostasis",
  "vigilance",
  "soft containment",
  "active containment",
  "severe containment",
  "quarantine",
] as const;

export type Level = 0 | 1 | 2 | 3 | 4 | 5;

export function level_name(level: Level): string {
  return LEVEL_NAMES[level];
}
