import { describe, expect, test } from "bun:test";
import { agent_label, cells_of, folder_of } from "../../lab/cells.ts";
import { parse_options, parse_summary_options, UsageError } from "../../lab/options.ts";
import { guest_environment, guest_plan, scenario_named } from "../../lab/scenario.ts";

describe("parse_options", () => {
  test("defaults", () => {
    const o = parse_options(["payment"]);
    expect(o.agents).toEqual(["hosa"]);
    expect([o.kernels, o.clock, o.runs, o.seed, o.compare]).toEqual([["6.12"], "virtual", 1, 1, false]);
    expect([o.jobs, o.high_mb]).toEqual([2, [512]]);
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
    [["payment", "--agent", "memory-high", "--high", "512,900"], "compare"],
    [["compare", "payment", "--high", "512,x"], "--high"],
    [["compare", "payment", "--jobs", "0"], "--jobs"],
    [["payment", "--unknown"], "unknown"],
  ])("%p is refused and the message says why", (argv, says) => {
    expect(() => parse_options(argv)).toThrow(UsageError);
    expect(() => parse_options(argv)).toThrow(says);
  });
});

test("a guest is told its scenario as shell variables and a plan", () => {
  const job = {
    agent: "none",
    seed: 3,
    age_s: 60,
    after_s: 120,
    rps: 100,
    high_bytes: 1,
    high_at_onset: false,
    reserve_bytes: 0,
  };
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
  const job = {
    agent: "hosa",
    seed: 1,
    age_s: 60,
    after_s: 120,
    rps: 100,
    high_bytes: 1,
    high_at_onset: false,
    reserve_bytes: 0,
  };
  expect(guest_environment(scenario_named("node-leak"), job)).toContain("PAYMENT_MAX='max'\n");
  expect(guest_environment(scenario_named("payment"), job)).toContain("PAYMENT_MAX='1073741824'\n");
});

test("summary names a folder and what to choose from it", () => {
  expect(parse_summary_options(["d", "--agent", "hosa", "-o", "json"])).toEqual({
    ...{ out: "d", scenario: null, agent: "hosa", kernel: null, output: "json" },
  });
  for (const argv of [[], ["--agent", "hosa"], ["d", "--runs", "2"], ["d", "-o", "xml"]]) {
    expect(() => parse_summary_options(argv)).toThrow(UsageError);
  }
});

describe("cells", () => {
  test("each seed goes through all kernels and agents; a limit is a cell of its own", () => {
    const options = parse_options(
      "compare payment --kernel 6.1,6.12 --agent none,memory-high --high 512,900 --runs 2".split(" "),
    );
    const cells = cells_of(options);
    expect(cells.length).toBe(12);
    expect(cells.slice(0, 3).map((c) => [c.seed, c.kernel, c.agent, c.high_mb])).toEqual([
      [1, "6.1", "none", null],
      [1, "6.1", "memory-high", 512],
      [1, "6.1", "memory-high", 900],
    ]);
    expect(cells.slice(6).every((c) => c.seed === 2)).toBe(true);
  });

  test("swap set aside is a cell of its own, and only of those that can use it", () => {
    const options = parse_options(
      "compare inline --agent restart,memory-high,hosa --high 887 --reserve 0,8192".split(" "),
    );
    expect(cells_of(options).map((cell) => agent_label(cell, false))).toEqual([
      "restart",
      "memory-high 887M",
      "memory-high 887M swap 8192M",
      "hosa",
      "hosa reserve 8192M",
    ]);
    expect(() => parse_options(["inline", "--reserve", "0,1"])).toThrow("compare");
  });

  test("a cell's folder tells it apart from every other", () => {
    const options = parse_options("compare payment --agent none,memory-high,oomd-high --high 512,900".split(" "));
    const names = [false, true].flatMap((at_onset) =>
      cells_of(options)
        .filter((c) => c.high_mb !== null || !at_onset)
        .map((c) => folder_of("payment", c.kernel, agent_label(c, at_onset), c.seed)),
    );
    expect(new Set(names).size).toBe(9);
    expect(names).toContain("payment-6.12-none-1");
    expect(names).toContain("payment-6.12-memory-high-512M-at-onset-1");
    expect(names.join()).not.toContain(" ");
  });
});
