import { expect, test } from "bun:test";
import { appendFileSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Ledger, type NewEntry } from "../../src/motor/ledger.ts";
import { LedgerBusy } from "../../src/motor/lock.ts";
import { Refusal } from "../../src/motor/trouble.ts";

const ENTRY: NewEntry = {
  containment: "a",
  rung: "cpu_max",
  target: { cgroup_id: 7, path: "/app", pid: null, tid: null, comm: null },
  mount: "/cg",
  cgroup_id: 7,
  path: "/app",
  kind: "file",
  file: "cpu.max",
  prior: "max 100000",
  intended: "50000 100000",
  threads: [],
};

function scratch() {
  const path = mkdtempSync(join(tmpdir(), "hosa-ledger-"));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}

test("open entries outlive the ledger, closed ones do not", () => {
  using directory = scratch();
  const first = new Ledger(directory.path);
  const kept = first.open(ENTRY);
  first.close_entry(first.open(ENTRY).id);
  first.close();
  const second = new Ledger(directory.path);
  expect(second.entries()).toEqual([kept]);
  expect(second.open(ENTRY).id).not.toBe(kept.id);
  second.close();
});

test("an adjusted entry remembers its own value and the one before", () => {
  using directory = scratch();
  const first = new Ledger(directory.path);
  first.adjust(first.open(ENTRY), "40000 100000");
  first.close();
  const second = new Ledger(directory.path);
  expect(second.entries()[0]).toMatchObject({
    prior: "max 100000",
    intended: "40000 100000",
    superseded: "50000 100000",
  });
  second.close();
});

test("a torn last line is skipped and does not swallow the next one", () => {
  using directory = scratch();
  const first = new Ledger(directory.path);
  const kept = first.open(ENTRY);
  first.close();
  appendFileSync(`${directory.path}/ledger.jsonl`, '{"op":"close","id":"');
  const second = new Ledger(directory.path);
  const added = second.open(ENTRY);
  second.close();
  const third = new Ledger(directory.path);
  expect(third.entries()).toEqual([kept, added]);
  third.close();
});

test("entries of another boot are ignored", () => {
  using directory = scratch();
  const first = new Ledger(directory.path, { boot_id: "one" });
  first.open(ENTRY);
  first.close();
  const second = new Ledger(directory.path, { boot_id: "two" });
  expect(second.entries()).toEqual([]);
  second.close();
});

test("a second ledger is refused while the first lives, naming the process", () => {
  using directory = scratch();
  const first = new Ledger(directory.path);
  expect(() => new Ledger(directory.path)).toThrow(LedgerBusy);
  expect(() => new Ledger(directory.path)).toThrow(String(process.pid));
  first.close();
  new Ledger(directory.path).close();
});

test("the lock of a dead process, or of a reused pid, is taken over", () => {
  using directory = scratch();
  const boot_id = readFileSync("/proc/sys/kernel/random/boot_id", "latin1").trim();
  for (const stale of [`2147483646 5 ${boot_id}`, `${process.pid} 1 ${boot_id}`, `${process.pid} 1 other-boot`, ""]) {
    writeFileSync(`${directory.path}/ledger.lock`, stale);
    new Ledger(directory.path).close();
  }
});

test("at most 256 entries are open", () => {
  using directory = scratch();
  const ledger = new Ledger(directory.path);
  for (let count = 0; count < 256; count += 1) ledger.open(ENTRY);
  expect(() => ledger.open(ENTRY)).toThrow(Refusal);
  ledger.close();
});

test("the file is compacted when nothing is open, and when adjusting made it long", () => {
  using directory = scratch();
  const ledger = new Ledger(directory.path);
  let entry = ledger.open(ENTRY);
  for (let count = 0; count < 40; count += 1) entry = ledger.adjust(entry, String(count).padStart(20_000));
  expect(statSync(`${directory.path}/ledger.jsonl`).size).toBeLessThan(300_000);
  ledger.close_entry(entry.id);
  expect(statSync(`${directory.path}/ledger.jsonl`).size).toBe(0);
  ledger.close();
});
