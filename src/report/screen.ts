import { to_ascii } from "./ascii.ts";

/** Where text is shown. */
export interface Screen {
  /** Columns of the terminal; null where it is none: then nothing is wrapped or cut. */
  readonly columns: number | null;
  /** The locale's character set is not UTF-8. */
  readonly ascii: boolean;
}

/** A file or a pipe that takes UTF-8. */
export const PLAIN: Screen = { columns: null, ascii: false };

/** Columns of a continuation line below which it is not worth keeping beside its label. */
const MIN_TEXT_COLUMNS = 24;
/** Columns below which only the end of a name is shown. */
const MIN_BOTH_ENDS = 12;
// biome-ignore lint/suspicious/noControlCharactersInRegex: the escape character begins every colour
const COLOR = /\x1b\[[0-9;]*m/g;
// biome-ignore lint/suspicious/noControlCharactersInRegex: as above
const PIECES = /\x1b\[[0-9;]*m|.\p{M}*/gsu;

/**
 * Whether the locale's character set is UTF-8: LC_ALL, else LC_CTYPE, else LANG, the first that is not empty. Where none is set
 * (a service, a container), what reads the output takes UTF-8.
 */
export function takes_utf8(environment: Readonly<Record<string, string | undefined>>): boolean {
  const locale = [environment["LC_ALL"], environment["LC_CTYPE"], environment["LANG"]].find((value) => value);
  return locale === undefined || /(^|\.)utf-?8(@|$)/i.test(locale);
}

/** Text as the screen can show it: its characters, and its lines no longer than the screen is wide. */
export function screen_text(text: string, screen: Screen): string {
  // A minus sign of its own is no number to awk and sort.
  const readable = text.replaceAll("\u2212", "-");
  const shown = screen.ascii ? to_ascii(readable) : readable;
  return screen.columns === null ? shown : wrapped(shown, screen.columns);
}

/** Columns a text takes, without its colors; a wide character takes two. */
export function width_of(text: string): number {
  return Bun.stringWidth(text);
}

/** Every line broken between words; what follows is set below the text it continues. A word that is longer than a line stays whole. */
export function wrapped(text: string, columns: number): string {
  return text
    .split("\n")
    .map((line) => (width_of(line) <= columns ? line : wrapped_line(line, columns)))
    .join("\n");
}

function wrapped_line(line: string, columns: number): string {
  const indent = " ".repeat(hanging_indent(line.replace(COLOR, ""), columns));
  const lines: string[] = [];
  let current = "";
  for (const [piece] of line.matchAll(/ *[^ ]+/g)) {
    const fits = width_of(current) + width_of(piece) <= columns;
    if (fits || current.trim() === "") current += piece;
    else {
      lines.push(current);
      current = indent + piece.trimStart();
    }
  }
  return [...lines, current].join("\n");
}

/** Column of the text behind the labels: behind the last gap of two spaces in the first half of the line, else two to the right of its beginning. */
function hanging_indent(line: string, columns: number): number {
  const start = /^ */.exec(line)?.[0].length ?? 0;
  const most = Math.min(columns / 2, columns - MIN_TEXT_COLUMNS);
  let found = Math.min(start + 2, columns / 2);
  for (const gap of line.matchAll(/(?<=\S) {2,}(?=\S)/g)) {
    const column = width_of(line.slice(0, gap.index)) + gap[0].length;
    if (column <= most) found = column;
  }
  return Math.floor(found);
}

/** At most so many columns: the middle is left out, because the ends of a path and of a name tell it apart. */
export function shortened_middle(text: string, columns: number, { ascii }: Pick<Screen, "ascii">): string {
  if (width_of(text) <= columns) return text;
  const mark = ascii ? ".." : "…";
  const room = columns - mark.length;
  const characters = [...new Intl.Segmenter().segment(text)].map(({ segment }) => segment);
  if (room <= 0) return first_of(characters, columns).join("");
  const head = first_of(characters, room < MIN_BOTH_ENDS ? 0 : Math.floor(room / 3));
  const tail = first_of(characters.toReversed(), room - width_of(head.join("")));
  return [...head, mark, ...tail.reverse()].join("");
}

/** At most so many columns of a line that may be colored: its end is left out. */
export function cut(line: string, columns: number): string {
  if (width_of(line) <= columns) return line;
  let used = 0;
  let out = "";
  for (const [piece] of line.matchAll(PIECES)) {
    used += width_of(piece);
    if (used <= columns || piece.startsWith("\x1b")) out += piece;
  }
  return out;
}

/** As many characters as fit into so many columns. */
function first_of(characters: readonly string[], columns: number): string[] {
  let used = 0;
  const end = characters.findIndex((one) => {
    used += width_of(one);
    return used > columns;
  });
  return characters.slice(0, end < 0 ? characters.length : end);
}
