import type { Maybe } from "../../model/sample.ts";

const BARS = " ▁▂▃▄▅▆▇█";
const EIGHTHS = 8;

/**
 * Values as columns of block characters, the newest at the right end; a space where nothing was sampled.
 *
 * @param top value of the full height
 * @param rows height in lines
 * @returns lines from the top down, each `columns` characters; in the lowest one a known value shows at least one eighth
 */
export function curve(values: readonly Maybe<number>[], top: number, columns: number, rows: number): readonly string[] {
  const shown = values.slice(-columns);
  const empty = " ".repeat(columns - shown.length);
  const heights = shown.map((value) => height_of(value, top, rows * EIGHTHS));
  return Array.from({ length: rows }, (_, row) => {
    const below = (rows - 1 - row) * EIGHTHS;
    const cells = heights.map((height) => BARS.charAt(Math.min(EIGHTHS, Math.max(0, height - below))));
    return empty + cells.join("");
  });
}

/** Eighths of a line; 0 only where nothing was sampled. */
function height_of(value: Maybe<number>, top: number, full: number): number {
  if (value === null || !Number.isFinite(value)) return 0;
  const part = top > 0 ? value / top : 0;
  return Math.min(full, Math.max(1, Math.round(part * full)));
}
