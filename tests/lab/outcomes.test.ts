import { describe, expect, test } from "bun:test";
import { summaries_of, summary_text } from "../../lab/aims.ts";
import { compare_table } from "../../lab/compare.ts";
import { markdown_table, spread, spread_text } from "../../lab/markdown.ts";
import {
  type FailedRun,
  missing_runs,
  parse_failures,
  parse_result,
  reason_of,
  type TimedResult,
} from "../../lab/outcome.ts";

/** A run that meets every aim. */
const GOOD: TimedResult = {
  ...{ scenario: "payment", agent: "hosa", kernel: "6.12", clock: "virtual", seed: 1 },
  ...{ onset_ms: 64_000, seen_ms: 250, acted_ms: 600, stable_ms: 3100, growth_after_action_mb_s: 0.4 },
  ...{ kills: 0, first_kill_ms: null, processes_lost: 0, first_lost_ms: null, culprit: null },
  transactions: { sent: 18_000, acknowledged: 18_000, lost: 0 },
  ...{ served_ratio: 1, p99_ratio: 1.2, worst_ms: 12 },
  neighbour: { served_ratio: 1, p99_ratio: 1, worst_ms: 9, lost: 0 },
  ...{
    psi_full: 0.01,
    psi_full_stable: 0,
    touched: [],
    interventions: 1,
    memory_at_end_mb: 300,
    swap_at_end_mb: 0,
    timeline: [],
  },
  ...{ wall_s: 90, cpu_s: 88 },
};
const KILLED: Partial<TimedResult> = {
  ...{ agent: "none", seen_ms: null, acted_ms: null, stable_ms: null, psi_full_stable: null, served_ratio: 0.15 },
  ...{ kills: 1, first_kill_ms: 18_460, processes_lost: 1, first_lost_ms: 18_780 },
};
const FAILED: FailedRun = { ...label(GOOD), seed: 3, failed: "Kernel panic - not syncing: Fatal exception" };

function label({ scenario, agent, kernel, clock, seed }: TimedResult) {
  return { scenario, agent, kernel, clock, seed };
}

function run(changes: Partial<TimedResult>): TimedResult {
  return { ...GOOD, ...changes };
}

function cells_of_row(table: string, starts: string): string[] {
  const row = table.split("\n").find((line) => line.startsWith(starts));
  return row === undefined
    ? []
    : row
        .slice(1, -1)
        .split("|")
        .map((cell) => cell.trim());
}

test("spread: median, least and most", () => {
  expect(spread([3, 1, 2])).toEqual({ median: 2, least: 1, most: 3 });
  expect(spread([4, 1, 2, 3])).toEqual({ median: 2.5, least: 1, most: 4 });
  expect(spread([])).toBeNull();
});

test("spread_text: a range only where there is one, and how many values are missing", () => {
  expect(spread_text([3, 1, 2], 1)).toBe("2.0 [1.0–3.0]");
  expect(spread_text([2, 2], 0)).toBe("2");
  expect(spread_text([null, 5, null], 0)).toBe("5 in 1 of 3");
  expect(spread_text([null], 0)).toBe("–");
});

test("markdown_table: a head, a rule and columns of equal width", () => {
  expect(
    markdown_table(
      [
        ["a", "number"],
        ["long", "1"],
      ],
      1,
    ).split("\n"),
  ).toEqual(["| a    | number |", "|------|-------:|", "| long |      1 |"]);
});

describe("compare_table", () => {
  const results = [
    run({ seed: 1 }),
    run({ seed: 2, seen_ms: 290, stable_ms: 3500 }),
    run({ ...KILLED, kernel: "6.1" }),
    run({ ...KILLED, kernel: "6.12" }),
    run({ ...KILLED, agent: "earlyoom", kills: 0, first_kill_ms: null, first_lost_ms: 16_000 }),
  ];

  test("one row per agent and kernel, agents together", () => {
    const rows = compare_table({ results, failures: [] }).split("\n").slice(2);
    expect(
      rows.map((row) =>
        row
          .slice(1)
          .split("|")
          .slice(0, 3)
          .map((cell) => cell.trim()),
      ),
    ).toEqual([
      ["hosa", "6.12", "2"],
      ["none", "6.1", "1"],
      ["none", "6.12", "1"],
      ["earlyoom", "6.12", "1"],
    ]);
  });

  test("several runs are a median with its range; a kill counts whoever made it", () => {
    const table = compare_table({ results, failures: [] });
    const head = cells_of_row(table, "| agent");
    const cell = (starts: string, column: string): string | undefined =>
      cells_of_row(table, starts)[head.indexOf(column)];
    expect(cell("| hosa", "seen, ms")).toBe("270 [250–290]");
    expect(cell("| hosa", "kills")).toBe("0");
    expect(cell("| hosa", "first at, s")).toBe("–");
    expect(cell("| none", "first at, s")).toBe("18.8");
    expect(cell("| none", "stable, ms")).toBe("–");
    expect([cell("| earlyoom", "kills"), cell("| earlyoom", "first at, s")]).toEqual(["1", "16.0"]);
    expect(cell("| earlyoom", "served, %")).toBe("15.0");
  });

  test("a guest that failed stands in its row and below the table", () => {
    const only_failed = { ...FAILED, agent: "oomd", seed: 1 };
    const table = compare_table({ results, failures: [FAILED, only_failed] });
    expect(cells_of_row(table, "| hosa")[2]).toBe("2 (1 failed)");
    expect(cells_of_row(table, "| oomd")[2]).toBe("0 (1 failed)");
    expect(table).toContain("guest failed: hosa, 6.12, #3: Kernel panic");
    expect(table).toContain("guest failed: oomd, 6.12, #1");
  });
});

describe("summary", () => {
  const results = [run({ seed: 2, stable_ms: null, psi_full_stable: null }), run({ seed: 1 }), run({ ...KILLED })];

  test("counts the runs that meet each aim; an unknown value and a failed guest meet none", () => {
    const [hosa, none] = summaries_of({ results, failures: [FAILED] });
    expect([hosa?.agent, hosa?.runs, hosa?.all_met]).toEqual(["hosa", 3, 1]);
    const met = Object.fromEntries(hosa?.aims.map((a) => [a.aim, a.met]) ?? []);
    expect(met).toEqual({
      ...{ "seen, ms": 2, "acted, ms": 2, "stable, ms": 1, kills: 2, lost: 2, served: 2, "p99, ×": 2 },
      ...{ "neighbour served": 2, "neighbour p99, ×": 2, "full stall once stable": 1 },
    });
    expect([none?.agent, none?.all_met]).toEqual(["none", 0]);
    expect(none?.aims.find((a) => a.aim === "kills")?.met).toBe(0);
  });

  test.each([
    [{ seen_ms: 300, acted_ms: 700, stable_ms: 5000, served_ratio: 0.95, p99_ratio: 1.5 }, 1],
    [{ neighbour: { ...GOOD.neighbour, served_ratio: 0.99, p99_ratio: 1.2 } }, 1],
    [{ seen_ms: 301 }, 0],
    [{ acted_ms: 701 }, 0],
    [{ stable_ms: 5001 }, 0],
    [{ served_ratio: 0.949 }, 0],
    [{ p99_ratio: 1.51 }, 0],
    [{ neighbour: { ...GOOD.neighbour, served_ratio: 0.989 } }, 0],
    [{ neighbour: { ...GOOD.neighbour, p99_ratio: 1.21 } }, 0],
    [{ psi_full_stable: 0.05 }, 0],
    [{ transactions: { sent: 1, acknowledged: 1, lost: null } }, 0],
  ])("the bounds: %p", (changes: Partial<TimedResult>, all_met) => {
    expect(summaries_of({ results: [run(changes)], failures: [] })[0]?.all_met).toBe(all_met);
  });

  test("prints runs by seed, marks what misses its aim, and names failed guests", () => {
    const text = summary_text({ results, failures: [FAILED] });
    expect(text).toContain("payment, hosa, 6.12: 1 of 3 runs meet every aim");
    expect(cells_of_row(text, "| #1").slice(0, 4)).toEqual(["#1", "250", "600", "3100"]);
    expect(cells_of_row(text, "| #2").slice(0, 4)).toEqual(["#2", "250", "600", "–*"]);
    expect(cells_of_row(text, "| median")[3]).toBe("3100 in 1 of 2");
    expect(cells_of_row(text, "| met")[3]).toBe("1 of 3");
    expect(text).toContain("guest failed: #3: Kernel panic");
  });
});

describe("what a folder holds", () => {
  test("a result that is whole, else nothing", () => {
    expect(parse_result(JSON.stringify(GOOD))).toEqual(GOOD);
    for (const text of ["", "{", "[]", "null", '{"scenario":"payment"}', JSON.stringify(label(GOOD))]) {
      expect(parse_result(text)).toBeNull();
    }
  });

  test("failures, one a line; half a line is left out", () => {
    expect(parse_failures(`${JSON.stringify(FAILED)}\n{"scena`)).toEqual([FAILED]);
  });

  test("a cell that failed twice is missing once, one that has a result is not", () => {
    expect(missing_runs({ results: [GOOD], failures: [FAILED, FAILED, { ...FAILED, seed: 1 }] })).toEqual([FAILED]);
  });
});

test("reason_of: the kernel's word first, in one short line", () => {
  const console_tail = "[ 12.3] x\n[ 12.4] Kernel panic - not syncing: Fatal exception in interrupt\n[ 12.5] ---[ end";
  expect(reason_of("qemu ended with status 0 after 40 s", console_tail)).toBe(
    "Kernel panic - not syncing: Fatal exception in interrupt (qemu ended with status 0 after 40 s)",
  );
  expect(reason_of("qemu ended\nwith  | 143", "")).toBe("qemu ended with / 143");
  expect(reason_of("x".repeat(1000), "").length).toBe(200);
});
