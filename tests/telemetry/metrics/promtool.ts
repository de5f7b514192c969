import { join } from "node:path";

/** Where scripts/setup unpacks the package. */
const UNPACKED = join(import.meta.dir, "../../../build/prometheus/usr/bin");

/** Debian's `prometheus` package brings it; without it the checks it makes are skipped, and that is said. */
export const PROMTOOL = Bun.which("promtool", { PATH: `${process.env["PATH"]}:${UNPACKED}` });
if (PROMTOOL === null) console.error("SKIPPED: promtool is missing (scripts/setup --lab unpacks it)");

export function promtool(args: readonly string[], input = ""): { readonly code: number; readonly said: string } {
  const ran = Bun.spawnSync([PROMTOOL!, ...args], { stdin: Buffer.from(input) });
  return { code: ran.exitCode, said: `${ran.stdout}${ran.stderr}` };
}
