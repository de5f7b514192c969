import * as v from "valibot";

/** What an operator should know about one key; carried by the schema itself, so there is one table and no copy. */
export interface FieldDocs {
  readonly unit: string;
  readonly accepts: string;
  readonly docs: string;
}

interface NumberOptions {
  readonly unit: string;
  readonly initial: number;
  readonly min: number;
  readonly max: number;
  readonly docs: string;
}

function range_docs(options: NumberOptions, noun: string): FieldDocs {
  return { unit: options.unit, accepts: `${noun} ${options.min}..${options.max}`, docs: options.docs };
}

export function number(options: NumberOptions) {
  return v.optional(
    v.pipe(
      v.number(),
      v.finite(),
      v.minValue(options.min),
      v.maxValue(options.max),
      v.metadata({ ...range_docs(options, "number") }),
    ),
    options.initial,
  );
}

export function integer(options: NumberOptions) {
  return v.optional(
    v.pipe(
      v.number(),
      v.integer(),
      v.minValue(options.min),
      v.maxValue(options.max),
      v.metadata({ ...range_docs(options, "integer") }),
    ),
    options.initial,
  );
}

/** Four ascending numbers, one for each of the levels 1..4. */
export function four_numbers(
  options: Omit<NumberOptions, "initial"> & { readonly initial: [number, number, number, number] },
) {
  const one = v.pipe(v.number(), v.finite(), v.minValue(options.min), v.maxValue(options.max));
  const accepts = `four ascending numbers ${options.min}..${options.max}`;
  return v.optional(
    v.pipe(
      v.strictTuple([one, one, one, one]),
      v.check((four) => four.every((value, i) => i === 0 || value >= four[i - 1]!), "not ascending"),
      v.metadata({ unit: options.unit, accepts, docs: options.docs }),
    ),
    options.initial,
  );
}

export function flag(options: { readonly initial: boolean; readonly docs: string }) {
  return v.optional(
    v.pipe(v.boolean(), v.metadata({ unit: "–", accepts: "true or false", docs: options.docs })),
    options.initial,
  );
}

export function choice<const T extends readonly string[]>(
  values: T,
  options: { readonly initial: T[number]; readonly docs: string },
) {
  return v.optional(
    v.pipe(v.picklist(values), v.metadata({ unit: "–", accepts: values.join(" | "), docs: options.docs })),
    options.initial,
  );
}

export function choices<const T extends readonly string[]>(
  values: T,
  options: { readonly initial: T[number][]; readonly docs: string },
) {
  return v.optional(
    v.pipe(
      v.array(v.picklist(values)),
      v.check((list) => new Set(list).size === list.length, "named twice"),
      v.metadata({ unit: "–", accepts: `list of ${values.join(" | ")}`, docs: options.docs }),
    ),
    options.initial,
  );
}

export function text(options: {
  readonly initial: string;
  readonly pattern: RegExp;
  readonly accepts: string;
  readonly docs: string;
}) {
  return v.optional(
    v.pipe(
      v.string(),
      v.maxLength(4096),
      v.regex(options.pattern),
      v.metadata({ unit: "–", accepts: options.accepts, docs: options.docs }),
    ),
    options.initial,
  );
}

export function texts(options: {
  readonly pattern: RegExp;
  readonly accepts: string;
  readonly docs: string;
  readonly initial?: readonly string[];
}) {
  return v.optional(
    v.pipe(
      v.array(v.pipe(v.string(), v.maxLength(4096), v.regex(options.pattern))),
      v.maxLength(256),
      v.metadata({ unit: "–", accepts: `list (at most 256) of ${options.accepts}`, docs: options.docs }),
    ),
    () => [...(options.initial ?? [])],
  );
}
