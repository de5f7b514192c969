import { join } from "node:path";
import type { LearnedSelf } from "../cortex/self.ts";
import { load_saved, save } from "./saved_file.ts";

const path_in = (directory: string) => join(directory, "self.json");

/** The self learned before a restart, or why there is none that fits this host and kernel. Dimensions are checked by the cortex. */
export function load_self(directory: string): { readonly self: LearnedSelf } | { readonly refused: string } {
  const loaded = load_saved(path_in(directory));
  return "refused" in loaded ? loaded : { self: loaded.saved["self"] as LearnedSelf };
}

/** Throws what the file system says; the former self stays then. */
export async function save_self(directory: string, self: LearnedSelf): Promise<void> {
  await save(path_in(directory), { self });
}
