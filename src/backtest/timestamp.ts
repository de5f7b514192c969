import { is_missing, number_of } from "./cell.ts";

/** Reads the cells of one time column: seconds since 1970 (or, for `elapsed`, since the file's own zero); null where a cell is no time. */
export interface TimeFormat {
  readonly read: (text: string) => number | null;
  /** What was found, as it is said to the operator. */
  readonly name: string;
  /** Counted from an unknown beginning: no wall time can be shown. */
  readonly elapsed: boolean;
  /** Begins anew after so many seconds: a time of day without a date; null: never. */
  readonly wraps_s: number | null;
}

const YEAR_FIRST =
  /^(\d{4})[-/.]?(\d{1,2})[-/.]?(\d{1,2})(?:(?:T|\s+|,\s*)?(\d{1,2}):?(\d{2})(?::?(\d{2})(?:[.,](\d{1,9}))?)?)?\s*(Z|[+-]\d{2}(?::?\d{2})?|[A-Z]{3,5})?$/i;
const YEAR_LAST =
  /^(\d{1,2})[-/.](\d{1,2})[-/.](\d{4})(?:(?:T|\s+|,\s*)(\d{1,2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?)?\s*(AM|PM)?\s*(Z|[+-]\d{2}(?::?\d{2})?|[A-Z]{3,5})?$/i;
const MONTH_NAMED = /(?:^|[^a-z])(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*(?:[^a-z]|$)/i;
const TIME_OF_DAY = /^(\d{1,2}):(\d{2}):(\d{2}(?:[.,]\d+)?)\s*(AM|PM)?$/i;
/** A date, or a date and a time, without any separator. */
const COMPACT = /^(?:19|20)\d{6}(?:\d{6})?$/;
const DAY_S = 86_400;
const ZONE = /(?:Z|UTC|GMT|[+-]\d{2}:?\d{2})$/i;
const NUMERIC = /^[+-]?\d+(?:[.,]\d+)?(?:[eE][+-]?\d+)?$/;
/** A number of seconds, milliseconds … since 1970 is told by its size: from 1973 on, to the year 5138. */
const EPOCHS: readonly (readonly [least: number, per_s: number, name: string])[] = [
  [1e17, 1e9, "ns"],
  [1e14, 1e6, "µs"],
  [1e11, 1e3, "ms"],
  [1e8, 1, "s"],
];

/**
 * How the cells of a column say a time; null where they are no times. Cells without a value are passed over.
 *
 * @param least part of the cells that must be times: where a column is named so, a few that are not are errors and no reason to doubt
 */
export function time_format(cells: readonly string[], least = 1): TimeFormat | null {
  const texts = cells.map((cell) => cell.trim()).filter((cell) => !is_missing(cell));
  if (texts.length === 0) return null;
  const compact = texts.every((text) => COMPACT.test(text));
  const candidates = [
    compact ? null : epoch(texts),
    year_first(texts),
    year_last(texts),
    time_of_day(texts),
    month_named(texts),
  ];
  const reads = (format: TimeFormat): number => texts.filter((text) => format.read(text) !== null).length;
  return candidates.find((format) => format !== null && reads(format) >= least * texts.length) ?? null;
}

function epoch(texts: readonly string[]): TimeFormat | null {
  const numeric = texts.find((text) => NUMERIC.test(text));
  if (numeric === undefined) return null;
  const read = (text: string): number | null =>
    NUMERIC.test(text) ? number_of(text, text.includes(",") ? "," : ".") : null;
  const first = Math.abs(read(numeric) ?? 0);
  const [, per_s, unit] = EPOCHS.find(([least]) => first >= least) ?? [0, 1, null];
  const name = unit === null ? "seconds from an unknown beginning" : `${unit} since 1970`;
  return { read: (text) => over(read(text.trim()), per_s), name, elapsed: unit === null, wraps_s: null };
}

function over(value: number | null, divisor: number): number | null {
  return value === null || Number.isNaN(value) ? null : value / divisor;
}

function year_first(texts: readonly string[]): TimeFormat {
  const zoned = texts.every((text) => {
    const parts = YEAR_FIRST.exec(text);
    return parts === null || parts[8] !== undefined;
  });
  const read = (text: string): number | null => {
    const [, year, month, day, hour, minute, second, fraction, zone] = YEAR_FIRST.exec(text.trim()) ?? [];
    return year === undefined ? null : instant([year, month, day, hour, minute, second], fraction, zone);
  };
  return { read, name: `date and time${zone_note(zoned)}`, elapsed: false, wraps_s: null };
}

/** Day and month change places with the country: a value above 12, or a point between them, tells. */
function year_last(texts: readonly string[]): TimeFormat | null {
  const found = texts.map((text) => YEAR_LAST.exec(text));
  if (found.includes(null)) return null;
  const month_first = !found.some((parts) => Number(parts![1]) > 12) && texts.every((text) => !/^\d{1,2}\./.test(text));
  const zoned = found.every((parts) => (parts![9] ?? "") !== "");
  const read = (text: string): number | null => {
    const [, a, b, year, hour, minute, second, fraction, half, zone] = YEAR_LAST.exec(text.trim()) ?? [];
    if (year === undefined) return null;
    const [month, day] = month_first ? [a, b] : [b, a];
    return instant([year, month, day, in_24_hours(hour, half), minute, second], fraction, zone);
  };
  const order = month_first ? "month/day/year" : "day/month/year";
  return { read, name: `${order}${zone_note(zoned)}`, elapsed: false, wraps_s: null };
}

function time_of_day(texts: readonly string[]): TimeFormat | null {
  if (!texts.some((text) => TIME_OF_DAY.test(text))) return null;
  const read = (text: string): number | null => {
    const [, hour, minute, second, half] = TIME_OF_DAY.exec(text.trim()) ?? [];
    if (hour === undefined) return null;
    const hours = Number(in_24_hours(hour, half));
    if (hours > 23 || Number(minute) > 59 || Number(second!.replace(",", ".")) >= 61) return null;
    return hours * 3600 + Number(minute) * 60 + Number(second!.replace(",", "."));
  };
  return { read, name: "time of day, no date", elapsed: true, wraps_s: DAY_S };
}

function month_named(texts: readonly string[]): TimeFormat {
  const zoned = texts.every((text) => ZONE.test(text));
  const read = (text: string): number | null => {
    const spaced = text.trim().replace(/^(\d{1,2})\/([A-Za-z]{3})\/(\d{4}):/, "$1 $2 $3 ");
    if (!MONTH_NAMED.test(spaced) || !/\d{4}/.test(spaced)) return null;
    const at_ms = Date.parse(ZONE.test(spaced) ? spaced : `${spaced} UTC`);
    return Number.isNaN(at_ms) ? null : at_ms / 1000;
  };
  return { read, name: `date and time${zone_note(zoned)}`, elapsed: false, wraps_s: null };
}

function zone_note(zoned: boolean): string {
  return zoned ? "" : ", no zone: taken as UTC";
}

function in_24_hours(hour: string | undefined, half: string | undefined): string | undefined {
  if (hour === undefined || half === undefined) return hour;
  return String((Number(hour) % 12) + (half.toUpperCase() === "PM" ? 12 : 0));
}

/** Null where a part is beyond its range (month 13, 30 February). */
function instant(
  parts: readonly (string | undefined)[],
  fraction: string | undefined,
  zone: string | undefined,
): number | null {
  const [year, month, day, hour, minute, second] = parts.map((part) => Number(part ?? 0)) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const at_ms = Date.UTC(year, month - 1, day, hour, minute, second);
  const back = new Date(at_ms);
  if (Number.isNaN(at_ms) || back.getUTCMonth() !== month - 1 || back.getUTCDate() !== day) return null;
  if (hour > 23 || minute > 59 || second > 60) return null;
  return at_ms / 1000 + Number(`0.${fraction ?? "0"}`) - offset_s(zone);
}

/** East of Greenwich; a zone that is only named is taken as UTC. */
function offset_s(zone: string | undefined): number {
  const [, sign, hours, minutes] = /^([+-])(\d{2}):?(\d{2})?$/.exec(zone ?? "") ?? [];
  if (sign === undefined) return 0;
  return (sign === "-" ? -1 : 1) * (Number(hours) * 3600 + Number(minutes ?? 0) * 60);
}

/** `2026-01-02T03:04:05Z`; with a fraction only where there is one. */
export function iso_of(t_s: number): string {
  return new Date(Math.round(t_s * 1000)).toISOString().replace(".000Z", "Z");
}
