import { expect, test } from "bun:test";
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { OperatorError } from "../../src/model/error.ts";
import { items_of, note, open_writer, problems_of, texts_of, with_directory } from "./scratch.ts";

test("what is appended is read back in order, chained", async () => {
  await with_directory(async (directory) => {
    const writer = open_writer(directory);
    expect(writer.append(note("one", 10))).toBe("e0");
    expect(writer.append(note("zwei – ∂"))).toBe("e1");
    expect(readFileSync(writer.path, "utf8")).toBe("");
    await writer.close();
    const items = await items_of(writer.path);
    expect(problems_of(items)).toEqual([]);
    expect(texts_of(items)).toEqual(["one", "zwei – ∂"]);
    const [first, second] = items.flatMap((item) => (item.type === "record" ? [item.record] : []));
    expect(Object.keys(first!)).toEqual(["seq", "wall_time", "t_ns", "kind", "id", "text", "prev", "hash"]);
    expect(second!.prev).toBe(first!.hash);
  });
});

test("a restart continues the chain", async () => {
  await with_directory(async (directory) => {
    for (const text of ["a", "b", "c"]) {
      const writer = open_writer(directory);
      writer.append(note(text));
      await writer.close();
    }
    const items = await items_of(join(directory, "audit.jsonl"));
    expect(problems_of(items)).toEqual([]);
    expect(texts_of(items)).toEqual(["a", "b", "c"]);
  });
});

test("a torn last line is put aside and said, and the chain goes on", async () => {
  await with_directory(async (directory) => {
    const first = open_writer(directory);
    first.append(note("whole"));
    await first.close();
    appendFileSync(first.path, '{"seq":1,"wall_ti');
    expect(problems_of(await items_of(first.path))).toEqual(["2: truncated: the last line is unfinished (17 bytes)"]);
    const second = open_writer(directory);
    second.append(note("after"));
    await second.close();
    const items = await items_of(second.path);
    expect(problems_of(items)).toEqual([]);
    expect(texts_of(items)).toEqual(["whole", expect.stringContaining("17 bytes was put aside"), "after"]);
    expect(readFileSync(`${first.path}.torn`, "utf8")).toBe('{"seq":1,"wall_ti\n');
  });
});

test("a tampered last line is never built upon: the file is rotated and the new chain says why", async () => {
  await with_directory(async (directory) => {
    const path = join(directory, "audit.jsonl");
    writeFileSync(path, '{"forged":true}\n');
    const writer = open_writer(directory);
    await writer.flush();
    await writer.close();
    expect(readFileSync(`${path}.1`, "utf8")).toBe('{"forged":true}\n');
    const items = await items_of(path);
    expect(texts_of(items)[0]).toStartWith("chain restarted: ");
    expect(problems_of(items)).toHaveLength(2);
  });
});

test("rotation is bounded in files and bytes and keeps the chain", async () => {
  await with_directory(async (directory) => {
    const max_bytes = 4096;
    const writer = open_writer(directory, { max_bytes, keep: 2 });
    for (let i = 0; i < 200; i++) {
      writer.append(note(`${i} ${"x".repeat(200)}`));
      if (i % 7 === 0) await writer.flush();
    }
    await writer.close();
    const names = readdirSync(directory).sort();
    expect(names).toEqual(["audit.jsonl", "audit.jsonl.1", "audit.jsonl.2"]);
    for (const name of names) expect(statSync(join(directory, name)).size).toBeLessThanOrEqual(max_bytes);
    const items = await items_of(writer.path);
    expect(problems_of(items)).toEqual([]);
    expect(texts_of(items).at(-1)).toStartWith("199 ");
  });
});

test("a full queue loses the newest, counts them, and says so in the next line", async () => {
  await with_directory(async (directory) => {
    const writer = open_writer(directory);
    for (let i = 0; i < 1024; i++) expect(writer.append(note(String(i)))).not.toBe("");
    expect(writer.append(note("lost"))).toBe("");
    expect(writer.append(note("lost too"))).toBe("");
    await writer.flush();
    writer.append(note("next"));
    await writer.close();
    const items = await items_of(writer.path);
    expect(problems_of(items)).toEqual([]);
    const last = items.at(-1)!;
    expect(last.type === "record" && last.record.lost).toBe(2);
    expect(items).toHaveLength(1025);
  });
});

test("an entry beyond the line bound is replaced by a note, not written", async () => {
  await with_directory(async (directory) => {
    const writer = open_writer(directory);
    writer.append(note("y".repeat(2_000_000)));
    await writer.close();
    expect(texts_of(await items_of(writer.path))).toEqual([expect.stringContaining("longer than 1048576 bytes")]);
  });
});

test("entries survive a write that fails and are written when it works again", async () => {
  await with_directory(async (directory) => {
    const max_bytes = 65_536;
    const writer = open_writer(directory, { max_bytes, keep: 1 });
    writer.append(note("z".repeat(60_000)));
    await writer.flush();
    mkdirSync(`${writer.path}.1`);
    writeFileSync(join(`${writer.path}.1`, "in-the-way"), "");
    writer.append(note("z".repeat(50_000)));
    await writer.flush();
    expect(writer.trouble).toContain("audit.jsonl");
    // A disk that refused is not asked at every beat, but asked again also where no other entry comes.
    writer.turn(10e9);
    await writer.flush();
    writer.turn(10.9e9);
    expect(writer.busy).toBe(false);
    writer.turn(11.1e9);
    expect(writer.busy).toBe(true);
    await writer.flush();
    rmSync(`${writer.path}.1`, { recursive: true });
    await writer.close();
    expect(writer.trouble).toBeNull();
    expect(existsSync(`${writer.path}.1`)).toBe(true);
    expect(problems_of(await items_of(writer.path))).toEqual([]);
  });
});

test("a path that cannot be opened is the operator's error with a way out", async () => {
  await with_directory(async (directory) => {
    writeFileSync(join(directory, "file"), "");
    const path = join(directory, "file", "audit.jsonl");
    expect(() => open_writer(directory, { path })).toThrow(OperatorError);
    expect(() => open_writer(directory, { path })).toThrow(path);
  });
});
