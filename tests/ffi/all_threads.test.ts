import { expect, test } from "bun:test";
import { join } from "node:path";
import { effective_capabilities } from "../../src/ffi/libc.ts";
import { is_root } from "../cli/hosa.ts";

const ROOT = is_root();
const DAC_OVERRIDE = 1n << 1n;
const KILL = 1n << 5n;

function dropped(kept: bigint) {
  const child = Bun.spawnSync([process.execPath, join(import.meta.dir, "dropped.ts"), String(kept)], {
    stderr: "pipe",
  });
  if (child.exitCode !== 0) throw new Error(child.stderr.toString());
  return JSON.parse(child.stdout.toString()) as {
    before: number;
    beyond: string[];
    again: string[];
    threads: { name: string; permitted: string; effective: string; no_new_privs: string }[];
    executed: string;
  };
}

test.skipIf(!ROOT).each([
  ["two", DAC_OVERRIDE | KILL],
  ["none", 0n],
])("%s kept: no thread has more, new ones included, and no program executed later gets any back", (_name, kept) => {
  const { before, beyond, again, threads, executed } = dropped(kept);
  const wanted = (kept & effective_capabilities()).toString(16).padStart(16, "0");
  expect(before).toBeGreaterThan(1);
  expect(again).toEqual(beyond);
  // A thread of the runtime that blocks every signal: what remains is known by name, and bounded by the unit. Until it has first run,
  // which takes its time on a busy machine, it has the name of its process.
  expect(beyond.filter((name) => name !== "mi-scavenger" && name !== "bun")).toEqual([]);
  expect(beyond.length).toBeLessThan(2);
  const reached = threads.filter(({ name }) => !beyond.includes(name));
  expect(reached.length).toBeGreaterThan(1);
  for (const thread of reached) {
    expect(thread).toMatchObject({ permitted: wanted, effective: wanted, no_new_privs: "1" });
  }
  expect(executed).toBe(wanted);
});

test.skipIf(!ROOT)("what is not held is not gained", () => {
  const { threads } = dropped((1n << 41n) - 1n);
  const held = effective_capabilities().toString(16).padStart(16, "0");
  for (const { effective } of threads) expect(effective).toBe(held);
});
