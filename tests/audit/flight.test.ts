import { describe, expect, test } from "bun:test";
import { readdirSync, readFileSync, statSync, unlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import fc from "fast-check";
import { FlightRecorder } from "../../src/audit/flight.ts";
import { FlightRing, type SpentBeat } from "../../src/audit/flight_ring.ts";
import { FlightReplay } from "../../src/backtest/flight.ts";
import type { Assessment } from "../../src/model/assessment.ts";
import type { Decision } from "../../src/model/decision.ts";
import type { Level } from "../../src/model/level.ts";
import { assessment, CONFIG } from "../decision/fixtures.ts";
import { SCENARIOS, simulate } from "../simulation/service.ts";
import { with_directory } from "./scratch.ts";

interface Options {
  readonly minutes?: number;
  readonly keep?: number;
  readonly troubles?: string[];
}

function recorder(directory: string, { minutes = 1, keep = 8, troubles = [] }: Options = {}): FlightRecorder {
  let files = 0;
  return new FlightRecorder({
    directory,
    minutes,
    keep,
    origin: { node: "n1", kernel: "6.12.0", hosa_version: "0.1.0", config: CONFIG },
    wall_time: () => `2026-01-02T03:04:${String(files++).padStart(2, "0")}.000Z`,
    on_trouble: (text) => troubles.push(text),
  });
}

/** Lets the recorder write until it has nothing to do, as the loop does between beats. */
async function at_leisure(flight: FlightRecorder): Promise<void> {
  while (flight.busy) {
    flight.at_leisure();
    await new Promise((resolve) => setImmediate(resolve));
  }
}

const lines_of = (path: string) => gunzipSync(readFileSync(path)).toString().trimEnd().split("\n");
const flights_in = (directory: string) => readdirSync(directory).sort();

function replayed(path: string, change: (lines: string[]) => string[] = (lines) => lines) {
  const replay = new FlightReplay(path);
  for (const line of change(lines_of(path))) replay.take(line);
  return replay.summary();
}

/** A beat of no further interest at a level. */
function beat(t_s: number, level: Level): [Assessment, object, Decision] {
  return [assessment({ t_ns: t_s * 1e9 }), { level }, { t_ns: t_s * 1e9, level } as Decision];
}

describe("the ring", () => {
  const at = (t_ns: number, growth: readonly object[] = []) =>
    [assessment({ t_ns, growth: growth as Assessment["growth"] }), {}, { t_ns } as Decision, true] as const;

  test("keeps the last beats in order, bounded in age", () => {
    const ring = new FlightRing(2, 1e6);
    expect(ring.oldest_ns).toBe(Number.POSITIVE_INFINITY);
    for (let t = 1; t <= 7; t++) ring.push(...at(t));
    expect(ring.snapshot().map((one) => one.assessment.t_ns)).toEqual([5, 6, 7]);
    expect(ring.oldest_ns).toBe(5);
  });

  test("keeps fewer when they are large, at least the latest", () => {
    const ring = new FlightRing(1e9, 10_000);
    for (let t = 1; t <= 20; t++) ring.push(...at(t));
    const small = ring.length;
    for (let t = 21; t <= 40; t++) ring.push(...at(t, [{}, {}, {}, {}]));
    expect(small).toBeGreaterThan(ring.length);
    ring.push(...at(41, new Array(100).fill({})));
    expect(ring.snapshot().map((one) => one.assessment.t_ns)).toEqual([41]);
  });
});

describe("what leaves the ring", () => {
  const NONE: SpentBeat = { assessment: null, state: null, decision: null };

  test("is handed out to be written over, once, unless somebody keeps it", () => {
    const ring = new FlightRing(0, 1e6);
    const beats = [1, 2, 3, 4, 5].map((t) => beat(t, 0));
    const desk: SpentBeat = { ...NONE };
    for (const [k, [a, state, decision]] of beats.entries()) {
      ring.push(a, state, decision, k === 1);
      if (k === 2) ring.keep_latest();
    }
    ring.refill(desk);
    expect([desk.assessment, desk.state, desk.decision]).toEqual(beats[3]!);
    expect(desk.assessment).toBe(beats[3]![0]);
    ring.refill(desk);
    expect(desk.assessment).toBe(beats[0]![0]);
    ring.refill(desk);
    expect(desk).toEqual(NONE);
  });

  test("whatever is pushed, kept, copied out and written over in whatever order: what somebody has is never handed out", () => {
    const step = fc.constantFrom("push", "push", "push", "push_kept", "keep_latest", "snapshot", "refill", "refill");
    fc.assert(
      fc.property(
        fc.array(step, { minLength: 100, maxLength: 200 }),
        fc.integer({ min: 0, max: 40 }),
        (steps, most_s) => {
          const ring = new FlightRing(most_s * 1e9, 20_000);
          const theirs = new Set<unknown>();
          const desk: SpentBeat = { ...NONE };
          const own = (values: readonly unknown[]) => {
            for (const value of values) theirs.add(value);
          };
          let latest: readonly unknown[] = [];
          for (const [t, what] of steps.entries()) {
            if (what === "push" || what === "push_kept") {
              latest = beat(t, 0);
              ring.push(...(latest as ReturnType<typeof beat>), what === "push_kept");
              if (what === "push_kept") own(latest);
            } else if (what === "keep_latest") {
              ring.keep_latest();
              own(latest);
            } else if (what === "snapshot") {
              for (const one of ring.snapshot()) own([one.assessment, one.state, one.decision]);
            } else {
              ring.refill(desk);
              for (const value of [desk.assessment, desk.state, desk.decision]) expect(theirs.has(value)).toBe(false);
              if (desk.assessment !== null) own([desk.assessment, desk.state, desk.decision]);
            }
          }
        },
      ),
    );
  });

  test("a flight that waits is written as it was, however often its beats would have been written over since", async () => {
    await with_directory(async (directory) => {
      const flight = recorder(directory, { minutes: 0.5 });
      const desk: SpentBeat = { ...NONE };
      const quiet = (t: number) => {
        flight.refill(desk);
        if (desk.assessment !== null) Object.assign(desk.assessment, { t_ns: -1, d: -1 });
        if (desk.decision !== null) Object.assign(desk.decision, { t_ns: -1, rule: "of another beat" });
        const [a, state, decision] = beat(t, 0);
        const over = Object.assign(desk.decision ?? {}, decision);
        flight.note(Object.assign(desk.assessment ?? {}, a), desk.state ?? state, over, false);
      };
      for (let t = 1; t < 50; t++) quiet(t);
      flight.note(...beat(50, 2));
      for (let t = 51; t < 300; t++) quiet(t);
      await flight.close();
      const [path] = flights_in(directory);
      const times = lines_of(join(directory, path!))
        .slice(1)
        .map((line) => JSON.parse(line).assessment.t_ns / 1e9);
      // Written again when the episode was over, one beat later.
      expect(times).toEqual(Array.from({ length: 31 }, (_, k) => 21 + k));
    });
  });
});

describe("a simulated service's flight", () => {
  test.each([
    ["leak", SCENARIOS.leak(50)],
    ["lock", SCENARIOS.lock(0.3)],
    ["inline", SCENARIOS.inline()],
  ])("%s: decides the same again, bit by bit, although its beginning has left the ring", async (_name, scenario) => {
    await with_directory(async (directory) => {
      const flight = recorder(directory, { minutes: 2 });
      let beats = 0;
      simulate(scenario, CONFIG, 3, (a, state, decision) => {
        flight.note(a, state, decision);
        beats += 1;
      });
      await flight.close();
      expect(beats).toBeGreaterThan(6000);
      for (const name of flights_in(directory)) {
        const summary = replayed(join(directory, name));
        expect(summary).toMatchObject({ identical: true, differing_beats: 0, difference: "", node: "n1" });
        expect(summary.beats).toBeGreaterThan(0);
        expect(summary.beats).toBeLessThanOrEqual(8_388_608 / 1600);
        expect(summary.max_level).toBeGreaterThanOrEqual(2);
      }
      expect(flights_in(directory).length).toBeGreaterThan(0);
    });
  });

  test("tampered: the replay says where it differs", async () => {
    await with_directory(async (directory) => {
      const flight = recorder(directory);
      simulate(SCENARIOS.leak(50), CONFIG, 1, (a, state, decision) => flight.note(a, state, decision));
      await flight.close();
      const path = join(directory, flights_in(directory).at(-1)!);
      const edit = (row: number, change: (line: { assessment: Assessment; decision: Decision }) => object) =>
        replayed(path, (lines) => lines.with(row + 1, JSON.stringify(change(JSON.parse(lines[row + 1]!)))));
      const forged = edit(7, (line) => ({ ...line, decision: { ...line.decision, rule: "because" } }));
      expect(forged).toMatchObject({ identical: false, differing_beats: 1 });
      expect(forged.difference).toMatch(/^beat 7 \(line 9\): decision\.rule: "because" ≠ /);
      const shifted = edit(3, (line) => ({ ...line, assessment: { ...line.assessment, d_smooth: 0.25 } }));
      expect(shifted.identical).toBe(false);
      expect(shifted.difference).toStartWith("beat 3 (line 5): decision.");
      const state = replayed(path, (lines) => {
        const header = JSON.parse(lines[0]!);
        return lines.with(0, JSON.stringify({ ...header, state: { ...header.state, level: 5 } }));
      });
      expect(state.difference).toStartWith("beat 0 (line 2): decision.");
    });
  });

  test("damaged or foreign: refused, with the reason", async () => {
    await with_directory(async (directory) => {
      const flight = recorder(directory);
      simulate(SCENARIOS.leak(50), CONFIG, 1, (a, state, decision) => flight.note(a, state, decision));
      await flight.close();
      const path = join(directory, flights_in(directory)[0]!);
      const header = JSON.parse(lines_of(path)[0]!);
      const with_header = (change: object) => () =>
        replayed(path, (lines) => lines.with(0, JSON.stringify({ ...header, ...change })));
      expect(() => replayed(path, (lines) => lines.slice(0, -1))).toThrow(/truncated: \d+ of \d+ beats are there/);
      expect(() => replayed(path, (lines) => lines.slice(0, 1))).toThrow("truncated: 0 of");
      expect(() => replayed(path, (lines) => lines.slice(1))).toThrow(":1: not a flight");
      expect(with_header({ flight: 99 })).toThrow("a flight of version 99, this program reads 1");
      expect(with_header({ config: null })).toThrow(":1: damaged header");
      expect(with_header({ config: {} })).toThrow(":2: no beat that can be decided");
      expect(with_header({ dimensions: [1] })).toThrow(":1: damaged header");
      expect(() => replayed(path, (lines) => lines.with(4, lines[4]!.slice(0, 50)))).toThrow(":5: not JSON");
      expect(() => replayed(path, (lines) => lines.with(4, "{}"))).toThrow(":5: expected a beat");
    });
  });
});

describe("files", () => {
  test("nothing is written below level 2, nor before there is leisure", async () => {
    await with_directory(async (directory) => {
      const flight = recorder(directory);
      for (let t = 1; t < 50; t++) flight.note(...beat(t, 1));
      expect(flight.busy).toBe(false);
      flight.note(...beat(50, 2));
      expect(flight.busy).toBe(true);
      await new Promise((resolve) => setImmediate(resolve));
      expect(flights_in(directory)).toEqual([]);
      await at_leisure(flight);
      const name = "flight-2026-01-02T030400.000Z.jsonl.gz";
      expect(flights_in(directory)).toEqual([name]);
      expect(statSync(join(directory, name)).mode & 0o777).toBe(0o640);
      expect(lines_of(join(directory, name))).toHaveLength(1 + 50);
    });
  });

  test("when the episode is over the same file is written again, longer", async () => {
    await with_directory(async (directory) => {
      const flight = recorder(directory, { minutes: 2 });
      flight.note(...beat(1, 1));
      flight.note(...beat(2, 2));
      await at_leisure(flight);
      for (let t = 3; t < 90; t++) flight.note(...beat(t, 3));
      flight.note(...beat(90, 1));
      await at_leisure(flight);
      const [name, ...others] = flights_in(directory);
      expect(others).toEqual([]);
      const lines = lines_of(join(directory, name!));
      expect(lines).toHaveLength(1 + 90);
      expect(JSON.parse(lines[0]!)).toMatchObject({ flight: 1, beats: 90, state: { level: 1 }, config: CONFIG });
      expect(JSON.parse(lines[1]!).assessment.dimension_names).toBeUndefined();
    });
  });

  test("an episode longer than the ring keeps its beginning; its end goes beside it", async () => {
    await with_directory(async (directory) => {
      const flight = recorder(directory, { minutes: 0.5 });
      flight.note(...beat(1, 2));
      await at_leisure(flight);
      for (let t = 2; t < 90; t++) flight.note(...beat(t, 2));
      flight.note(...beat(90, 0));
      await at_leisure(flight);
      const [end, beginning] = flights_in(directory);
      expect(end).toBe("flight-2026-01-02T030400.000Z-end.jsonl.gz");
      expect(lines_of(join(directory, end!))).toHaveLength(1 + 31);
      expect(lines_of(join(directory, beginning!))).toHaveLength(1 + 1);
    });
  });

  test("the oldest give way, and what a crash left unfinished", async () => {
    await with_directory(async (directory) => {
      writeFileSync(join(directory, "flight-2020-01-01T000000.000Z.jsonl.gz.new"), "");
      writeFileSync(join(directory, "audit.jsonl"), "");
      const flight = recorder(directory, { keep: 2 });
      for (let t = 1; t <= 10; t++) {
        flight.note(...beat(t, t % 2 === 1 ? 2 : 0));
        await at_leisure(flight);
      }
      const names = flights_in(directory);
      expect(names).toHaveLength(3);
      expect(names[0]).toBe("audit.jsonl");
      expect(names.filter((name) => name.endsWith(".new"))).toEqual([]);
    });
  });

  test("an episode under way at the end is written by close, and nothing is noted after it", async () => {
    await with_directory(async (directory) => {
      const flight = recorder(directory);
      flight.note(...beat(1, 2));
      flight.note(...beat(2, 2));
      await flight.close();
      flight.note(...beat(3, 0));
      expect(flight.busy).toBe(false);
      expect(lines_of(join(directory, flights_in(directory)[0]!))).toHaveLength(1 + 2);
    });
  });

  test("a reload closes what was flown under the old configuration, and both parts are decided again under their own", async () => {
    await with_directory(async (directory) => {
      const flight = recorder(directory);
      const changed = { ...CONFIG, relax_s: CONFIG.relax_s + 1 };
      flight.note(...beat(1, 2));
      flight.note(...beat(2, 2));
      flight.reconfigure(changed);
      await at_leisure(flight);
      flight.note(...beat(3, 2));
      await flight.close();
      const headers = flights_in(directory).map((name) => JSON.parse(lines_of(join(directory, name))[0]!));
      expect(headers.map(({ beats, config }) => [beats, config.relax_s])).toEqual([
        [2, CONFIG.relax_s],
        [1, changed.relax_s],
      ]);
    });
  });

  test("the first beat of all, which has no state before it, is left out", async () => {
    await with_directory(async (directory) => {
      const flight = recorder(directory);
      const [a, , decision] = beat(1, 0);
      flight.note(a, null, decision);
      flight.note(...beat(2, 2));
      await flight.close();
      expect(lines_of(join(directory, flights_in(directory)[0]!))).toHaveLength(1 + 1);
    });
  });

  test("a disk that refuses is said once and hurts nothing; when it works again, so does the recorder", async () => {
    await with_directory(async (directory) => {
      const troubles: string[] = [];
      const place = join(directory, "there");
      const flight = recorder(place, { troubles });
      writeFileSync(place, "a file where the directory should be");
      let t = 0;
      const episode = async () => {
        flight.note(...beat(++t, 2));
        await at_leisure(flight);
        flight.note(...beat(++t, 0));
        await at_leisure(flight);
      };
      await episode();
      await episode();
      expect(troubles).toHaveLength(1);
      expect(troubles[0]).toContain(place);
      // Each of the two episodes would have been written at its beginning and at its end.
      expect([flight.lost, flight.trouble]).toEqual([4, expect.stringContaining(place)]);
      unlinkSync(place);
      await episode();
      expect(flights_in(place)).toHaveLength(1);
      expect(troubles).toHaveLength(1);
    });
  });
});
