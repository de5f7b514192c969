/** What separates the fraction of a number in a file. */
export type DecimalMark = "." | ",";

const PLAIN = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/;
const COMMA = /^[+-]?(?:\d+,\d*|,\d+)(?:[eE][+-]?\d+)?$/;
const GROUPED_BY_COMMA = /^[+-]?\d{1,3}(?:,\d{3})+(?:\.\d+)?$/;
const GROUPED_BY_POINT = /^[+-]?\d{1,3}(?:\.\d{3})+(?:,\d+)?$/;
/** A comma that cannot group thousands. */
const SURELY_DECIMAL = /^[+-]?(?:\d+,(?:\d{1,2}|\d{4,})|0+,\d+|\d{4,},\d+|\d{1,3}(?:\.\d{3})+,\d+)(?:[eE][+-]?\d+)?$/;
const WITH_UNIT = /^(.*\d[.,]?)\s*(%|[a-zA-Zµ]+(?:\/s)?)$/u;
const MISSING = /^(?:|nan|null|none|nil|undefined|n\/a|#n\/a|na|no data|\(null\)|\\n|-{1,3}|[–—?])$/i;

/** What exports write behind a number, as a factor of its base unit (bytes, bits, seconds, 1). */
const UNITS: ReadonlyMap<string, number> = new Map([
  ["%", 1],
  ["B", 1],
  ["kB", 1e3],
  ["KB", 1e3],
  ["MB", 1e6],
  ["GB", 1e9],
  ["TB", 1e12],
  ["KiB", 1024],
  ["MiB", 1024 ** 2],
  ["GiB", 1024 ** 3],
  ["TiB", 1024 ** 4],
  ["b", 1],
  ["kb", 1e3],
  ["Mb", 1e6],
  ["Gb", 1e9],
  ["ns", 1e-9],
  ["us", 1e-6],
  ["µs", 1e-6],
  ["ms", 1e-3],
  ["s", 1],
  ["min", 60],
  ["h", 3600],
  ["Hz", 1],
  ["kHz", 1e3],
  ["MHz", 1e6],
  ["GHz", 1e9],
  ["K", 1e3],
  ["k", 1e3],
  ["Mil", 1e6],
  ["Bil", 1e9],
  ["ops", 1],
  ["req", 1],
]);

/** Whether a cell says that there is no value. */
export function is_missing(cell: string): boolean {
  return MISSING.test(cell);
}

/** The value of a cell; NaN where it says that there is none, null where it is no finite number. Spaces around it do not count. */
export function number_of(cell: string, decimal: DecimalMark): number | null {
  if (PLAIN.test(cell) && !(decimal === "," && GROUPED_BY_POINT.test(cell))) return Number(cell);
  const text = cell.trim();
  if (is_missing(text)) return Number.NaN;
  const plain = without_groups(text, decimal);
  if (plain !== null) return Number(plain);
  const [, number = "", unit = ""] = WITH_UNIT.exec(text) ?? [];
  const factor = UNITS.get(unit.replace(/\/s$/, ""));
  const scaled = factor === undefined ? null : without_groups(number.trim(), decimal);
  return scaled === null ? null : Number(scaled) * factor!;
}

/** The number as the language writes it; null where the text is none. */
function without_groups(text: string, decimal: DecimalMark): string | null {
  if (decimal === ",") {
    if (GROUPED_BY_POINT.test(text)) return text.replaceAll(".", "").replace(",", ".");
    if (COMMA.test(text)) return text.replace(",", ".");
    return PLAIN.test(text) ? text : null;
  }
  if (PLAIN.test(text)) return text;
  return GROUPED_BY_COMMA.test(text) ? text.replaceAll(",", "") : null;
}

/** The decimal mark of a file, from its first cells: a comma where one cannot be anything else. */
export function decimal_mark(cells: Iterable<string>): DecimalMark {
  for (const cell of cells) {
    const [, number = cell] = WITH_UNIT.exec(cell.trim()) ?? [];
    if (SURELY_DECIMAL.test(number.trim())) return ",";
  }
  return ".";
}
