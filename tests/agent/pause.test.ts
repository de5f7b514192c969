import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { new_pause, PauseKeeper } from "../../src/agent/pause.ts";
import { type Clocks, pause_path, read_pause, write_pause } from "../../src/agent/pause_file.ts";
import type { AuditEntry } from "../../src/model/audit.ts";

const S = 1e9;
const OPERATOR = { uid: 0, pid: 4711 };
const WALL_S = 1_800_000_000;
const NOW: Clocks = { boot_id: "this", now_ns: 100 * S, wall_s: WALL_S };
const wall_time_of = (ago_ns: number) => new Date(WALL_S * 1000 - ago_ns / 1e6).toISOString();
const request = (for_s = 600) => ({ for_s, reason: "kernel upgrade", keeps: false });
const pause = (for_s = 600) => new_pause(request(for_s), OPERATOR, NOW.now_ns, wall_time_of);

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "hosa-pause-"));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const at = (over: Partial<Clocks>) => read_pause(directory, { ...NOW, ...over });

describe("a saved pause", () => {
  beforeEach(async () => await write_pause(directory, NOW.boot_id, pause()));

  test("is read within the boot by the monotonic clock, whatever the wall clock was set to", () => {
    expect(at({ now_ns: 400 * S, wall_s: WALL_S + 1e6 })).toMatchObject({ pause: { until_ns: 700 * S, by: OPERATOR } });
    expect(at({ now_ns: 700 * S })).toEqual({ pause: null });
  });

  test("survives a reboot by the wall clock", () => {
    const rebooted = { boot_id: "next", now_ns: 20 * S };
    expect(at({ ...rebooted, wall_s: WALL_S + 200 })).toMatchObject({ pause: { until_ns: 420 * S } });
    expect(at({ ...rebooted, wall_s: WALL_S + 600 })).toEqual({ pause: null });
  });

  test("is never longer than it was asked for, also when the clock was set back", () => {
    expect(at({ boot_id: "next", now_ns: 20 * S, wall_s: WALL_S - 1e6 })).toMatchObject({
      pause: { until_ns: 620 * S },
    });
  });

  test("belongs to its writer and is whole: nothing else lies beside it", () => {
    expect(readdirSync(directory)).toEqual(["pause.json"]);
    expect(statSync(pause_path(directory)).mode & 0o137).toBe(0);
  });

  test.each([
    ["no JSON", "{"],
    ["another version", JSON.stringify({ version: 2 })],
    ["too long a pause", JSON.stringify({ ...JSON.parse("{}"), version: 1, for_s: 1e9 })],
    ["a reason of two lines", null],
    ["far too large", " ".repeat(20_000)],
  ])("that is damaged is refused: %s", (_what, text) => {
    const saved = JSON.parse(readFileSync(pause_path(directory), "utf8"));
    writeFileSync(pause_path(directory), text ?? JSON.stringify({ ...saved, reason: "a\nb" }));
    expect(at({})).toMatchObject({ refused: expect.stringContaining(pause_path(directory)) });
  });
});

test("without a file there is no pause", () => {
  expect(at({})).toEqual({ pause: null });
});

test.each([0, -1, 86_401, Number.NaN])("a pause of %p s is none", (for_s) => {
  expect(() => new_pause(request(for_s), OPERATOR, 0, wall_time_of)).toThrow(RangeError);
});

describe("the keeper of an agent's pause", () => {
  const made = (state_dir = directory) => {
    const entries: AuditEntry[] = [];
    const said: string[] = [];
    const clock = { ...NOW };
    const keeper = new PauseKeeper({
      state_dir,
      clocks: () => clock,
      wall_time_of,
      record: (entry) => entries.push(entry),
      on_message: (_level, text) => said.push(text),
    });
    return { keeper, entries, said, clock };
  };

  test("gives it to the decision until its time is up, saves it, and records who asked", async () => {
    const { keeper, entries, said } = made();
    expect(keeper.input(NOW.now_ns)).toBeUndefined();
    const { pause: begun, saved } = keeper.begin(request(), OPERATOR);
    await saved;
    expect(begun).toMatchObject({ until: "2027-01-15T08:10:00.000Z", began: "2027-01-15T08:00:00.000Z" });
    expect(keeper.input(699 * S)).toBe(begun);
    expect(keeper.input(700 * S)).toBeUndefined();
    expect(at({})).toMatchObject({ pause: begun });
    expect(entries).toMatchObject([
      { kind: "pause", resumed: false, pause: { by: OPERATOR, reason: "kernel upgrade" } },
    ]);
    expect(said.join()).toContain("paused until 2027-01-15T08:10:00.000Z by uid 0");
  });

  test("ends it by itself, once, and takes the file away", async () => {
    const { keeper, entries, clock } = made();
    await keeper.begin(request(), OPERATOR).saved;
    keeper.turn(699 * S);
    expect(keeper.current).not.toBeNull();
    clock.now_ns = 700 * S;
    keeper.turn(clock.now_ns);
    keeper.turn(clock.now_ns);
    await keeper.close();
    expect(keeper.current).toBeNull();
    expect(existsSync(pause_path(directory))).toBe(false);
    expect(entries.map(({ kind }) => kind)).toEqual(["pause", "resume"]);
    expect(entries[1]).not.toHaveProperty("by");
  });

  test("an operator ends it earlier; of none there is nothing to end", async () => {
    const { keeper, entries } = made();
    expect(await keeper.end(OPERATOR)).toBeNull();
    const { pause: begun, saved } = keeper.begin(request(), OPERATOR);
    await saved;
    expect(await keeper.end(OPERATOR)).toBe(begun);
    expect(at({})).toEqual({ pause: null });
    expect(entries.at(-1)).toMatchObject({ kind: "resume", by: OPERATOR });
  });

  test("a successor takes it up once, and the same one is no news at a reload", async () => {
    await made().keeper.begin(request(), OPERATOR).saved;
    const { keeper, said } = made();
    expect(keeper.load()).toMatchObject({ reason: "kernel upgrade" });
    expect(keeper.load()).toBeNull();
    expect(said).toHaveLength(1);
  });

  test("where it cannot be saved it holds, and that is said", async () => {
    const file = join(directory, "file");
    writeFileSync(file, "");
    const { keeper, said } = made(join(file, "state"));
    await keeper.begin(request(), OPERATOR).saved;
    expect(keeper.input(NOW.now_ns)).toBeDefined();
    expect(keeper.trouble).toContain("the pause cannot be saved");
    expect(said.at(-1)).toContain("ENOTDIR");
  });

  test("a damaged file is said and is no pause", () => {
    writeFileSync(pause_path(directory), "{");
    const { keeper, said } = made();
    expect(keeper.load()).toBeNull();
    expect(keeper.input(NOW.now_ns)).toBeUndefined();
    expect(said.join()).toContain("a saved pause is not taken up");
  });

  test("one after the other: the file is that of the last word", async () => {
    const { keeper } = made();
    void keeper.begin(request(60), OPERATOR);
    void keeper.end(OPERATOR);
    void keeper.begin(request(120), OPERATOR);
    await keeper.close();
    expect(at({})).toMatchObject({ pause: { for_s: 120 } });
  });
});
