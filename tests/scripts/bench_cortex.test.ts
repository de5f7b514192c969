import { expect, test } from "bun:test";
import { join } from "node:path";
import { allocated_bytes, COUNTED } from "../../scripts/gc_log.ts";

const BEATS = 50_000;
/** The smallest object takes 16: none is made at each beat, hardly one at every second. */
const MOST_BYTES = 8;

test("judging a quiet node allocates nothing", () => {
  const script = join(import.meta.dir, "../../scripts/bench-cortex.ts");
  const env = { ...process.env, ...COUNTED };
  const ran = Bun.spawnSync([process.execPath, script, "--child", "cortex", "8", "bytes"], { env });
  expect(ran.success).toBe(true);
  expect(allocated_bytes(ran.stderr.toString()) / BEATS).toBeLessThan(MOST_BYTES);
}, 60_000);
