import { InvalidArgumentError } from "commander";
import { wall_s } from "../agent/clock.ts";
import { require_trusted_files } from "../agent/trusted_places.ts";
import { type Config, is_given, type LogLevel, load_config, load_sources } from "../config/index.ts";
import { OperatorError } from "../model/error.ts";
import type { Level } from "../model/level.ts";

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

/** The same for a command that acts on it as root: no other user may be able to change a file of it. Throws ConfigError. */
export function trusted(options: GlobalOptions): Config {
  const { files } = load_sources(options.config ?? null);
  require_trusted_files(files.filter((file) => !is_given(file)));
  return configured(options);
}

/** For a command that writes a file: what is no rehearsal must not look like one. @throws OperatorError (exit code 2) */
export function refuse_dry_run(command: string, { dryRun }: GlobalOptions): void {
  if (dryRun !== true) return;
  throw new OperatorError(`${command} --dry-run: it would write its file`, 2, "--dry-run is for run and release.");
}

/** The audit the command line names; a configuration named beside it is checked all the same. */
export function audit_given(options: GlobalOptions & { readonly audit?: string }): string | undefined {
  if (options.audit !== undefined && options.config !== undefined) configured(options);
  return options.audit;
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

/** A level at which something is done, for `--up-to`. */
export function acting_level(text: string): Level {
  if (!/^[2-5]$/.test(text)) throw new InvalidArgumentError("Expected a level from 2 to 5.");
  return Number(text) as Level;
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

/** `2000` rows, or `25%` of all. */
export function train_rows(text: string): { readonly rows: number } | { readonly part: number } {
  const [, percentage] = /^(\d{1,2}(?:\.\d{1,3})?)\s*%$/.exec(text) ?? [];
  if (percentage !== undefined && Number(percentage) > 0) return { part: Number(percentage) / 100 };
  if (/^\d{1,9}$/.test(text) && Number(text) > 0) return { rows: Number(text) };
  throw new InvalidArgumentError("Expected a number of rows such as 2000, or a percentage below 100 such as 25%.");
}
