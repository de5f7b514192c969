import picocolors from "picocolors";
import type { Level } from "../model/level.ts";

/** Colour functions that do nothing when colour is off; made once by whoever prints. */
export type Style = ReturnType<typeof picocolors.createColors>;

/** @param seal stands between ESC and the code, so that whoever prints tells own colours from those that came with a name */
export function style(color: boolean, seal = ""): Style {
  const plain = picocolors.createColors(color);
  if (!color || seal === "") return plain;
  const sealed = Object.entries(plain).map(([name, paint]) => [
    name,
    typeof paint === "function" ? (text: string | number | null | undefined) => sealed_by(seal, paint, text) : paint,
  ]);
  return Object.fromEntries(sealed);
}

function sealed_by(seal: string, paint: (text: string) => string, text: string | number | null | undefined): string {
  const [open = "", close = ""] = paint("\0").replaceAll("\x1b", `\x1b${seal}`).split("\0");
  // What is painted within ends with the same code: the outer colour begins anew behind it.
  return `${open}${String(text).replaceAll(close, close + open)}${close}`;
}

export function by_level(paint: Style, level: Level, text: string): string {
  if (level === 0) return paint.green(text);
  if (level === 1) return paint.yellow(text);
  if (level <= 3) return paint.magenta(text);
  return paint.red(text);
}
