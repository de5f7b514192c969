import type { HookResult } from "../../model/hook.ts";

export const HOOK_RESULTS = ["ok", "failed", "late", "not_run"] as const;
export type HookResultName = (typeof HOOK_RESULTS)[number];

/** What became of the runs of one hook; `pre 1`: its list in the configuration and its place there, from 1. */
export interface HookFigures {
  readonly hook: string;
  readonly runs: Readonly<Record<HookResultName, number>>;
}

/** Counts runs by hook and result, both of which are few. */
export class HookTally {
  readonly #runs = new Map<string, Record<HookResultName, number>>();

  /** A series that begins at 0 shows its first increase. */
  begin(hook: string): void {
    if (!this.#runs.has(hook)) this.#runs.set(hook, { ok: 0, failed: 0, late: 0, not_run: 0 });
  }

  add(hook: string, { exit, timed_out, trouble }: HookResult): void {
    this.begin(hook);
    const result = trouble !== "" ? "not_run" : timed_out ? "late" : exit === 0 ? "ok" : "failed";
    this.#runs.get(hook)![result]++;
  }

  get figures(): readonly HookFigures[] {
    return [...this.#runs].map(([hook, runs]) => ({ hook, runs }));
  }
}
