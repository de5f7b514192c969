import { expect } from "bun:test";
import Ajv2020, { type ValidateFunction } from "ajv/dist/2020.js";
import { make_schemas } from "../../scripts/schemas.ts";

const validators = new Map<string, ValidateFunction>();
let schemas: ReturnType<typeof make_schemas> | null = null;

/** The document is what its schema describes, and has no key that the schema does not. */
export function expect_document(name: string, document: unknown): void {
  schemas ??= make_schemas(true);
  const schema = schemas.get(name);
  if (schema === undefined) throw new Error(`there is no schema ${name}`);
  let validate = validators.get(name);
  if (validate === undefined) {
    validate = new Ajv2020({ strict: false, validateFormats: false, allErrors: true }).compile(schema);
    validators.set(name, validate);
  }
  validate(document);
  expect(deepest(validate.errors ?? []), `${name}: ${JSON.stringify(document).slice(0, 400)}`).toEqual([]);
}

/** Of many forms of a document each says why it is not meant: the one that got furthest is. */
function deepest(errors: NonNullable<ValidateFunction["errors"]>): readonly string[] {
  const depth = (path: string): number => path.split("/").length;
  const most = Math.max(0, ...errors.map(({ instancePath }) => depth(instancePath)));
  return errors
    .filter(({ instancePath }) => depth(instancePath) === most)
    .map(({ instancePath, message, params }) => `${instancePath}: ${message} ${JSON.stringify(params)}`);
}

/** What a command printed as its one answer. */
export function one_document(stdout: string): unknown {
  expect(stdout).toEndWith("\n");
  expect(stdout.trimEnd().split("\n")).toHaveLength(1);
  return JSON.parse(stdout);
}
