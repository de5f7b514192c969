import { readFileSync } from "node:fs";
import { mkdir, rename, writeFile } from "node:fs/promises";
import { hostname, release } from "node:os";
import { join } from "node:path";
import type { LearnedSelf } from "../cortex/self.ts";

/** A saved self is bounded: a larger file is not one. */
const LIMIT_BYTES = 8 * 1024 * 1024;

interface SavedSelf {
  readonly host: string;
  readonly kernel: string;
  readonly self: LearnedSelf;
}

const path_in = (directory: string) => join(directory, "self.json");

/** The self learned before a restart, or why there is none that fits this host and kernel. Dimensions are checked by the cortex. */
export function load_self(directory: string): { readonly self: LearnedSelf } | { readonly refused: string } {
  const path = path_in(directory);
  let saved: SavedSelf;
  try {
    const text = readFileSync(path, "utf8");
    if (text.length > LIMIT_BYTES) return { refused: `${path} is larger than ${LIMIT_BYTES} bytes` };
    saved = JSON.parse(text) as SavedSelf;
  } catch (error) {
    const absent = error instanceof Error && "code" in error && error.code === "ENOENT";
    return { refused: absent ? "nothing was learned here before" : `${path} cannot be read: ${String(error)}` };
  }
  if (typeof saved !== "object" || saved === null) return { refused: `${path} holds no saved self` };
  if (saved.host !== hostname()) return { refused: `it was learned on host ${saved.host}` };
  if (saved.kernel !== release()) return { refused: `it was learned on kernel ${saved.kernel}` };
  return { self: saved.self };
}

/** Writes beside and renames, so that a crash leaves the former self. Throws what the file system says. */
export async function save_self(directory: string, self: LearnedSelf): Promise<void> {
  const saved: SavedSelf = { host: hostname(), kernel: release(), self };
  const path = path_in(directory);
  await mkdir(directory, { recursive: true, mode: 0o750 });
  await writeFile(`${path}.new`, JSON.stringify(saved), { mode: 0o640 });
  await rename(`${path}.new`, path);
}
