import { type Line, padded, type Room } from "./line.ts";
import { type Draw, type Section, section_lines } from "./sections.ts";

const BETWEEN = " │ ";

/** Columns left and right of the line between two halves. */
export function halves(columns: number): readonly [number, number] {
  const left = Math.floor((columns - BETWEEN.length) / 2);
  return [left, columns - BETWEEN.length - left];
}

/** Sections below each other, the first ones before the last where there is no room for all; with empty lines between them where there is. */
export function stacked(sections: readonly Section[], rows: number, draw: Draw): readonly Line[] {
  const given = allotted(sections, rows);
  const shown = sections.flatMap((section, i) => {
    const room = given[i] ?? null;
    return room === null ? [] : [section_lines(section, room, draw)];
  });
  const spare = rows - shown.reduce((sum, lines) => sum + lines.length, 0);
  const spaced = spare >= shown.length - 1;
  return shown.flatMap((lines, i) => (spaced && i > 0 ? [[], ...lines] : lines));
}

/**
 * Rows for each section besides its title; null where even the title has no room. Each gets its least first, then one more in turn, the first
 * sections before the others, until all are whole or the room is used up.
 */
export function allotted(
  sections: readonly Pick<Section, "least" | "rows">[],
  rows: number,
): readonly (number | null)[] {
  let left = rows;
  const given: (number | null)[] = sections.map(({ least, rows: all }) => {
    const wanted = Math.min(least, all.length);
    if (left < 1) return null;
    const taken = Math.min(wanted, left - 1);
    left -= taken + 1;
    return taken;
  });
  for (let more = true; more && left > 0; ) {
    more = false;
    for (const [i, { rows: all }] of sections.entries()) {
      const has = given[i] ?? null;
      if (has === null || has >= all.length || left === 0) continue;
      given[i] = has + 1;
      left -= 1;
      more = true;
    }
  }
  return given;
}

/** Two stacks with a line between them. */
export function beside(left: readonly Line[], right: readonly Line[], rows: number, draw: Draw): readonly Line[] {
  const [left_columns] = halves(draw.columns);
  const room: Room = { columns: left_columns, ascii: draw.ascii };
  return Array.from({ length: rows }, (_, i) => [
    ...padded(left[i] ?? [], room),
    { text: BETWEEN, paint: draw.paint.dim },
    ...(right[i] ?? []),
  ]);
}
