import { expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { OperatorError } from "../../src/model/error.ts";
import { items_of, note, open_writer, problems_of, with_directory } from "./scratch.ts";

async function written(directory: string, count: number): Promise<{ path: string; bytes: Buffer }> {
  const writer = open_writer(directory);
  for (let i = 0; i < count; i++) writer.append(note(`entry ${i} – é`));
  await writer.close();
  return { path: writer.path, bytes: readFileSync(writer.path) };
}

test("any edit of any byte is detected", async () => {
  await with_directory(async (directory) => {
    const { path, bytes } = await written(directory, 4);
    for (let at = 0; at < bytes.length; at++) {
      const edited = Buffer.from(bytes);
      edited[at] = (edited[at]! + 1 + (at % 255)) & 0xff;
      if (edited[at] === bytes[at]) edited[at] = edited[at]! ^ 0x20;
      writeFileSync(path, edited);
      const found = problems_of(await items_of(path));
      if (found.length === 0) throw new Error(`edit of byte ${at} of ${bytes.length} went unseen`);
    }
  });
});

test("any bytes put in, taken out or replaced are detected, unless whole last lines are cut off", async () => {
  await with_directory(async (directory) => {
    const { path, bytes } = await written(directory, 5);
    const starts = [0, ...[...bytes.keys()].filter((i) => bytes[i] === 10).map((i) => i + 1)];
    await fc.assert(
      fc.asyncProperty(
        fc.nat(bytes.length),
        fc.nat(400),
        fc.uint8Array({ maxLength: 8 }),
        async (from, removed, inserted) => {
          const edited = Buffer.concat([bytes.subarray(0, from), inserted, bytes.subarray(from + removed)]);
          fc.pre(!edited.equals(bytes));
          fc.pre(!starts.some((start) => edited.equals(bytes.subarray(0, start))));
          writeFileSync(path, edited);
          expect(problems_of(await items_of(path))).not.toEqual([]);
        },
      ),
      { numRuns: 300 },
    );
  });
});

test("a tampered line is named by its number, and the lines after it are still read", async () => {
  await with_directory(async (directory) => {
    const { path, bytes } = await written(directory, 5);
    writeFileSync(path, bytes.toString().replace("entry 2", "entry 7"));
    const items = await items_of(path);
    expect(problems_of(items)).toEqual([expect.stringMatching(/^3: tampered: line hash does not match/)]);
    expect(items.filter((item) => item.type === "record")).toHaveLength(4);
  });
});

test("a tampered first line is one problem, not two", async () => {
  await with_directory(async (directory) => {
    const { path, bytes } = await written(directory, 3);
    writeFileSync(path, bytes.toString().replace("entry 0", "entry 7"));
    expect(problems_of(await items_of(path))).toHaveLength(1);
  });
});

test("removed lines, swapped lines and a missing beginning are detected", async () => {
  await with_directory(async (directory) => {
    const { path, bytes } = await written(directory, 5);
    const lines = bytes.toString().trimEnd().split("\n");
    const write = (chosen: readonly number[]) => writeFileSync(path, chosen.map((i) => `${lines[i]}\n`).join(""));
    write([0, 1, 3, 4]);
    expect(problems_of(await items_of(path))).toEqual(["3: tampered: line 2 of the chain expected, line 3 found"]);
    write([0, 2, 1, 3, 4]);
    expect(problems_of(await items_of(path)).length).toBeGreaterThan(0);
    write([2, 3, 4]);
    expect(problems_of(await items_of(path))).toEqual(["1: truncated: the 2 lines before are missing"]);
  });
});

test("an endless line needs no memory", async () => {
  await with_directory(async (directory) => {
    const path = join(directory, "audit.jsonl");
    writeFileSync(path, "q".repeat(3_000_000));
    expect(problems_of(await items_of(path))).toEqual([expect.stringContaining("longer than 1048576 bytes")]);
  });
});

test("no audit at all is the operator's error with a way out", async () => {
  await with_directory(async (directory) => {
    const path = join(directory, "absent", "audit.jsonl");
    expect(items_of(path)).rejects.toThrow(OperatorError);
  });
});
