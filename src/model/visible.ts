/**
 * What a terminal obeys or hides: control characters (ESC and C1 begin its commands), characters that turn the order of others around or
 * are not seen (format characters, the bidirectional ones among them), separators of lines and paragraphs, halves of surrogate pairs.
 */
const OBEYED = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu;

/** The characters as `\u001b`: the same in text and in a JSON string, where it means what it stands for. */
export function escaped(characters: string): string {
  let text = "";
  for (let i = 0; i < characters.length; i++) text += `\\u${characters.charCodeAt(i).toString(16).padStart(4, "0")}`;
  return text;
}

/** Text from outside (names, paths, reasons) as part of one line. */
export function visible(text: string): string {
  return text.replace(OBEYED, escaped);
}

/** Lines of ours with text from outside in them: line ends and tabs stay. */
export function visible_lines(text: string): string {
  return text.replace(OBEYED, (found) => (found === "\n" || found === "\t" ? found : escaped(found)));
}

/** A copy in which every string is `visible`: what a record or an answer says, before it is put into lines. Numbers and flags stay. */
export function all_visible<T>(value: T): T {
  if (typeof value === "string") return visible(value) as T;
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(all_visible) as T;
  // Rows of numbers, for instance, hold no text.
  if (Object.getPrototypeOf(value) !== Object.prototype) return value;
  const entries = Object.entries(value).map(([key, part]) => [visible(key), all_visible(part)]);
  return Object.fromEntries(entries) as T;
}
