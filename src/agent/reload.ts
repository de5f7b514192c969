import { type Config, ConfigError, type KeyChange, plan_reload, type ReloadPlan } from "../config/index.ts";
import type { ReloadEntry } from "../model/audit.ts";
import { counted } from "../model/counted.ts";

/** Where a new configuration comes from while the agent runs. */
export interface ReloadSource {
  /** Whether somebody has asked since the last call. */
  readonly requested: () => boolean;
  /** Reads files and command line again. Throws ConfigError. */
  readonly load: () => Config;
  /** What is in force from now on. */
  readonly applied: (config: Config) => void;
}

/** What came of one request: the plan to carry out (null: nothing changes), and what is to be said and recorded about it. */
export interface Reloaded {
  readonly plan: ReloadPlan | null;
  readonly entry: ReloadEntry;
  readonly messages: readonly { readonly level: "info" | "warn" | "error"; readonly text: string }[];
  readonly status: string;
}

const VALUE_CHARS_MAX = 120;

/** All or nothing: files with a problem change nothing; of valid ones, every key that can change while the agent runs does. */
export function reload(now: Config, load: () => Config): Reloaded {
  let plan: ReloadPlan;
  try {
    plan = plan_reload(now, load());
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return refused(error.problems);
  }
  const { applied, kept } = plan;
  const entry = { kind: "reload", accepted: true, problems: [], applied, kept } as const;
  const messages = [
    ...applied.map((change) => ({ level: "info", text: `reload: ${changed(change)}` }) as const),
    ...kept.map((change) => ({ level: "warn", text: `reload: ${still(change)}` }) as const),
    ...(applied.length + kept.length === 0 ? [{ level: "info", text: "reload: nothing has changed" } as const] : []),
  ];
  const rest = kept.length === 0 ? "" : `, ${kept.length} ${kept.length === 1 ? "needs" : "need"} a restart`;
  return {
    plan: applied.length === 0 ? null : plan,
    entry,
    messages,
    status: `reloaded: ${counted(applied.length, "key")}${rest}`,
  };
}

function refused(problems: readonly string[]): Reloaded {
  const messages = [
    ...problems.map((problem) => ({ level: "error", text: `reload: ${problem}` }) as const),
    { level: "error", text: "reload: nothing was changed, the configuration in force stays" } as const,
  ];
  const entry = { kind: "reload", accepted: false, problems, applied: [], kept: [] } as const;
  return { plan: null, entry, messages, status: "reload refused: the configuration in force stays" };
}

function changed({ key, from, to }: KeyChange): string {
  return `${key}: ${shown(from)} → ${shown(to)}`;
}

function still({ key, from, to }: KeyChange): string {
  return `${key}: stays ${shown(from)}; ${shown(to)} needs a restart (systemctl restart hosa)`;
}

function shown(value: unknown): string {
  const text = JSON.stringify(value);
  return text.length > VALUE_CHARS_MAX ? `${text.slice(0, VALUE_CHARS_MAX)}…` : text;
}
