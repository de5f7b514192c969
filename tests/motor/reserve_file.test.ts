import { afterEach, beforeEach, expect, test } from "bun:test";
import {
  chmodSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statfsSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { LABEL, read_header, swap_header } from "../../src/motor/reserve/header.ts";
import { examine_reserve, prepare_reserve } from "../../src/motor/reserve/prepare.ts";
import { parse_swaps } from "../../src/motor/reserve/swaps.ts";

const MIB = 1048576;
const SIZE = 4 * MIB;
let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "hosa-reserve-"));
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

const EXT4 = 0xef53;
const XFS = 0x58465342;
const offers_swap_files = [EXT4, XFS].includes(statfsSync(tmpdir()).type);
if (!offers_swap_files) console.error(`skipped: swap files; ${tmpdir()} is on a file system without them`);

function wish(more: Partial<Parameters<typeof prepare_reserve>[0]> = {}) {
  return { path: join(folder, "hosa.swap"), size_bytes: SIZE, margin_bytes: 0, ...more };
}

test("the header is the one mkswap(8) writes", () => {
  const page = Buffer.from(swap_header(4096, SIZE, new Uint8Array(16).fill(7)));
  expect(page.length).toBe(4096);
  expect(page.readUInt32LE(1024)).toBe(1);
  expect(page.readUInt32LE(1028)).toBe(SIZE / 4096 - 1);
  expect(page.readUInt32LE(1032)).toBe(0);
  expect(page.toString("latin1", 4086)).toBe("SWAPSPACE2");
  expect(page.toString("latin1", 1052, 1052 + LABEL.length)).toBe(LABEL);
  expect(read_header(page)).toEqual({ size_bytes: SIZE });
});

test("a header of somebody else is not ours", () => {
  const page = Buffer.from(swap_header(4096, SIZE, new Uint8Array(16)));
  page.write("other\0", 1052, "latin1");
  expect(read_header(page)).toBeNull();
  expect(read_header(Buffer.alloc(4096))).toBeNull();
});

test("/proc/swaps: escaped names, kilobytes, and nothing without an area", () => {
  const text =
    "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n/a\\040b/hosa.swap                       file\t\t4096\t\t512\t\t-2\n";
  expect(parse_swaps(text)).toEqual([
    { path: "/a b/hosa.swap", size_bytes: 4 * MIB, used_bytes: 512 * 1024, priority: -2 },
  ]);
  expect(parse_swaps(text.split("\n")[0]!)).toEqual([]);
});

test.skipIf(!offers_swap_files)("it is made whole, for root alone, and found again unchanged", () => {
  expect(examine_reserve(wish())).toHaveProperty("path");
  expect(prepare_reserve(wish())).toEqual({ path: join(folder, "hosa.swap") });
  const { size, blocks, mode } = statSync(join(folder, "hosa.swap"));
  expect([size, blocks * 512 >= SIZE, mode & 0o777]).toEqual([SIZE, true, 0o600]);
  const before = readFileSync(join(folder, "hosa.swap"));
  expect(prepare_reserve(wish())).toHaveProperty("path");
  expect(readFileSync(join(folder, "hosa.swap")).equals(before)).toBe(true);
  expect(examine_reserve(wish())).toHaveProperty("path");
});

test.skipIf(!offers_swap_files)("one whose preparation was cut off is completed", () => {
  writeFileSync(join(folder, "hosa.swap"), swap_header(4096, SIZE, new Uint8Array(16)), { mode: 0o600 });
  expect(prepare_reserve(wish())).toHaveProperty("path");
  expect(statSync(join(folder, "hosa.swap")).size).toBe(SIZE);
});

test.skipIf(!offers_swap_files)("a file that is not ours stays as it is", () => {
  writeFileSync(join(folder, "hosa.swap"), "somebody's letters", { mode: 0o600 });
  for (const look of [examine_reserve, prepare_reserve]) {
    expect(look(wish())).toEqual({ missing: expect.stringContaining("not ours") });
  }
  expect(readFileSync(join(folder, "hosa.swap"), "utf8")).toBe("somebody's letters");
});

test.skipIf(!offers_swap_files)("a link, a file others can read, and another size are refused with what to do", () => {
  symlinkSync("/etc/hostname", join(folder, "link"));
  expect(prepare_reserve(wish({ path: join(folder, "link") }))).toEqual({
    missing: expect.stringContaining("symbolic link"),
  });
  prepare_reserve(wish());
  expect(prepare_reserve(wish({ size_bytes: 2 * SIZE }))).toEqual({ missing: expect.stringContaining("remove it") });
  chmodSync(join(folder, "hosa.swap"), 0o644);
  expect(prepare_reserve(wish())).toEqual({ missing: expect.stringContaining("chmod 600") });
});

test.skipIf(!offers_swap_files)("a margin that would not stay free makes no file", () => {
  expect(prepare_reserve(wish({ margin_bytes: 1e15 }))).toEqual({ missing: expect.stringContaining("make room") });
  expect(() => statSync(join(folder, "hosa.swap"))).toThrow();
});

test("a file system without swap files, and a directory that does not exist", () => {
  expect(prepare_reserve(wish({ path: "/dev/shm/hosa.swap" }))).toEqual({
    missing: expect.stringContaining("ext4 or xfs"),
  });
  expect(prepare_reserve(wish({ path: join(folder, "no", "file") }))).toEqual({
    missing: expect.stringContaining("make its directory"),
  });
});
