import { readFileSync } from "node:fs";
import { mkdir, rename, rm, writeFile } from "node:fs/promises";
import { hostname, release } from "node:os";
import { dirname } from "node:path";
import { read_text } from "../files/regular.ts";
import { distrust_file } from "../files/trust.ts";
import { errno_of, reason_of } from "../model/errno.ts";

/** What is saved is bounded: a larger file is none of ours. */
const LIMIT_BYTES = 8 * 1024 * 1024;

/** What an earlier run saved on this host and kernel, its content unchecked; or why there is nothing. */
export function load_saved(path: string): { readonly saved: Record<string, unknown> } | { readonly refused: string } {
  let saved: Record<string, unknown>;
  try {
    const text = read_text(path, LIMIT_BYTES);
    const why = distrust_file(path);
    if (why !== null) return { refused: `${path} is not used: ${why}` };
    saved = JSON.parse(text) as Record<string, unknown>;
  } catch (error) {
    if (errno_of(error) === "ENOENT") return { refused: "nothing was learned here before" };
    const why = error instanceof SyntaxError ? "it is damaged" : reason_of(error);
    return { refused: `${path} cannot be read: ${why}` };
  }
  if (typeof saved !== "object" || saved === null) return { refused: `${path} holds nothing that was saved` };
  if (saved["host"] !== hostname()) return { refused: `it was learned on host ${saved["host"]}` };
  if (saved["kernel"] !== release()) return { refused: `it was learned on kernel ${saved["kernel"]}` };
  // Clones of one image share name and kernel. What older versions saved does not say.
  if (saved["machine"] !== undefined && saved["machine"] !== machine_id())
    return { refused: "it was learned on another machine of the same name" };
  return { saved };
}

function machine_id(): string {
  try {
    return readFileSync("/etc/machine-id", "latin1").trim();
  } catch {
    return "";
  }
}

/** Writes beside, syncs and renames, so that a crash leaves what was saved before; one at a time for each path. Throws what the file system says. */
export async function save(path: string, content: Readonly<Record<string, unknown>>): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o750 });
  const text = JSON.stringify({ host: hostname(), kernel: release(), machine: machine_id(), ...content });
  await rm(`${path}.new`, { force: true });
  await writeFile(`${path}.new`, text, { mode: 0o640, flush: true, flag: "wx" });
  await rename(`${path}.new`, path);
}
