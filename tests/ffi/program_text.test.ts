import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { drop_program_text } from "../../src/ffi/program_text.ts";

const directory = mkdtempSync(join(tmpdir(), "hosa-text-"));
afterAll(() => rmSync(directory, { recursive: true }));

function resident_file_kib(): number {
  return Number(/^RssFile:\s*(\d+)/m.exec(readFileSync("/proc/self/status", "latin1"))?.[1]);
}

test("resident code goes, and what is called afterwards comes back by itself", () => {
  const before = resident_file_kib();
  drop_program_text();
  expect(resident_file_kib()).toBeLessThan(before);
  expect(JSON.parse(JSON.stringify({ still: [1, 2, 3].toSorted((a, b) => b - a) }))).toEqual({ still: [3, 2, 1] });
});

test("a mapping that cannot be dropped is left as it is", () => {
  const maps = join(directory, "maps");
  writeFileSync(maps, "7f0000000000-7f0000001000 r-xp 00000000 fe:00 1234 /gone\n");
  expect(() => drop_program_text(maps)).not.toThrow();
});
