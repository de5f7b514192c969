import picocolors from "picocolors";
import type { Level } from "../model/level.ts";

/** Colour functions that do nothing when colour is off; made once by whoever prints. */
export type Style = ReturnType<typeof picocolors.createColors>;

export function style(color: boolean): Style {
  return picocolors.createColors(color);
}

export function by_level(paint: Style, level: Level, text: string): string {
  if (level === 0) return paint.green(text);
  if (level === 1) return paint.yellow(text);
  if (level <= 3) return paint.magenta(text);
  return paint.red(text);
}
