/** Text that is markup already; everything else is escaped when it is put into a page. */
export class Html {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

type Part = Html | string | number | readonly Part[];

const NAMED: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };

/**
 * Text from outside (names of threads, paths) as text of a page. Characters that are not seen or that turn the order of
 * others around would let a name look like another one: each becomes �.
 */
export function escape_html(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Cs}]/gu, "\uFFFD").replace(/[&<>"']/g, (c) => NAMED[c] ?? c);
}

/** At most so many characters, the middle left out: the beginning and the end of a path say most. */
export function shortened(text: string, most = 160): string {
  if (text.length <= most) return text;
  const half = Math.floor((most - 1) / 2);
  return `${text.slice(0, half)}…${text.slice(text.length - half)}`;
}

/** A page's markup; whatever is put in is escaped unless it is markup itself. */
export function html(strings: TemplateStringsArray, ...parts: readonly Part[]): Html {
  return new Html(strings.reduce((out, text, i) => out + text + (i < parts.length ? rendered(parts[i]!) : ""), ""));
}

function rendered(part: Part): string {
  if (part instanceof Html) return part.text;
  if (Array.isArray(part)) return part.map(rendered).join("");
  return escape_html(String(part));
}
