import { differing, has_name, is_tree, leaves, name_of, type Tree, with_another } from "../agent/config_names.ts";
import { decision_config } from "../agent/decision_config.ts";
import type { Config } from "../config/index.ts";
import type { DecisionConfig } from "../decision/config.ts";
import type { Assessment } from "../model/assessment.ts";
import { OperatorError } from "../model/error.ts";
import type { ChangedKey } from "../model/what_if.ts";

/**
 * Another configuration for decisions that were recorded with their own. Given whole, it takes the place of the recorded one (but for
 * HOSA's own cgroup); given as single keys, only what these keys govern is changed.
 */
export class Alternative {
  readonly #config: Config;
  /** Dotted places of DecisionConfig the keys govern; null: all. */
  readonly #governed: ReadonlySet<string> | null;
  readonly #thresholds: readonly [number, number, number, number] | null;

  /** @param keys the only keys meant; null: the whole. Throws OperatorError (exit code 2) for a key that cannot be tried. */
  constructor(config: Config, keys: readonly string[] | null) {
    this.#config = config;
    const about_thresholds = keys === null || keys.some((key) => THRESHOLD_KEYS.includes(key));
    const { mode, fixed } = config.thresholds;
    this.#thresholds = about_thresholds && mode === "fixed" ? [fixed[0]!, fixed[1]!, fixed[2]!, fixed[3]!] : null;
    this.#governed = keys === null ? null : new Set(keys.flatMap((key) => governed_by(config, key)));
  }

  /** The configuration to decide with instead of the recorded one. */
  config(recorded: DecisionConfig): DecisionConfig {
    const wanted = decision_config(this.#config, recorded.own_path, recorded.shield !== undefined);
    const governed = this.#governed;
    if (governed === null) return wanted;
    return overlaid(recorded as unknown as Tree, wanted as unknown as Tree, governed) as unknown as DecisionConfig;
  }

  /** Fixed thresholds are the one thing an assessment holds that a configuration can simply state; they silence the opinions. */
  assessment(recorded: Assessment): Assessment {
    if (this.#thresholds === null) return recorded;
    return { ...recorded, thresholds: { theta: this.#thresholds, source: "fixed" }, opinions: null };
  }

  /** Everything that differs from what was recorded. */
  changes(recorded: DecisionConfig, { thresholds }: Assessment): readonly ChangedKey[] {
    const before = leaves(recorded as unknown as Tree);
    const after = leaves(this.config(recorded) as unknown as Tree);
    const changed = differing(before, after)
      // What an older version had and no key of this one governs is no change.
      .filter((path) => after.has(path) || has_name(path))
      .map((path) => {
        const { key, written } = name_of(path);
        // A flag that is off is not there at all.
        const absent = [before.get(path), after.get(path)].includes("true") ? "false" : "–";
        const shown = (leaf: string | undefined): string => (leaf === undefined ? absent : written(leaf));
        return { key, recorded: shown(before.get(path)), alternative: shown(after.get(path)) };
      });
    const theta = this.#thresholds;
    if (theta === null) return changed;
    const rounded = thresholds.theta.map((value) => Number(value.toPrecision(4)));
    const found = `${JSON.stringify(rounded)} (${thresholds.source})`;
    return [...changed, { key: "thresholds", recorded: found, alternative: `${JSON.stringify(theta)} (fixed)` }];
  }
}

const THRESHOLD_KEYS = ["thresholds.mode", "thresholds.fixed"];

/** Which places of DecisionConfig a key governs: those that change when only it does. */
function governed_by(config: Config, key: string): readonly string[] {
  const before = leaves(decision_config(config, "") as unknown as Tree);
  const moved = decision_config(with_another(config, key), "");
  const governed = differing(before, leaves(moved as unknown as Tree));
  if (governed.length > 0) return governed;
  if (THRESHOLD_KEYS.includes(key) && config.thresholds.mode === "fixed") return [];
  const hint = THRESHOLD_KEYS.includes(key)
    ? "Give `--set thresholds.mode=fixed` with `--set thresholds.fixed=[…]`: learned thresholds need the days they were learned from."
    : "A record holds what was sensed and judged: the keys of beat, levels, act, governor, control, protect, prefer, habituation and fixed thresholds can be tried.";
  throw new OperatorError(`--set ${key}: has no part in how a recorded beat is decided`, 2, hint);
}

function overlaid(below: Tree, above: Tree, governed: ReadonlySet<string>, prefix = ""): Tree {
  const out: Record<string, unknown> = { ...below };
  // A flag that is off is not there at all.
  for (const key of Object.keys(below)) {
    if (!(key in above) && governed.has(prefix === "" ? key : `${prefix}.${key}`)) delete out[key];
  }
  for (const [key, value] of Object.entries(above)) {
    const path = prefix === "" ? key : `${prefix}.${key}`;
    const under = below[key];
    if (is_tree(value)) out[key] = overlaid(is_tree(under) ? under : {}, value, governed, path);
    else if (governed.has(path)) out[key] = value;
  }
  return out;
}
