import { afterEach, beforeEach, expect, test } from "bun:test";
import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { distrust } from "../../../src/telemetry/hooks/trust.ts";

const ROOT = process.getuid?.() === 0;
if (!ROOT) console.error("SKIPPED: whose program a hook may be needs root to make files of others");

let directory = "";
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "hosa-trust-"));
});
afterEach(() => rmSync(directory, { recursive: true }));

function program(name = "hook", mode = 0o755): string {
  const path = join(directory, name);
  writeFileSync(path, "#!/bin/sh\n");
  chmodSync(path, mode);
  return path;
}

test("the system's own programs are trusted, wherever links lead", () => {
  expect(distrust("/bin/sh")).toBeNull();
  expect(distrust("/usr/bin/../bin/env")).toBeNull();
});

test("what is not there, no file or not executable is not", () => {
  expect(distrust("/nowhere/hook")).toBe("/nowhere/hook does not exist");
  expect(distrust("/usr/bin")).toBe("/usr/bin is no file");
  expect(distrust("/etc/passwd")).toBe("/etc/passwd is not executable");
});

test.skipIf(!ROOT)("root's own in a sticky directory is: others cannot replace it", () => {
  expect(distrust(program())).toBeNull();
});

test.skipIf(!ROOT)("a file that others may write is not", () => {
  expect(distrust(program("all", 0o757))).toEndWith("/all is writable by everybody");
  const path = program("group", 0o775);
  expect(distrust(path)).toBeNull();
  chownSync(path, 0, 65_534);
  chmodSync(path, 0o775);
  expect(distrust(path)).toEndWith("/group is writable by group 65534");
  chownSync(path, 65_534, 0);
  expect(distrust(path)).toEndWith("/group belongs to user 65534");
});

test.skipIf(!ROOT)("nor one in a directory where others may put another in its place, also behind a link", () => {
  mkdirSync(join(directory, "open"));
  const inner = program("open/hook");
  chmodSync(join(directory, "open"), 0o777);
  expect(distrust(inner)).toEndWith("/open is writable by everybody");
  symlinkSync(inner, join(directory, "link"));
  expect(distrust(join(directory, "link"))).toEndWith("/open is writable by everybody");
  symlinkSync("circle", join(directory, "circle"));
  expect(distrust(join(directory, "circle"))).toContain("links lead on");
});
