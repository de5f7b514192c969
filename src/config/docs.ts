import * as v from "valibot";
import type { FieldDocs } from "./field.ts";
import { HOOK } from "./hooks.ts";
import { is_live } from "./live.ts";
import { SECTIONS } from "./schema.ts";
import { WEBHOOK } from "./webhooks.ts";

export interface KeyDocs extends FieldDocs {
  /** Dotted path, as in messages: `beat.period_ms`. */
  readonly path: string;
  readonly initial: unknown;
  /** Whether a reload changes it; otherwise it takes a restart. */
  readonly live: boolean;
}

type AnySchema = v.BaseSchema<unknown, unknown, v.BaseIssue<unknown>>;

function is_section(
  schema: AnySchema,
): schema is AnySchema & { readonly entries: Readonly<Record<string, AnySchema>> } {
  return schema.type === "strict_object";
}

/** Unit, accepted values and meaning of one key, read from the schema that enforces them. */
function describe(path: string, schema: AnySchema): KeyDocs {
  const inner = "wrapped" in schema ? (schema.wrapped as AnySchema) : schema;
  const docs = v.getMetadata(inner) as unknown as FieldDocs;
  return { path, ...docs, initial: v.getDefaults(schema), live: is_live(path) };
}

/** Every key, in the order of the file. */
export const KEY_DOCS: readonly KeyDocs[] = Object.entries(SECTIONS).flatMap(([name, schema]) =>
  is_section(schema)
    ? Object.entries(schema.entries).map(([key, field]) => describe(`${name}.${key}`, field))
    : [describe(name, schema)],
);

const BY_PATH = new Map(KEY_DOCS.map((key) => [key.path, key]));

export function docs_of(path: string): KeyDocs | undefined {
  return BY_PATH.get(path);
}

/** Keys accepted at a section; the empty path is the top of the file. */
export function keys_at(path: string): readonly string[] {
  if (path === "") return Object.keys(SECTIONS);
  if (/^webhooks\.\d+$/.test(path)) return Object.keys(WEBHOOK.entries);
  if (/^hooks\.(pre|post)\.\d+$/.test(path)) return Object.keys(HOOK.entries);
  return KEY_DOCS.filter((key) => key.path.startsWith(`${path}.`)).map((key) => key.path.slice(path.length + 1));
}
