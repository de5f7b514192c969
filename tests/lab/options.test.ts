import { describe, expect, test } from "bun:test";
import { parse_options, UsageError } from "../../lab/options.ts";
import { guest_environment, guest_plan, scenario_named } from "../../lab/scenario.ts";
import { by_kernel, spread, type TimedResult } from "../../lab/table.ts";

describe("parse_options", () => {
  test("defaults", () => {
    const o = parse_options(["payment"]);
    expect(o.agents).toEqual(["hosa"]);
    expect([o.kernels, o.clock, o.runs, o.seed, o.compare]).toEqual([["6.12"], "virtual", 1, 1, false]);
  });

  test("compare runs the scenario under several agents", () => {
    const o = parse_options(["compare", "payment-inline", "--agent", "none,restart", "--runs", "3"]);
    expect(o.compare).toBe(true);
    expect(o.agents).toEqual(["none", "restart"]);
    expect(o.runs).toBe(3);
  });

  test("compare takes several kernels, and by default every agent", () => {
    const o = parse_options(["compare", "payment", "--kernel", "6.1,6.18"]);
    expect(o.kernels).toEqual(["6.1", "6.18"]);
    expect(o.agents).toEqual(["none", "hosa", "memory-high", "restart", "earlyoom", "oomd"]);
  });

  test.each([
    [["nonsense"], "nonsense"],
    [[], "no scenario"],
    [["payment", "--runs", "0"], "--runs"],
    [["payment", "--kernel", "5.4"], "5.4"],
    [["payment", "--agent", "none,hosa"], "compare"],
    [["payment", "--kernel", "6.1,6.12"], "compare"],
    [["payment", "--unknown"], "unknown"],
  ])("%p is refused and the message says why", (argv, says) => {
    expect(() => parse_options(argv)).toThrow(UsageError);
    expect(() => parse_options(argv)).toThrow(says);
  });
});

test("a guest is told its scenario as shell variables and a plan", () => {
  const job = { agent: "none", seed: 3, age_s: 60, after_s: 120, rps: 100, high_bytes: 1, high_at_onset: false };
  const environment = guest_environment(scenario_named("inline"), job);
  expect(environment).toContain("--leak inline 50 --rps 100'\n");
  expect(environment).toContain("AFTER_S='120'\n");
  expect(guest_plan(scenario_named("inline"))).toBe("");
  expect(guest_plan(scenario_named("cron"))).toBe("2 cron batch.slice /job/churn burst 50 5\n");
});

test("a short name means the same scenario", () => {
  for (const alias of ["fast", "slow", "inline", "lock", "jvm"]) {
    expect(scenario_named(alias)).toBe(scenario_named(`payment-${alias}`));
  }
});

test("a scenario on the node's own memory has no limit", () => {
  const job = { agent: "hosa", seed: 1, age_s: 60, after_s: 120, rps: 100, high_bytes: 1, high_at_onset: false };
  expect(guest_environment(scenario_named("node-leak"), job)).toContain("PAYMENT_MAX='max'\n");
  expect(guest_environment(scenario_named("payment"), job)).toContain("PAYMENT_MAX='1073741824'\n");
});

test("spread: median, least and most", () => {
  expect(spread([3, 1, 2])).toEqual({ median: 2, least: 1, most: 3 });
  expect(spread([4, 1, 2, 3])).toEqual({ median: 2.5, least: 1, most: 4 });
  expect(spread([])).toBeNull();
});

test("by_kernel: a row per kernel and agent, columns under their heads", () => {
  const run = (kernel: string, agent: string, served_ratio: number) =>
    ({
      ...{ kernel, agent, seed: 1, served_ratio, p99_ratio: null, worst_ms: 2000, kills: 1 },
      ...{ transactions: { sent: 9, acknowledged: 9, lost: 0 }, neighbour: { served_ratio: 1 } },
      ...{ seen_ms: null, acted_ms: null, stable_ms: null, memory_at_end_mb: 12, psi_full: 0 },
    }) as unknown as TimedResult;
  const rows = by_kernel([run("6.1", "none", 0.5), run("6.12", "hosa", 1)]).split("\n");
  expect(rows.map((row) => row.trim().split(/\s+/).slice(0, 4))).toEqual([
    ["kernel", "agent", "seed", "served"],
    ["6.1", "none", "1", "50.0"],
    ["6.12", "hosa", "1", "100.0"],
  ]);
  expect(new Set(rows.map((row) => row.length)).size).toBe(1);
});
