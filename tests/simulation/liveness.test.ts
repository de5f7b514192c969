import { describe, expect, test } from "bun:test";
import type { Progress } from "../../src/model/search.ts";
import { CONFIG, MIB } from "../decision/fixtures.ts";
import { SCENARIOS, simulate } from "./service.ts";

const SEEDS = [1, 2, 3, 4, 5];
/** Four workers with ten requests a second each, that write nothing. */
const QUIET: Progress = { waits_per_s: 41, cpu_share: 0.1, computing_share: 0, answers_per_s: null, moving: 4 };
const STUCK: Progress = { waits_per_s: 1, cpu_share: 0, computing_share: 0, answers_per_s: null, moving: 0 };
/** The same with an answer written for each request, 100 a second. */
const WRITING: Progress = { ...QUIET, waits_per_s: 300, answers_per_s: 100 };
const SILENT: Progress = { ...STUCK, answers_per_s: 0 };

/** What a service does while its leaking thread runs, and what it looks like while that thread stands still with its lock. */
const KINDS: readonly (readonly [string, Progress, Progress])[] = [
  ["sleep until the lock is free", QUIET, STUCK],
  [
    "spin: they have more CPU time than ever, and wait for nothing",
    QUIET,
    { ...STUCK, cpu_share: 4, computing_share: 4 },
  ],
  ["yield: never a wait, all the CPU time", QUIET, { ...STUCK, cpu_share: 2, computing_share: 2 }],
  [
    "sleep for 50 us again and again: a thousand times as many waits",
    QUIET,
    { ...QUIET, waits_per_s: 36_000, cpu_share: 1.5 },
  ],
  ["wait with a timeout, as for the lock of an interpreter", QUIET, { ...QUIET, waits_per_s: 800 }],
  [
    "spin beside one that looks at a clock all the time",
    { ...QUIET, waits_per_s: 1041, moving: 5 },
    { ...STUCK, waits_per_s: 1000, cpu_share: 4, computing_share: 4, moving: 1 },
  ],
  [
    "sleep beside one that looks at a clock all the time",
    { ...QUIET, waits_per_s: 1041, moving: 5 },
    { ...STUCK, waits_per_s: 1000, moving: 1 },
  ],
  ["answer no more, though they wait and compute as before", WRITING, { ...WRITING, answers_per_s: 0 }],
  [
    "answer no more, and sleep again and again",
    WRITING,
    { ...WRITING, waits_per_s: 36_000, cpu_share: 2, answers_per_s: 0 },
  ],
  ["compute no more: their work was computing", { ...STUCK, cpu_share: 2, computing_share: 2, moving: 0 }, STUCK],
  [
    "log on, while all that work sleep",
    { ...WRITING, waits_per_s: 100, answers_per_s: 60, moving: 8 },
    { ...SILENT, waits_per_s: 20, answers_per_s: 40, moving: 1 },
  ],
];

describe("peers of a held thread that has their lock, and", () => {
  for (const [name, working, stuck] of KINDS) {
    test(`${name}: are missed within a second, and the thread is caught without it`, () => {
      for (const seed of SEEDS) {
        const run = simulate(SCENARIOS.shared(0.3, working, stuck), CONFIG, seed);
        expect(run.killed_s).toBeNull();
        expect(run.longest_stall_s).toBeLessThan(1.3);
        expect(run.served).toBeGreaterThan(0.95 * run.wanted);
        expect(run.verdicts.map(({ verdict }) => verdict)).toEqual(["effective"]);
      }
    }, 30_000);

    test(`${name}: a thread that never lets go of it is given up, and never said to be held with effect`, () => {
      for (const seed of SEEDS) {
        const run = simulate(SCENARIOS.shared(1, working, stuck), CONFIG, seed);
        expect(run.killed_s).toBeNull();
        expect(run.longest_stall_s).toBeLessThan(1.3);
        const held = run.verdicts.slice(0, run.verdicts.findIndex(({ verdict }) => verdict === "harmful") + 1);
        expect(held.map(({ verdict }) => verdict)).toEqual(["harmful"]);
      }
    }, 30_000);
  }
});

test.each([
  // Peers that sleep do not compete with the thread for a processor: it takes less time.
  ["sleep", STUCK, 1.5],
  ["spin", { ...STUCK, cpu_share: 2, computing_share: 2 }, 3],
  ["sleep again and again", { ...QUIET, waits_per_s: 36_000, cpu_share: 1.5 }, 3],
] as const)(
  "peers that %s are waited for when the thread takes seconds to give their lock back: that is no load that fell",
  (_name, stuck, slow_s) => {
    for (const seed of SEEDS) {
      const slow = { ...SCENARIOS.shared(0.3, QUIET, stuck), slow_s };
      const run = simulate(slow, CONFIG, seed);
      expect(run.killed_s).toBeNull();
      // A stretch is the time until it is noticed, and those seconds.
      expect(run.longest_stall_s).toBeLessThan(slow_s + 1.3);
      expect(run.served).toBeGreaterThan(0.8 * run.wanted);
    }
  },
  30_000,
);

/** What a service does before the hold, and beside a held thread without any lock, although something of it is less. */
const ALIVE: readonly (readonly [string, Progress, Progress])[] = [
  ["compute as before", { ...STUCK, cpu_share: 3, computing_share: 3 }, { ...STUCK, cpu_share: 3, computing_share: 3 }],
  [
    "poll all the time, before and after",
    { ...STUCK, cpu_share: 4, computing_share: 4 },
    { ...STUCK, cpu_share: 4, computing_share: 4 },
  ],
  ["no longer fight over a lock: a third of the waits, as many answers", { ...WRITING, waits_per_s: 900 }, WRITING],
  ["no longer spin for it: less CPU time, as many waits", { ...QUIET, cpu_share: 1 }, QUIET],
  ["get twice as many requests", WRITING, { ...WRITING, waits_per_s: 600, cpu_share: 0.2, answers_per_s: 200 }],
  ["get three times as many requests", QUIET, { ...QUIET, waits_per_s: 123, cpu_share: 0.3 }],
];

describe("peers that go on beside a held thread, and", () => {
  for (const [name, before, beside] of ALIVE) {
    test(`${name}: are left to it, and the hold is effective`, () => {
      for (const seed of SEEDS) {
        // Nothing is locked: what they do beside the held thread is what they do from then on.
        const scenario = { ...SCENARIOS.leak(50), peers: { working: beside, stuck: beside }, peers_before: before };
        const run = simulate(scenario, CONFIG, seed);
        expect(run.killed_s).toBeNull();
        expect(run.verdicts.map(({ verdict }) => verdict)).toEqual(["effective"]);
        expect(run.thaws).toBe(0);
        expect(run.memory_bytes.at(-1)! - run.memory_bytes[500]!).toBeLessThan(40 * MIB);
      }
    }, 30_000);
  }
});

test("a load that falls is told from a lock: the thread is thawed once, and later ever more rarely", () => {
  const idle: Progress = { ...WRITING, waits_per_s: 45, answers_per_s: 15, moving: 1 };
  const scenario = {
    ...SCENARIOS.leak(10),
    peers: { working: idle, stuck: idle },
    peers_before: WRITING,
    duration_s: 300,
  };
  for (const seed of SEEDS) {
    const run = simulate(scenario, CONFIG, seed);
    expect(run.verdicts.map(({ verdict }) => verdict)).toEqual(["effective"]);
    expect(run.thaws).toBeGreaterThan(1);
    expect(run.thaws).toBeLessThan(6);
    expect(run.live_at_end).toBe(1);
  }
}, 30_000);
