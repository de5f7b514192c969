import type { RunLabel, RunResult } from "./metrics.ts";
import type { VmCost } from "./vm.ts";

/** What was asked of a run: results with other settings are never mixed. */
export interface Settings {
  readonly age_s: number;
  readonly after_s: number;
  readonly rps: number;
  /** Fingerprint of the binary and its configuration; null when it is not what was run. */
  readonly hosa: string | null;
}

/** A measured run, what it cost on this machine, and (from the day they are recorded) its settings. */
export type TimedResult = RunResult & VmCost & { readonly settings?: Settings };

/** A guest that brought no result. */
export interface FailedRun extends RunLabel {
  readonly failed: string;
}

/** Everything known about a batch; a cell that failed and was run again appears in both. */
export interface Outcomes {
  readonly results: readonly TimedResult[];
  readonly failures: readonly FailedRun[];
}

const REASON_MAX = 200;
const PANIC = /Kernel panic[^\n]*|BUG: [^\n]*|Oops: [^\n]*|general protection fault[^\n]*/;

/** In one line: the kernel's own word for it where there is one, and how the guest ended. */
export function reason_of(message: string, console_tail: string): string {
  const panic = PANIC.exec(console_tail)?.[0];
  const text = panic === undefined ? message : `${panic} (${message})`;
  return text.replaceAll(/\s+/g, " ").replaceAll("|", "/").slice(0, REASON_MAX);
}

/** A result.json; null when it is not one. */
export function parse_result(text: string): TimedResult | null {
  const o = parsed(text);
  return o !== null && is_label(o) && "neighbour" in o && "transactions" in o ? (o as unknown as TimedResult) : null;
}

/** The lines of a failures.jsonl. */
export function parse_failures(text: string): FailedRun[] {
  return text
    .split("\n")
    .map(parsed)
    .filter((o) => o !== null && is_label(o) && typeof o.failed === "string")
    .map((o) => o as unknown as FailedRun);
}

/** Failures of cells that have no result at all, one per cell. */
export function missing_runs({ results, failures }: Outcomes): FailedRun[] {
  const have = new Set(results.map(key_of));
  const missing = new Map<string, FailedRun>();
  for (const f of failures) if (!have.has(key_of(f))) missing.set(key_of(f), f);
  return [...missing.values()];
}

/** Results or failures of one agent on one kernel belong together. */
export function same_group(a: RunLabel, b: RunLabel): boolean {
  return a.scenario === b.scenario && a.agent === b.agent && a.kernel === b.kernel && a.clock === b.clock;
}

function key_of(r: RunLabel): string {
  return [r.scenario, r.kernel, r.agent, r.clock, r.seed].join("/");
}

function parsed(text: string): Readonly<Record<string, unknown>> | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : null;
  } catch {
    return null;
  }
}

function is_label(o: Readonly<Record<string, unknown>>): boolean {
  return [o.scenario, o.agent, o.kernel, o.clock].every((v) => typeof v === "string") && typeof o.seed === "number";
}
