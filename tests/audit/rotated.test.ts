import { describe, expect, test } from "bun:test";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import type { AuditWriter } from "../../src/audit/index.ts";
import { OperatorError } from "../../src/model/error.ts";
import { items_of, note, open_writer, problems_of, texts_of, with_directory } from "./scratch.ts";

const FIRST = ["before 0", "before 1", "before 2"];
const LATER = ["after 0", "after 1", "after 2"];

/** Three lines, then what another program does to the file, then three more lines. */
async function disturbed(directory: string, disturb: (path: string) => void): Promise<AuditWriter> {
  const writer = open_writer(join(directory, "log"));
  for (const text of FIRST) writer.append(note(text));
  await writer.flush();
  disturb(writer.path);
  for (const text of LATER) writer.append(note(text));
  await writer.flush();
  return writer;
}

/** Descriptors of this process that lead to a file without a name: its blocks are not given back. */
function nameless_files(directory: string): string[] {
  return readdirSync("/proc/self/fd").flatMap((fd) => {
    try {
      const to = readlinkSync(`/proc/self/fd/${fd}`);
      return to.startsWith(directory) && to.endsWith("(deleted)") ? [to] : [];
    } catch {
      return [];
    }
  });
}

describe("another program takes the audit's file away", () => {
  const cases: readonly (readonly [string, string, (path: string) => void])[] = [
    ["removes it", "removed or renamed", (path) => rmSync(path)],
    ["removes its directory", "removed or renamed", (path) => rmSync(join(path, ".."), { recursive: true })],
    ["renames it to a name of its own", "removed or renamed", (path) => renameSync(path, `${path}-20260102`)],
    [
      "renames it and creates an empty one",
      "a new file in its place",
      (path) => {
        renameSync(path, `${path}-20260102`);
        writeFileSync(path, "");
      },
    ],
    [
      "copies and truncates it",
      "truncated",
      (path) => {
        copyFileSync(path, `${path}-20260102`);
        truncateSync(path, 0);
      },
    ],
  ];
  test.each(cases)("%s: the lines after it stand at the path, and the first of them says so", async (_, why, act) => {
    await with_directory(async (directory) => {
      const writer = await disturbed(directory, act);
      expect([writer.trouble, writer.written, writer.dropped]).toEqual([null, 6, 0]);
      expect([writer.disturbed, writer.disturbance]).toEqual([1, expect.stringContaining(why)]);
      expect(nameless_files(directory)).toEqual([]);
      const items = await items_of(writer.path);
      expect(problems_of(items)).toEqual([]);
      expect(texts_of(items)).toEqual(LATER);
      const [first] = items.flatMap((item) => (item.type === "record" ? [item.record] : []));
      expect(first?.continues).toEqual({ seq: 2, hash: first!.prev, why: expect.stringContaining(why) });
      await writer.close();
    });
  });

  test("under the names of our own rotation the chain is read across the files", async () => {
    await with_directory(async (directory) => {
      const writer = await disturbed(directory, (path) => renameSync(path, `${path}.1`));
      await writer.close();
      const items = await items_of(writer.path);
      expect(problems_of(items)).toEqual([]);
      expect(texts_of(items)).toEqual([...FIRST, ...LATER]);
    });
  });

  test("a restart goes on with the chain of the new file", async () => {
    await with_directory(async (directory) => {
      const writer = await disturbed(directory, (path) => rmSync(path));
      await writer.close();
      const next = open_writer(join(directory, "log"));
      next.append(note("later"));
      await next.close();
      const items = await items_of(next.path);
      expect(problems_of(items)).toEqual([]);
      expect(texts_of(items)).toEqual([...LATER, "later"]);
    });
  });

  test("lines that were cut while they were copied are missing, not tampered with", async () => {
    await with_directory(async (directory) => {
      const writer = await disturbed(directory, (path) => {
        const lines = readFileSync(path, "utf8").split("\n");
        writeFileSync(`${path}.1`, `${lines[0]}\n`);
        truncateSync(path, 0);
      });
      await writer.close();
      expect(problems_of(await items_of(writer.path))).toEqual([
        "1: missing: lines 1 to 2 of the chain: another program truncated the file",
      ]);
    });
  });

  test("a file truncated within a line: what comes after has lines of its own", async () => {
    await with_directory(async (directory) => {
      const writer = await disturbed(directory, (path) => truncateSync(path, readFileSync(path).indexOf("\n") + 9));
      await writer.close();
      const lines = readFileSync(writer.path, "utf8").trimEnd().split("\n");
      expect(lines[1]).toHaveLength(8);
      for (const line of lines.slice(2)) expect(() => JSON.parse(line)).not.toThrow();
      const items = await items_of(writer.path);
      expect(texts_of(items).slice(-LATER.length)).toEqual(LATER);
      expect(problems_of(items)).toEqual([
        "2: tampered: line too short to be a record",
        "3: missing: lines 2 to 2 of the chain: another program truncated the file",
      ]);
    });
  });

  test("a file of somebody else at the path is rotated away, not appended to", async () => {
    await with_directory(async (directory) => {
      const writer = await disturbed(directory, (path) => {
        rmSync(path);
        writeFileSync(path, "not of hosa\n");
      });
      await writer.close();
      expect(readFileSync(`${writer.path}.1`, "utf8")).toBe("not of hosa\n");
      expect(texts_of(await items_of(writer.path))).toEqual(LATER);
    });
  });

  test("the same lines put back are gone on with", async () => {
    await with_directory(async (directory) => {
      const writer = await disturbed(directory, (path) => {
        copyFileSync(path, `${path}.copy`);
        renameSync(`${path}.copy`, path);
      });
      await writer.close();
      const items = await items_of(writer.path);
      expect(problems_of(items)).toEqual([]);
      expect(texts_of(items)).toEqual([...FIRST, ...LATER]);
    });
  });
});

describe("something that is no regular file stands at the path", () => {
  const cases: readonly (readonly [string, string, (path: string) => void])[] = [
    ["a symbolic link", "it is a symbolic link; name the file itself", (path) => symlinkSync("elsewhere", path)],
    [
      "a FIFO",
      "it is a FIFO, not a regular file",
      (path) => expect(Bun.spawnSync(["mkfifo", path]).success).toBe(true),
    ],
    ["a directory", "it is a directory (EISDIR)", (path) => mkdirSync(path)],
  ];
  test.each(cases)(
    "%s: nothing is written to it, the lines wait, and are written when it is gone",
    async (_, kind, put) => {
      await with_directory(async (directory) => {
        const writer = await disturbed(directory, (path) => {
          rmSync(path);
          put(path);
        });
        expect(writer.trouble).toContain(`audit ${writer.path}: ${kind}`);
        expect([writer.written, writer.waiting, writer.dropped]).toEqual([3, 3, 0]);
        expect(existsSync(join(directory, "log", "elsewhere"))).toBe(false);
        rmSync(writer.path, { recursive: true });
        await writer.flush();
        expect([writer.trouble, writer.waiting]).toEqual([null, 0]);
        expect(problems_of(await items_of(writer.path))).toEqual([]);
        expect(texts_of(await items_of(writer.path))).toEqual(LATER);
        await writer.close();
      });
    },
  );

  test("at the start it is refused with what stands there", async () => {
    await with_directory(async (directory) => {
      symlinkSync(join(directory, "elsewhere"), join(directory, "audit.jsonl"));
      expect(() => open_writer(directory)).toThrow(OperatorError);
      expect(() => open_writer(directory)).toThrow("a symbolic link");
      expect(existsSync(join(directory, "elsewhere"))).toBe(false);
    });
  });
});

describe("the disk does not take the lines", () => {
  test("what an agent could not write before its end is lost, and the next one's first line says how much", async () => {
    await with_directory(async (directory) => {
      const writer = await disturbed(directory, (path) => {
        renameSync(path, `${path}.1`);
        mkdirSync(path);
      });
      await writer.close();
      expect(writer.dropped).toBe(3);
      rmSync(writer.path, { recursive: true });
      const lost_before = { count: writer.dropped, why: writer.trouble ?? "" };
      const next = open_writer(join(directory, "log"), { lost_before });
      next.append(note("later"));
      await next.close();
      const [first] = (await items_of(next.path)).flatMap((item) =>
        item.type === "record" && item.record.kind === "note" && item.record.text === "later" ? [item.record] : [],
      );
      expect(first?.lost).toBe(3);
      expect(first?.lost_why).toContain("it is a directory");
    });
  });

  test("a lock that another process has taken keeps the chain from being written twice", async () => {
    await with_directory(async (directory) => {
      let taken = false;
      const keep_lock = () => {
        if (taken) throw new Error("the running process 7 writes it");
      };
      const writer = open_writer(directory, { keep_lock });
      writer.append(note("one"));
      await writer.flush();
      taken = true;
      writer.append(note("two"));
      await writer.flush();
      expect([writer.written, writer.waiting]).toEqual([1, 1]);
      expect(writer.trouble).toContain("the running process 7 writes it");
      expect(statSync(writer.path).size).toBe(readFileSync(writer.path).length);
      taken = false;
      await writer.close();
      expect(texts_of(await items_of(writer.path))).toEqual(["one", "two"]);
    });
  });
});
