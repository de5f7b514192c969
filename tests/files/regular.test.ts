import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import {
  chmodSync,
  chownSync,
  closeSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  create_anew,
  open_own,
  open_own_handle,
  open_to_read,
  read_text,
  UnsuitableFile,
  write_anew,
} from "../../src/files/regular.ts";

const ROOT = process.getuid?.() === 0;
if (!ROOT) console.error("SKIPPED: files of other users need root to be made");

let directory = "";
let path = "";
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "hosa-files-"));
  path = join(directory, "file");
});
afterEach(() => rmSync(directory, { recursive: true }));

function make(what: "a FIFO" | "a directory"): void {
  if (what === "a directory") mkdirSync(path);
  else Bun.spawnSync(["mkfifo", path]);
}

/** What every way of opening an own file says. */
async function refusals(): Promise<readonly string[]> {
  const said: string[] = [];
  for (const how of ["append", "read_append", "read_write"] as const) {
    for (const open of [
      () => closeSync(open_own(path, how, 0o600)),
      async () => (await open_own_handle(path, how, 0o600)).close(),
    ]) {
      try {
        await open();
        said.push("opened");
      } catch (error) {
        said.push(error instanceof Error && "code" in error ? String(error.code) : String(error));
      }
    }
  }
  return [...new Set(said)];
}

describe("what is in the place of a file", () => {
  test.each([["a FIFO"], ["a directory"]] as const)("%s is not read, and not waited for", (what) => {
    make(what);
    expect(() => open_to_read(path)).toThrow(new UnsuitableFile(path, `it is ${what}, not a regular file`));
    expect(() => read_text(path, 10)).toThrow(UnsuitableFile);
  });

  test.each([["a FIFO"], ["a directory"]] as const)("%s is not written, and not waited for", async (what) => {
    make(what);
    const before = lstatSync(path).ino;
    for (const said of await refusals())
      expect(["ENXIO", "EISDIR", `it is ${what}, not a regular file`]).toContain(said);
    expect(lstatSync(path).ino).toBe(before);
  });

  test("a device is neither", async () => {
    path = "/dev/zero";
    expect(() => read_text(path, 10)).toThrow("it is a device, not a regular file");
    expect(await refusals()).toEqual(["it is a device, not a regular file"]);
  });

  test("a symbolic link is not written through, whether it leads to something or not", async () => {
    const target = join(directory, "target");
    symlinkSync(target, path);
    expect(await refusals()).toEqual(["it is a symbolic link; name the file itself"]);
    expect(existsSync(target)).toBe(false);
    writeFileSync(target, "precious");
    expect(await refusals()).toEqual(["it is a symbolic link; name the file itself"]);
    write_anew(path, "mine", 0o600);
    expect(readFileSync(target, "utf8")).toBe("precious");
    expect(lstatSync(path).isFile()).toBe(true);
  });

  test("a file with another name is not written: it is another file's content", async () => {
    const target = join(directory, "target");
    writeFileSync(target, "precious");
    linkSync(target, path);
    expect(await refusals()).toEqual(["it has 2 names (hard links)"]);
    closeSync(create_anew(path, 0o600));
    expect(readFileSync(target, "utf8")).toBe("precious");
  });

  test.skipIf(!ROOT)("a file of another user, or one that everybody may write, is not", async () => {
    writeFileSync(path, "");
    chmodSync(path, 0o666);
    expect(await refusals()).toEqual(["everybody may write to it"]);
    chmodSync(path, 0o644);
    chownSync(path, 65_534, 0);
    expect(await refusals()).toEqual(["it belongs to user 65534"]);
  });
});

test("an own file is appended to, read, and made where it is not there", async () => {
  const handle = await open_own_handle(path, "append", 0o640);
  await handle.appendFile("one\n");
  await handle.close();
  expect(lstatSync(path).mode & 0o777).toBe(0o640);
  expect(await refusals()).toEqual(["opened"]);
  expect(read_text(path, 4)).toBe("one\n");
  expect(() => read_text(path, 3)).toThrow("it is larger than 3 bytes");
});
