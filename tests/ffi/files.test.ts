import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { KeptFile } from "../../src/ffi/files.ts";

const directory = mkdtempSync(join(tmpdir(), "hosa-files-"));
afterAll(() => rmSync(directory, { recursive: true }));

test("an absent file is null", () => {
  expect(KeptFile.open(join(directory, "absent"))).toBeNull();
});

test("reads from the beginning every time, also what has changed", () => {
  const path = join(directory, "changing");
  writeFileSync(path, "first");
  using file = KeptFile.open(path)!;
  expect(new TextDecoder().decode(file.read())).toBe("first");
  writeFileSync(path, "2nd");
  expect(new TextDecoder().decode(file.read())).toBe("2nd");
  writeFileSync(path, "");
  expect(file.read().length).toBe(0);
});

test("grows, and stops at 1 MiB", () => {
  const path = join(directory, "large");
  for (const size of [4095, 4096, 4097, 70_000]) {
    writeFileSync(path, "x".repeat(size));
    using file = KeptFile.open(path)!;
    expect(file.read().length).toBe(size);
    expect(file.read().length).toBe(size);
  }
  writeFileSync(path, new Uint8Array(3 * 2 ** 20));
  using file = KeptFile.open(path)!;
  expect(file.read().length).toBe(2 ** 20);
});

test("a file of many records is read to its end, though the kernel gives a page of them at a time", () => {
  const whole = readFileSync("/proc/kallsyms").length;
  expect(whole).toBeGreaterThan(16_384);
  using file = KeptFile.open("/proc/kallsyms")!;
  expect(file.read().length).toBe(Math.min(whole, 2 ** 20));
});

test("disposed twice, used afterwards: a clear error", () => {
  const file = KeptFile.open("/proc/self/stat")!;
  file[Symbol.dispose]();
  file[Symbol.dispose]();
  expect(() => file.read()).toThrow("read /proc/self/stat: EBADF (it was disposed of)");
});

test("a directory cannot be read: the kernel's answer is named", () => {
  using file = KeptFile.open(directory)!;
  expect(() => file.read()).toThrow("EISDIR");
});
