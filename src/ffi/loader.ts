import { KernelError } from "./errors.ts";
import { BpfObject } from "./program.ts";
import { with_cause } from "./refusal.ts";

/** The loaded object, and why each program that is not in it is not. */
export interface Loaded {
  readonly object: BpfObject;
  /** Name → reason. */
  readonly missing: ReadonlyMap<string, string>;
}

/** The program without which nothing beats. */
export const ESSENTIAL = "start_beat";

/**
 * Loads every program this kernel accepts. When the whole object does not load, each program is tried alone first,
 * so that one refused program costs only itself. Throws KernelError when the beat itself does not load.
 */
export function load(bytes: Uint8Array, disabled: readonly string[]): Loaded {
  const missing = new Map<string, string>();
  let names: readonly string[];
  {
    using probe = BpfObject.open(bytes);
    names = probe.program_names;
  }
  for (const name of disabled) {
    if (name === ESSENTIAL) continue;
    missing.set(
      name,
      names.includes(name) ? "disabled by configuration" : "senses.disabled names it, and there is none",
    );
  }
  const wanted = names.filter((name) => !missing.has(name));

  const whole = attempt(bytes, wanted);
  if (whole instanceof BpfObject) return { object: whole, missing };
  const heart = attempt(bytes, [ESSENTIAL]);
  if (!(heart instanceof BpfObject)) throw heart;
  heart[Symbol.dispose]();
  note_refused(bytes, wanted, missing);
  const rest = attempt(
    bytes,
    wanted.filter((name) => !missing.has(name)),
  );
  if (rest instanceof BpfObject) return { object: rest, missing };
  throw rest;
}

/** Finds the refused among `names`, which do not load together, by halving: most kernels refuse one or two of them. */
function note_refused(bytes: Uint8Array, names: readonly string[], missing: Map<string, string>): void {
  if (names.length === 1) {
    const reason = refusal(bytes, names[0]!);
    if (reason !== null) missing.set(names[0]!, reason);
    return;
  }
  const middle = names.length >> 1;
  for (const half of [names.slice(0, middle), names.slice(middle)]) {
    const loaded = half.length === 1 ? null : attempt(bytes, half);
    if (loaded instanceof BpfObject) loaded[Symbol.dispose]();
    else note_refused(bytes, half, missing);
  }
}

function attempt(bytes: Uint8Array, names: readonly string[]): BpfObject | KernelError {
  const object = BpfObject.open(bytes);
  try {
    object.select(new Set(names));
    if (names.length === 1) object.listen_to_verifier(names[0]!);
    object.load(names.length === 1 ? `BPF program ${names[0]}` : `${names.length} BPF programs`);
    return object;
  } catch (error) {
    const caused = with_cause(error, object.verdict());
    object[Symbol.dispose]();
    if (caused instanceof KernelError) return caused;
    throw caused;
  }
}

/** Why this kernel does not load the program alone; null when it does. */
function refusal(bytes: Uint8Array, name: string): string | null {
  const loaded = attempt(bytes, [name]);
  if (loaded instanceof KernelError) return `${loaded.errno}: ${loaded.hint}`;
  loaded[Symbol.dispose]();
  return null;
}
