import { KEY_DOCS } from "./docs.ts";
import { contradictions, freeze } from "./parse.ts";
import { ConfigError } from "./problem.ts";
import type { Config } from "./schema.ts";

/** One key whose value in the files is no longer the one in force. */
export interface KeyChange {
  readonly key: string;
  readonly from: unknown;
  readonly to: unknown;
}

/** What a reload comes to. */
export interface ReloadPlan {
  /** The configuration to be in force: the new one, but with the old value of every key that needs a restart. */
  readonly config: Config;
  readonly applied: readonly KeyChange[];
  /** Keys that only a restart can change. */
  readonly kept: readonly KeyChange[];
}

function value_at(config: Config, key: string): unknown {
  const [section, inner] = key.split(".") as [keyof Config, string | undefined];
  const value: unknown = config[section];
  return inner === undefined ? value : (value as Record<string, unknown>)[inner];
}

/**
 * Compares two valid configurations key by key.
 * @throws ConfigError when the new values contradict those a restart would have to change: then nothing is to be applied
 */
export function plan_reload(now: Config, wanted: Config): ReloadPlan {
  const applied: KeyChange[] = [];
  const kept: KeyChange[] = [];
  const merged: Record<string, unknown> = structuredClone(now);
  for (const { path, live } of KEY_DOCS) {
    const change = { key: path, from: value_at(now, path), to: value_at(wanted, path) };
    if (Bun.deepEquals(change.from, change.to)) continue;
    if (!live) {
      kept.push(change);
      continue;
    }
    applied.push(change);
    const [section, inner] = path.split(".") as [string, string | undefined];
    if (inner === undefined) merged[section] = change.to;
    else (merged[section] as Record<string, unknown>)[inner] = change.to;
  }
  const config = freeze(merged as unknown as Config);
  const problems = contradictions(config).map(([path, problem]) => `${path.join(".")}: ${problem}`);
  if (problems.length > 0) throw new ConfigError(problems, "Restart hosa to change both at once.");
  return { config, applied, kept };
}
