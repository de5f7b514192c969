import { existsSync } from "node:fs";
import { join } from "node:path";

export const ROOT = join(import.meta.dir, "..");

/** Path of dist/hosa as the sources are now: builds it where it is not. Throws with what the build said. */
export function built_hosa(): string {
  const { exitCode, stderr } = Bun.spawnSync([join(ROOT, "scripts/build")], { stdout: "ignore", stderr: "pipe" });
  const path = join(ROOT, "dist/hosa");
  if (exitCode !== 0 || !existsSync(path)) throw new Error(`scripts/build failed: ${stderr.toString()}`);
  return path;
}
