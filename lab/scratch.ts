import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface Scratch {
  readonly path: string;
  readonly remove: () => void;
}

/** A new temporary folder that is gone after `remove`, and when the process is interrupted before. */
export function scratch_folder(name: string): Scratch {
  const path = mkdtempSync(join(tmpdir(), `${name}-`));
  const remove = (): void => {
    process.off("exit", remove);
    rmSync(path, { recursive: true, force: true });
  };
  process.once("exit", remove);
  return { path, remove };
}
