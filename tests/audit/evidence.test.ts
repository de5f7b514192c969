import { afterEach, beforeEach, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type EvidencePart, tail_of_file, whole_bundle, write_evidence } from "../../src/audit/index.ts";

let root = "";
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "hosa-evidence-"));
});
afterEach(() => rmSync(root, { recursive: true }));

const WALL = "2026-01-01T00:00:00.000Z";
const text = (name: string, content: string, keep: "first" | "last" = "first"): EvidencePart => ({
  name,
  content: async () => content,
  keep,
});

function bundle(parts: readonly EvidencePart[], max_bytes = 1000, wall_time = WALL) {
  return write_evidence({ directory: root, wall_time, max_bytes, keep: 2, parts });
}

test("one directory with its parts and a manifest of their digests, readable by root alone", async () => {
  const written = await bundle([text("a.json", "{}"), text("b.txt", "hello")]);
  expect(written.directory).toBe(join(root, "quarantine-2026-01-01T000000.000Z"));
  expect(readFileSync(join(written.directory, "b.txt"), "utf8")).toBe("hello");
  const manifest = JSON.parse(readFileSync(join(written.directory, "manifest.json"), "utf8"));
  const sha256 = createHash("sha256").update("hello").digest("hex");
  expect(manifest.files).toContainEqual({ name: "b.txt", bytes: 5, sha256, cut_bytes: 0 });
  expect(manifest.missing).toEqual([]);
});

test("the bound holds: a part is cut at the end that matters less, and said to be", async () => {
  const parts = [text("first", "0123456789", "first"), text("last", "0123456789", "last"), text("none", "x")];
  const { directory, bytes, cut } = await bundle(parts, 14);
  expect(bytes).toBe(14);
  expect(readFileSync(join(directory, "first"), "utf8")).toBe("0123456789");
  expect(readFileSync(join(directory, "last"), "utf8")).toBe("6789");
  expect(readFileSync(join(directory, "none"), "utf8")).toBe("");
  expect(cut).toEqual(["last", "none"]);
  const { files } = JSON.parse(readFileSync(join(directory, "manifest.json"), "utf8"));
  expect(files.map((each: { cut_bytes: number }) => each.cut_bytes)).toEqual([0, 6, 1]);
});

test("a part that fails is missing with its reason, the others are written", async () => {
  const bad: EvidencePart = { name: "bad", content: () => Promise.reject(new Error("EIO")), keep: "first" };
  const own: EvidencePart = { name: "own.gz", write: async (path) => writeFileSync(path, "zipped") };
  const written = await bundle([bad, own]);
  expect(written.files).toEqual(["own.gz"]);
  expect(written.missing).toEqual(["bad: EIO"]);
  expect(bundle([bad], 1000, "2026-01-02")).rejects.toThrow("no evidence could be written");
});

test("only the latest bundles are kept, and nothing else is touched", async () => {
  writeFileSync(join(root, "audit.jsonl"), "");
  for (const day of ["01", "02", "03"]) await bundle([text("a", day)], 1000, `2026-01-${day}`);
  expect(readdirSync(root).sort()).toEqual(["audit.jsonl", "quarantine-2026-01-02", "quarantine-2026-01-03"]);
});

test("a directory that cannot be made rejects with what the file system says", async () => {
  writeFileSync(join(root, "file"), "");
  const options = { directory: join(root, "file"), wall_time: WALL, max_bytes: 10, keep: 2, parts: [text("a", "a")] };
  expect(write_evidence(options)).rejects.toThrow("ENOTDIR");
  expect(existsSync(join(root, "file"))).toBe(true);
});

test("a bundle is found again by the time from which on it was written, when it is whole", async () => {
  expect(await whole_bundle(join(root, "nowhere"), "2026")).toBeNull();
  await bundle([text("a", "a")], 1000, "2026-01-01T00:00:01.000Z");
  const late = await bundle([text("a", "a")], 1000, "2026-01-01T00:00:03.000Z");
  expect(await whole_bundle(root, "2026-01-01T00:00:02.000Z")).toBe(late.directory);
  rmSync(join(late.directory, "manifest.json"));
  expect(await whole_bundle(root, "2026-01-01T00:00:02.000Z")).toBeNull();
});

test("a tail begins with a whole line", async () => {
  const path = join(root, "lines");
  writeFileSync(path, "one\ntwo\nthree\n");
  expect(Buffer.from(await tail_of_file(path, 100)).toString()).toBe("one\ntwo\nthree\n");
  expect(Buffer.from(await tail_of_file(path, 8)).toString()).toBe("three\n");
});

test("what is written now is kept, also when the clock was set back", async () => {
  for (const day of ["2026-01-01", "2026-01-02", "1970-01-01"]) await bundle([text("a", day)], 1000, day);
  expect(readdirSync(root).sort()).toEqual(["quarantine-1970-01-01", "quarantine-2026-01-02"]);
  expect(readFileSync(join(root, "quarantine-1970-01-01", "a"), "utf8")).toBe("1970-01-01");
});
