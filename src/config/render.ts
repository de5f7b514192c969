import { KEY_DOCS, type KeyDocs } from "./docs.ts";
import type { Config } from "./schema.ts";

function value_at(config: Config, path: string): unknown {
  return path.split(".").reduce<unknown>((node, key) => (node as Record<string, unknown>)[key], config);
}

/** JSON flow style is valid YAML; words which need no quotes are left bare. */
function literal(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(literal).join(", ")}]`;
  if (typeof value === "string" && /^[a-z_/][A-Za-z0-9_/.-]*$/.test(value)) return value;
  return JSON.stringify(value);
}

function comment(key: KeyDocs, indent: string): string {
  const unit = key.unit === "–" ? "" : ` Unit: ${key.unit}.`;
  return `${indent}# ${key.docs}${unit} Accepts: ${key.accepts}. Default: ${literal(key.initial)}.`;
}

/** A configuration as the YAML file that would produce it, every key described. Parses back to the same value. */
export function render_config(config: Config): string {
  const out: string[] = [];
  let section = "";
  for (const key of KEY_DOCS) {
    const [first, second] = key.path.split(".") as [string, string | undefined];
    if (first !== section) {
      out.push("");
      if (second !== undefined) out.push(`${first}:`);
      section = first;
    }
    const indent = second === undefined ? "" : "  ";
    out.push(comment(key, indent), `${indent}${second ?? first}: ${literal(value_at(config, key.path))}`);
  }
  return `${out.slice(1).join("\n")}\n`;
}
