import { type Config, default_config, KEY_DOCS } from "../config/index.ts";
import { decision_config } from "./decision_config.ts";

export type Tree = Readonly<Record<string, unknown>>;

/** How a place of DecisionConfig is named and written in hosa.yaml, which has other units in some places. */
interface Name {
  readonly key: string;
  readonly written: (leaf: string) => string;
}

const same = (leaf: string): string => leaf;

/** Found by trying each key: what changes with it is what it governs, and by how much its unit differs. */
const NAMES: ReadonlyMap<string, Name> = new Map(
  KEY_DOCS.toReversed().flatMap(({ path: key }) => {
    const config = default_config();
    const before = leaves(decision_config(config, "", true, true) as unknown as Tree);
    const after = leaves(decision_config(with_another(config, key), "", true, true) as unknown as Tree);
    return differing(before, after).map(
      (path) => [path, { key, written: in_unit_of_key(Number(after.get(path)) - Number(before.get(path))) }] as const,
    );
  }),
);

/** @param step of the leaf, where the key's value was raised by 1; NaN where it is no number */
function in_unit_of_key(step: number): Name["written"] {
  if (!Number.isFinite(step) || step === 0) return same;
  return (leaf) => String(Number((Number(leaf) / step).toPrecision(12)));
}

/** A key of hosa.yaml governs the place. */
export function has_name(path: string): boolean {
  return NAMES.has(path);
}

/** Name and unit of a place of DecisionConfig, as in hosa.yaml; its own where no key governs it. */
export function name_of(path: string): Name {
  return NAMES.get(path) ?? { key: path, written: same };
}

/** A recorded configuration of the decision as keys and values of hosa.yaml, each value as JSON. */
export function named_settings(recorded: unknown): readonly (readonly [string, string])[] {
  if (!is_tree(recorded)) return [];
  return [...leaves(recorded)].map(([path, leaf]) => {
    const { key, written } = name_of(path);
    return [key, written(leaf)] as const;
  });
}

/** The configuration with one key at any other value: only its difference is looked at. */
export function with_another(config: Config, key: string): Config {
  const [section, inner] = key.split(".") as [string, string | undefined];
  const tree = config as unknown as Tree;
  if (inner === undefined) return { ...tree, [section]: another(tree[section]) } as unknown as Config;
  const group = tree[section] as Tree;
  return { ...tree, [section]: { ...group, [inner]: another(group[inner]) } } as unknown as Config;
}

function another(value: unknown): unknown {
  if (typeof value === "number") return value + 1;
  if (typeof value === "boolean") return !value;
  if (!Array.isArray(value)) return `${String(value)}-`;
  return value.length > 0 ? value.map(another) : ["-"];
}

/** Values by dotted path, as JSON; a list is one value. */
export function leaves(tree: Tree, prefix = ""): Map<string, string> {
  const found = new Map<string, string>();
  for (const [key, value] of Object.entries(tree)) {
    const path = prefix === "" ? key : `${prefix}.${key}`;
    if (is_tree(value)) for (const [inner, leaf] of leaves(value, path)) found.set(inner, leaf);
    else found.set(path, JSON.stringify(value));
  }
  return found;
}

/** Paths whose values differ, or which only one of them has. */
export function differing(before: ReadonlyMap<string, string>, after: ReadonlyMap<string, string>): readonly string[] {
  return [...new Set([...after.keys(), ...before.keys()])].filter((path) => before.get(path) !== after.get(path));
}

export function is_tree(value: unknown): value is Tree {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
