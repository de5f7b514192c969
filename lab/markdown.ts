/** Median, least and most; null without a value. */
export function spread(values: readonly number[]): { median: number; least: number; most: number } | null {
  if (values.length === 0) return null;
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const median = sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
  return { median, least: sorted[0]!, most: sorted.at(-1)! };
}

/** "median [least–most]", or one number where they are the same; values that are null are counted behind it. */
export function spread_text(values: readonly (number | null)[], digits: number): string {
  const known = values.filter((v) => v !== null);
  const s = spread(known);
  if (s === null) return "–";
  const [median, least, most] = [s.median, s.least, s.most].map((v) => v.toFixed(digits));
  const range = least === most ? `${median}` : `${median} [${least}–${most}]`;
  return known.length === values.length ? range : `${range} in ${known.length} of ${values.length}`;
}

/** A table that is readable as it is: the first row is the head, the first `left` columns are flush left. */
export function markdown_table(rows: readonly (readonly string[])[], left: number): string {
  const widths = rows[0]!.map((_, column) => Math.max(3, ...rows.map((row) => row[column]!.length)));
  const line = (row: readonly string[]): string =>
    `| ${row.map((cell, i) => (i < left ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!))).join(" | ")} |`;
  const rule = `|${widths.map((w, i) => (i < left ? "-".repeat(w + 2) : `${"-".repeat(w + 1)}:`)).join("|")}|`;
  return [line(rows[0]!), rule, ...rows.slice(1).map(line)].join("\n");
}
