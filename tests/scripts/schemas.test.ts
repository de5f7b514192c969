import { expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import Ajv2020 from "ajv/dist/2020.js";
import { DIRECTORY, file_of, make_schemas, text_of } from "../../scripts/schemas.ts";

/** Reading every type of the tree on a loaded machine may take longer than the runner's 5 s. */
const LIMIT_MS = 120_000;

test(
  "docs/schema/ holds exactly what the types say, each file a sound schema of draft 2020-12 with its own version",
  () => {
    const schemas = make_schemas();
    const files = readdirSync(DIRECTORY).filter((name) => name.endsWith(".schema.json"));
    expect(files.sort()).toEqual([...schemas.keys()].map(file_of).sort());
    for (const [name, schema] of schemas) {
      const text = readFileSync(join(DIRECTORY, file_of(name)), "utf8");
      expect(text === text_of(schema), `${file_of(name)} is stale: run \`bun scripts/schemas.ts\``).toBe(true);
      expect(schema["$id"]).toBe(`urn:hosa:schema:1:${name}`);
      expect(() => new Ajv2020({ strict: false, validateFormats: false }).compile(schema)).not.toThrow();
    }
  },
  LIMIT_MS,
);
