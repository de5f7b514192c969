import { to_ascii } from "../ascii.ts";
import { cut, shortened_middle, width_of } from "../screen.ts";

export type Paint = (text: string) => string;

/** A part of a line. It is painted last, because its width cannot be taken afterwards. */
export interface Span {
  readonly text: string;
  readonly paint?: Paint;
}

export type Line = readonly Span[];

/** What lines are made for. */
export interface Room {
  readonly columns: number;
  readonly ascii: boolean;
}

export function width(line: Line): number {
  return line.reduce((sum, { text }) => sum + width_of(text), 0);
}

/** The characters the screen can show. Whatever is measured later went through here before. */
export function readable(text: string, { ascii }: Pick<Room, "ascii">): string {
  return ascii ? to_ascii(text) : text;
}

/** At most so many columns; what does not fit is left out. */
export function fitted(line: Line, room: Room): Line {
  const out: Span[] = [];
  let left = room.columns;
  for (const span of line) {
    const text = cut(readable(span.text, room), left);
    left -= width_of(text);
    out.push({ ...span, text });
    if (left <= 0) break;
  }
  return out;
}

/** Exactly so many columns. */
export function padded(line: Line, room: Room): Line {
  const shown = fitted(line, room);
  return [...shown, { text: " ".repeat(Math.max(0, room.columns - width(shown))) }];
}

export function painted(line: Line): string {
  return line
    .map(({ text, paint }) => (paint === undefined || text === "" ? text : paint(text)))
    .join("")
    .trimEnd();
}

/** One line with text at both ends; of several texts for the right end the first that fits, else none. */
export function ends(left: Line, right: readonly Line[], room: Room): Line {
  const shown = left.map((span) => ({ ...span, text: readable(span.text, room) }));
  const free = room.columns - width(shown);
  for (const one of right) {
    const last = one.map((span) => ({ ...span, text: readable(span.text, room) }));
    const gap = free - width(last);
    if (gap > 0 && last.length > 0) return [...shown, { text: " ".repeat(gap) }, ...last];
  }
  return shown;
}

/** A text in exactly so many columns: of a longer one the middle is left out. */
export function cell(
  text: string,
  columns: number,
  { ascii }: Pick<Room, "ascii">,
  end: "left" | "right" = "left",
): string {
  const shown = shortened_middle(readable(text, { ascii }), columns, { ascii });
  const padding = " ".repeat(Math.max(0, columns - width_of(shown)));
  return end === "left" ? shown + padding : padding + shown;
}

/** Words in at most `most` lines; the last one says that more was there. */
export function wrapped_words(text: string, room: Room, most: number): readonly string[] {
  const lines: string[] = [];
  let current = "";
  for (const word of readable(text, room).split(" ")) {
    const next = current === "" ? word : `${current} ${word}`;
    if (width_of(next) <= room.columns) {
      current = next;
      continue;
    }
    if (current !== "") lines.push(current);
    current = shortened_middle(word, room.columns, room);
  }
  if (current !== "") lines.push(current);
  if (lines.length <= most) return lines;
  const mark = readable("…", room);
  const last = cut(lines[most - 1] ?? "", Math.max(0, room.columns - mark.length - 1));
  return [...lines.slice(0, Math.max(0, most - 1)), `${last} ${mark}`];
}
