/** Numbers of a text, with the decimals they are printed with. Ids, names and times of day are none. */
export function numbers_of(
  text: string,
): readonly { readonly value: number; readonly decimals: number; readonly around: string }[] {
  const plain = text
    .replace(/\d{4}-\d{2}-\d{2}T[\d:.]+Z?/g, " ")
    .replace(/\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}(?:\.\d+)?(?: UTC)?/g, " ")
    .replace(/(?<!\S)\d{2}:\d{2}:\d{2}(?:\.\d+)?(?!\S)/g, " ")
    .replace(/(?<![\d.])[\p{L}_/\\-][\p{L}\d_./:\\-]*/gu, (word) => (/^[-/]?\d/.test(word) ? word : " "))
    .replaceAll("−", "-");
  return [...plain.matchAll(/(?<![\d.])-?\d+(?:\.(\d+))?(?:e[+-]\d+)?/g)].map((match) => ({
    value: Number(match[0]),
    decimals: match[1]?.length ?? 0,
    around: plain.slice(Math.max(0, match.index - 40), match.index + 30).replace(/\s+/g, " "),
  }));
}

/** Every number of a JSON value, those within its strings among them, and the lengths of its lists. */
export function numbers_in(value: unknown): readonly number[] {
  if (typeof value === "number") return [value];
  if (typeof value === "string") return numbers_of(value).map((one) => one.value);
  if (Array.isArray(value)) return [value.length, ...value.flatMap(numbers_in)];
  return typeof value === "object" && value !== null ? Object.values(value).flatMap(numbers_in) : [];
}

/** How a number of the JSON may be told: as it is, in percent, in minutes, hours or days, in KiB, MiB, GiB. */
const TOLD_AS = [1, 100, 1 / 60, 1 / 3600, 1 / 86_400, 1000, 1 / 1024, 1 / 1024 ** 2, 1 / 1024 ** 3];

/** Numbers of a text that no number of the JSON rounds to. */
export function not_in(text: string, json: unknown, derived: readonly number[] = []): readonly string[] {
  const known = [...numbers_in(json), ...derived];
  return numbers_of(text)
    .filter(({ value, decimals }) => {
      const slack = 0.5 * 10 ** -decimals * (1 + 1e-9);
      const relative = Math.abs(value) >= 1e6 ? 0.05 * Math.abs(value) : 0;
      return !known.some((one) =>
        TOLD_AS.some((k) => Math.abs(Math.abs(one * k) - Math.abs(value)) <= slack + relative),
      );
    })
    .map(({ value, around }) => `${value} in "${around}"`);
}
