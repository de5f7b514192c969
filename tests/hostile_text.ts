/** One of each kind of character that a terminal obeys, hides or turns others around for. */
export const HOSTILE: readonly string[] = [
  ...["\x1b", "\x07", "\b", "\r", "\n", "\t", "\v", "\x7f", "\x80", "\x9b", "\x85", "\xad"],
  ...["\u061c", "\u200b", "\u200e", "\u200f", "\u2028", "\u2029", "\u202a", "\u202b", "\u202c", "\u202d", "\u202e"],
  ...["\u2060", "\u2066", "\u2067", "\u2068", "\u2069", "\ufeff", "\u{e0001}", "\ud800", "\udfff"],
];

/** The kinds by their numbers, not by Unicode's classes, so that a mistake in those would be seen. */
const OBEYED: readonly (readonly [number, number])[] = [
  [0, 0x1f],
  [0x7f, 0x9f],
  [0xad, 0xad],
  [0x61c, 0x61c],
  [0x200b, 0x200f],
  [0x2028, 0x202e],
  [0x2060, 0x206f],
  [0xd800, 0xdfff],
  [0xfeff, 0xfeff],
  [0xe0000, 0xe007f],
];

/** Code points of a text that must not reach a terminal. */
export function obeyed_in(text: string): readonly string[] {
  return [...text]
    .map((character) => character.codePointAt(0) ?? 0)
    .filter((point) => OBEYED.some(([first, last]) => point >= first && point <= last))
    .map((point) => `U+${point.toString(16)}`);
}
