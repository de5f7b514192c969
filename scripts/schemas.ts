#!/usr/bin/env bun
/**
 * bun scripts/schemas.ts : writes docs/schema/*.schema.json (JSON Schema 2020-12) from the types in src/cli/documents.ts and from the
 * schema that checks hosa.yaml. Run it after changing one of them; a test fails while the files are not those of the sources.
 */

import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { toJsonSchema } from "@valibot/to-json-schema";
import { createGenerator } from "ts-json-schema-generator";
import { FILE_SCHEMA } from "../src/config/schema.ts";
import { SCHEMA_VERSION } from "../src/model/schema_version.ts";

const ROOT = join(import.meta.dir, "..");
export const DIRECTORY = join(ROOT, "docs/schema");
const DIALECT = "https://json-schema.org/draft/2020-12/schema";

type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };
type Node = { readonly [key: string]: Json };

/** The schema of every document by its name. @param strict also refuses keys that are not described, for tests */
export function make_schemas(strict = false): ReadonlyMap<string, Node> {
  const generator = createGenerator({
    path: join(ROOT, "src/cli/documents.ts"),
    tsconfig: join(ROOT, "tsconfig.json"),
    skipTypeCheck: true,
    additionalProperties: !strict,
    expose: "export",
    jsDoc: "extended",
  });
  const { definitions = {} } = modern(generator.createSchema("Documents") as Node) as {
    definitions?: Record<string, Node>;
  };
  const { Documents: all, ...shared } = definitions;
  const documents = Object.entries((all?.["properties"] ?? {}) as Record<string, Node>);
  const config = {
    ...(toJsonSchema(FILE_SCHEMA, {
      errorMode: "ignore",
      typeMode: "input",
      target: "draft-2020-12",
    }) as unknown as Node),
  };
  delete (config as Record<string, unknown>)["$schema"];
  const described = renamed(config, { docs: "description" }) as Node;
  return new Map([
    ...documents.map(([name, schema]) => [name, whole(name, schema, shared)] as const),
    ["config", whole("config", described, {})] as const,
  ]);
}

/** Draft 7, which the generator writes, as draft 2020-12; names of definitions without characters that would have to be escaped. */
function modern(node: Json): Json {
  if (Array.isArray(node)) return node.map(modern);
  if (typeof node !== "object" || node === null) return node;
  const out: Record<string, Json> = {};
  for (const [key, value] of Object.entries(node as Node)) {
    if (key === "$ref")
      out[key] = `#/$defs/${plain_name(decodeURIComponent(String(value).replace("#/definitions/", "")))}`;
    else if (key === "definitions") {
      const named = Object.entries(value as Node).map(([name, one]) => [plain_name(name), modern(one)] as const);
      if (new Set(named.map(([name]) => name)).size < named.length) throw new Error("two definitions get one name");
      out[key] = Object.fromEntries(named);
    } else if (key === "items" && Array.isArray(value)) out["prefixItems"] = modern(value);
    else if (key === "additionalItems") out["items"] = modern(value);
    else out[key] = modern(value);
  }
  return out;
}

function plain_name(name: string): string {
  return name
    .replaceAll("[]", "_list")
    .replace(/[^A-Za-z0-9]+/g, "_")
    .replace(/^_|_$/g, "");
}

function renamed(node: Json, names: Readonly<Record<string, string>>): Json {
  if (Array.isArray(node)) return node.map((one) => renamed(one, names));
  if (typeof node !== "object" || node === null) return node;
  return Object.fromEntries(
    Object.entries(node as Node).map(([key, value]) => [names[key] ?? key, renamed(value, names)]),
  );
}

/** A document's own file: the definitions it needs stand in it. */
function whole(name: string, schema: Node, shared: Readonly<Record<string, Node>>): Node {
  const needed = new Set<string>();
  const collect = (node: Json): void => {
    if (typeof node !== "object" || node === null) return;
    const target = Array.isArray(node) ? null : (node as Node)["$ref"];
    if (typeof target === "string") {
      const definition = target.slice("#/$defs/".length);
      if (!needed.has(definition)) {
        needed.add(definition);
        collect(shared[definition] ?? {});
      }
    }
    for (const inner of Object.values(node)) collect(inner);
  };
  collect(schema);
  const definitions = [...needed].sort().map((one) => [one, shared[one] ?? {}] as const);
  return {
    $schema: DIALECT,
    $id: `urn:hosa:schema:${SCHEMA_VERSION}:${name}`,
    title: `hosa ${name.replaceAll("_", " ")}`,
    ...schema,
    ...(definitions.length === 0 ? {} : { $defs: Object.fromEntries(definitions) }),
  };
}

export function file_of(name: string): string {
  return `${name.replaceAll("_", "-")}.schema.json`;
}

export function text_of(schema: Node): string {
  return `${JSON.stringify(schema, null, 1)}\n`;
}

if (import.meta.main) {
  mkdirSync(DIRECTORY, { recursive: true });
  for (const [name, schema] of make_schemas()) writeFileSync(join(DIRECTORY, file_of(name)), text_of(schema));
}
