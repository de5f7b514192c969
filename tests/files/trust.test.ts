import { afterEach, beforeEach, expect, test } from "bun:test";
import { chmodSync, chownSync, lchownSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { distrust_directory, distrust_file, distrust_program } from "../../src/files/trust.ts";

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
  expect(distrust_program("/bin/sh")).toBeNull();
  expect(distrust_program("/usr/bin/../bin/env")).toBeNull();
});

test("what is not there, no file or not executable is not", () => {
  expect(distrust_program("/nowhere/hook")).toBe("/nowhere/hook does not exist");
  expect(distrust_program("/usr/bin")).toBe("/usr/bin is not a regular file");
  expect(distrust_program("/etc/passwd")).toBe("/etc/passwd is not executable");
});

test("a path from the working directory is looked at from there", () => {
  const here = relative(process.cwd(), program());
  expect([distrust_program(here), distrust_file(here), distrust_directory(relative(process.cwd(), directory))]).toEqual(
    [null, null, null],
  );
});

test.skipIf(!ROOT)("root's own in a sticky directory is: others cannot replace it", () => {
  expect(distrust_program(program())).toBeNull();
});

test.skipIf(!ROOT)("a file that others may write is not", () => {
  expect(distrust_program(program("all", 0o757))).toEndWith("/all is writable by everybody");
  const path = program("group", 0o775);
  expect(distrust_program(path)).toBeNull();
  chownSync(path, 0, 65_534);
  chmodSync(path, 0o775);
  expect(distrust_program(path)).toEndWith("/group is writable by group 65534");
  chownSync(path, 65_534, 0);
  expect(distrust_program(path)).toEndWith("/group belongs to user 65534");
});

test.skipIf(!ROOT)("nor one in a directory where others may put another in its place, also behind a link", () => {
  mkdirSync(join(directory, "open"));
  const inner = program("open/hook");
  chmodSync(join(directory, "open"), 0o777);
  expect(distrust_program(inner)).toEndWith("/open is writable by everybody");
  symlinkSync(inner, join(directory, "link"));
  expect(distrust_program(join(directory, "link"))).toEndWith("/open is writable by everybody");
  symlinkSync("circle", join(directory, "circle"));
  expect(distrust_program(join(directory, "circle"))).toContain("links lead on");
});

test.skipIf(!ROOT)("a file that is obeyed: its owner, its mode and every directory above it", () => {
  const path = join(directory, "hosa.yaml");
  writeFileSync(path, "");
  expect(distrust_file(path)).toBeNull();
  expect(distrust_file("/dev/null")).toBeNull();
  chmodSync(path, 0o646);
  expect(distrust_file(path)).toEndWith("/hosa.yaml is writable by everybody");
  chmodSync(path, 0o644);
  chownSync(directory, 65_534, 0);
  expect(distrust_file(path)).toBe(`${directory} belongs to user 65534`);
  expect(distrust_file("/etc")).toBe("/etc is not a regular file");
  expect(distrust_file(join(directory, "..", "none"))).toEndWith("does not exist");
});

test.skipIf(!ROOT)("a directory that is written to, also one that is still to be made", () => {
  expect(distrust_directory(directory)).toBeNull();
  expect(distrust_directory(join(directory, "a/b/c"))).toBeNull();
  mkdirSync(join(directory, "open"));
  chmodSync(join(directory, "open"), 0o777);
  expect(distrust_directory(join(directory, "open/b"))).toEndWith("/open is writable by everybody");
  chownSync(join(directory, "open"), 0, 65_534);
  chmodSync(join(directory, "open"), 0o775);
  expect(distrust_directory(join(directory, "open/b"))).toEndWith("/open is writable by group 65534");
  expect(distrust_directory(join(directory, "open/b"), true)).toBeNull();
  writeFileSync(join(directory, "file"), "");
  expect(distrust_directory(join(directory, "file"))).toEndWith("/file is not a directory");
  symlinkSync(join(directory, "open"), join(directory, "link"));
  lchownSync(join(directory, "link"), 65_534, 0);
  expect(distrust_directory(join(directory, "link"), true)).toEndWith("/link is a link that user 65534 can change");
});

test.skipIf(!ROOT)("what a read-only mount holds cannot be changed there, whatever its mode says", () => {
  const from = join(directory, "from");
  mkdirSync(from);
  writeFileSync(join(from, "10.yaml"), "");
  chmodSync(from, 0o777);
  const look = `const {distrust_file} = await import(${JSON.stringify(join(import.meta.dir, "../../src/files/trust.ts"))});
    console.log(distrust_file(${JSON.stringify(join(from, "10.yaml"))}));`;
  const run = (mount: string) =>
    Bun.spawnSync(["unshare", "--mount", "sh", "-c", `${mount} && exec "$@"`, "sh", process.execPath, "-e", look], {
      env: { PATH: process.env["PATH"] ?? "" },
    }).stdout.toString();
  expect(run("true")).toBe(`${from} is writable by everybody\n`);
  expect(run(`mount --bind ${from} ${from} && mount -o remount,bind,ro ${from}`)).toBe("null\n");
});
