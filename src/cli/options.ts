import { InvalidArgumentError } from "commander";
import { wall_s } from "../agent/clock.ts";
import { type Config, type LogLevel, load_config } from "../config/index.ts";

export const LOG_LEVELS = ["error", "warn", "info", "debug"] as const;

/** Options every command takes. */
export interface GlobalOptions {
  readonly config?: string;
  readonly dryRun?: boolean;
  readonly output: "text" | "json";
  readonly logLevel?: LogLevel;
}

/** The configuration the command line asks for; the command line wins over the files. */
export function configured(options: GlobalOptions, settings: readonly string[] = []): Config {
  const config = load_config(options.config ?? null, undefined, settings);
  return options.logLevel === undefined ? config : { ...config, log: { level: options.logLevel } };
}

const SECONDS_PER: Readonly<Record<string, number>> = { ms: 0.001, s: 1, m: 60, h: 3600, d: 86_400 };

/** `20s`, `500ms`, `5m`, `2h`, `1d`, or seconds without a unit. */
export function duration_s(text: string): number {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)?$/.exec(text);
  const seconds = match === null ? Number.NaN : Number(match[1]) * SECONDS_PER[match[2] ?? "s"]!;
  if (!(seconds > 0 && seconds <= 366 * 86_400)) {
    throw new InvalidArgumentError("Expected a duration such as 500ms, 20s, 5m, 2h or 1d.");
  }
  return seconds;
}

/** A number above 0, of things per day or hours. */
export function positive_number(text: string): number {
  const value = Number(text);
  if (!/^\d{1,9}(?:\.\d{1,9})?$/.test(text) || value <= 0) throw new InvalidArgumentError("Expected a number above 0.");
  return value;
}

/** For an option that may be given again and again. */
export function collected(value: string, before: readonly string[]): readonly string[] {
  return [...before, value];
}

export function positive_integer(text: string): number {
  const value = Number(text);
  if (!/^\d{1,12}$/.test(text) || value < 1) throw new InvalidArgumentError("Expected a whole number from 1 up.");
  return value;
}

/** `2h` before now, or a date such as 2026-01-02 or 2026-01-02T03:04:05Z (UTC where no zone is given); ms since 1970. */
export function since_ms(text: string): number {
  if (/^\d+(?:\.\d+)?(ms|s|m|h|d)$/.test(text)) return (wall_s() - duration_s(text)) * 1000;
  const zoned = /^\d{4}-\d{2}-\d{2}T[\d:.]+$/.test(text) ? `${text}Z` : text;
  const at_ms = /^\d{4}-\d{2}-\d{2}/.test(text) ? Date.parse(zoned) : Number.NaN;
  if (!Number.isFinite(at_ms)) {
    throw new InvalidArgumentError("Expected a duration such as 2h or 1d, or a date such as 2026-01-02T03:04:05Z.");
  }
  return at_ms;
}
