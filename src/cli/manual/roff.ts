/** The few macros of man(7) the manual pages are made of. Every text is escaped here and nowhere else. */

/** Text as roff takes it: its own characters are escaped, and a line never begins with a control character. */
export function text(plain: string): string {
  return plain
    .replaceAll("\\", "\\e")
    .replaceAll("-", "\\-")
    .replaceAll("`", "\\`")
    .replaceAll("~", "\\(ti")
    .replaceAll("^", "\\(ha")
    .replace(/^(['.])/gm, "\\&$1");
}

/** The arguments of a macro: each in quotes. */
function macro(name: string, ...words: readonly string[]): string {
  return [`.${name}`, ...words.map((word) => `"${text(word).replaceAll('"', "\\(dq")}"`)].join(" ");
}

export function header(name: string, section: number, source: string, manual: string): string {
  // Without a date, so that the same sources give the same page.
  return macro("TH", name, String(section), "", source, manual);
}

export function section(title: string, ...body: readonly string[]): string {
  return [macro("SH", title), ...body].join("\n");
}

export function subsection(title: string, ...body: readonly string[]): string {
  return [macro("SS", title), ...body].join("\n");
}

export function paragraph(plain: string): string {
  return `.PP\n${text(plain)}`;
}

/** A term in bold, and below it what it means. */
export function entry(term: string, plain: string): string {
  return [".TP", macro("B", term), text(plain)].join("\n");
}

/** Lines as they stand. */
export function verbatim(lines: readonly string[]): string {
  return [".PP", ".nf", ".RS 4", ...lines.map(text), ".RE", ".fi"].join("\n");
}
