import { describe, expect, test } from "bun:test";
import { Alternative } from "../../src/backtest/alternative.ts";
import { WhatIf } from "../../src/backtest/what_if.ts";
import { config_of_settings, default_config } from "../../src/config/index.ts";
import type { AuditEntry, AuditRecord } from "../../src/model/audit.ts";
import type { WhatIfSummary } from "../../src/model/what_if.ts";
import { style } from "../../src/report/style.ts";
import { what_if_text } from "../../src/report/what_if.ts";
import { CONFIG } from "../decision/fixtures.ts";
import { recorded_run } from "../report/episode_fixture.ts";
import { record } from "../report/fixtures.ts";
import { SCENARIOS } from "../simulation/service.ts";
import { type FlightFixture, flight_of, flight_text } from "./flight_fixture.ts";

const LEAK = flight_of();

function set(...settings: readonly string[]): Alternative {
  return new Alternative(
    config_of_settings(settings),
    settings.map((setting) => setting.slice(0, setting.indexOf("="))),
  );
}

function fly(alternative: Alternative, ...flights: readonly (readonly string[])[]): WhatIfSummary {
  const run = new WhatIf(alternative);
  for (const [i, lines] of flights.entries()) {
    const flight = run.flight(`flight-${i}`);
    for (const line of lines) flight.take(line);
    flight.finish();
  }
  return run.summary();
}

function review(alternative: Alternative, entries: readonly AuditEntry[]): WhatIfSummary {
  const run = new WhatIf(alternative);
  const audit = run.audit("audit.jsonl");
  for (const [seq, entry] of entries.entries()) {
    const wall_time = new Date(1_767_323_045_000 + entry.t_ns / 1e6).toISOString();
    audit.add({ ...record(entry, seq), wall_time } as AuditRecord);
  }
  audit.finish();
  return run.summary();
}

describe("another configuration", () => {
  const seen = { ...LEAK.lines[0]!.assessment, dimension_names: LEAK.dimensions };

  test("of single keys changes what they govern in the recorded one, in its units, and nothing else", () => {
    const recorded = { ...CONFIG, trend_s: 9, own_path: "/mine" };
    const other = set("act.sustained_ms=700", "levels.hold_s=[3,4,5,6]", "protect=[/db/**]");
    expect(other.config(recorded)).toEqual({
      ...recorded,
      act: { ...CONFIG.act, sustained_s: 0.7 },
      hold_s: [3, 4, 5, 6],
      protect: ["/db/**", "/hosa-demo.slice", "/hosa-demo.slice/**"],
    });
    expect(other.changes(recorded, seen)).toEqual([
      { key: "levels.hold_s", recorded: "[2,5,10,20]", alternative: "[3,4,5,6]" },
      { key: "act.sustained_ms", recorded: "300", alternative: "700" },
      { key: "protect", recorded: "[]", alternative: '["/db/**","/hosa-demo.slice","/hosa-demo.slice/**"]' },
    ]);
  });

  test("a key at its default still changes a record that had another value", () => {
    const { trend_s } = set(`levels.trend_s=${default_config().levels.trend_s}`).config({ ...CONFIG, trend_s: 9 });
    expect(trend_s).toBe(default_config().levels.trend_s);
  });

  test("the dial is tried by the highest level it allows, at whatever value it stands", () => {
    const recorded = { ...CONFIG, ceiling: 4, ceiling_because: "autonomy" } as const;
    expect(set("max_level=2").config(recorded)).toMatchObject({ ceiling: 2, ceiling_because: "max_level" });
    expect(set("autonomy=autonomous").config(recorded).ceiling).toBe(5);
    expect(set("autonomy=correction").config({ ...CONFIG, ceiling: 5 })).toMatchObject({
      ceiling: 4,
      ceiling_because: "autonomy",
    });
    expect(set("levels.trend_s=1").config(recorded)).toMatchObject({ ceiling: 4, ceiling_because: "autonomy" });
  });

  test("given whole it takes the place of the recorded one, but for HOSA's own cgroup", () => {
    const whole = new Alternative(config_of_settings(["act.ttf_horizon_s=33"]), null);
    expect(whole.config({ ...CONFIG, trend_s: 9, own_path: "/mine" })).toMatchObject({
      trend_s: default_config().levels.trend_s,
      act: { ttf_horizon_s: 33 },
      own_path: "/mine",
    });
  });

  test("fixed thresholds take the place of the judged ones; what has no part in a decision is refused", () => {
    const fixed = set("thresholds.mode=fixed", "thresholds.fixed=[1,2,3,4]");
    expect(fixed.assessment(seen).thresholds).toEqual({ theta: [1, 2, 3, 4], source: "fixed" });
    expect(fixed.changes(CONFIG, seen)).toMatchObject([{ key: "thresholds", alternative: "[1,2,3,4] (fixed)" }]);
    expect(() => set("thresholds.fixed=[1,2,3,4]")).toThrow("--set thresholds.fixed: has no part");
    expect(() => set("learning.warmup_s=60")).toThrow("--set learning.warmup_s: has no part");
  });
});

describe("a flight", () => {
  test.each([
    ["leak", SCENARIOS.leak(50), 30],
    ["lock", SCENARIOS.lock(0.3), 30],
    ["inline", SCENARIOS.inline(), 30],
    ["reload", SCENARIOS.reload(400, 3), 30],
  ])("%s: with the recorded configuration nothing differs", (_name, scenario, seconds) => {
    const summary = fly(set(), flight_text(flight_of(scenario, seconds)));
    expect(summary).toMatchObject({
      flights: 1,
      audits: 0,
      differing_decisions: 0,
      first_difference: null,
      changes: [],
    });
    expect(summary.deeds.length).toBeGreaterThan(0);
    for (const { recorded, alternative } of summary.deeds) expect(alternative).toEqual(recorded);
    for (const { recorded_s, alternative_s } of summary.levels) expect(alternative_s).toBe(recorded_s);
    expect(summary.seconds).toBeCloseTo((summary.decisions - 1) / 100, 6);
  });

  test("a shorter horizon: when it differs first, in what, and what would not have been done to whom", () => {
    const summary = fly(set("act.ttf_horizon_s=6"), flight_text(LEAK));
    const applied = LEAK.lines.findIndex(({ decision }) => decision.actions.length > 0);
    const differs = LEAK.lines.findIndex(({ decision }) => decision.level >= 2);
    expect(differs).toBeLessThanOrEqual(applied);
    expect(summary.first_difference).toEqual({
      file: "flight-0",
      wall_time: new Date(1_767_323_045_000 + LEAK.lines[differs]!.assessment.t_ns / 1e6).toISOString(),
      recorded: expect.stringMatching(/^level 2/),
      alternative: "level 1",
    });
    expect(summary.deeds).toHaveLength(1);
    const [row] = summary.deeds;
    expect(row).toMatchObject({ path: "/payment.slice", rung: "thread_hold", alternative: null });
    expect(row!.recorded).toMatchObject({ times: 1, open: true });
    const last = LEAK.lines.at(-1)!.assessment.t_ns;
    expect(row!.recorded!.longest_s).toBeCloseTo((last - LEAK.lines[applied]!.assessment.t_ns) / 1e9, 6);
  });

  test("a containment reality never had is followed as a dry run would: in force, judged by nobody, never applied twice", () => {
    const watched = flight_of(SCENARIOS.leak(50), 8);
    const passive: FlightFixture = { ...watched, lines: only_watching(watched) };
    const summary = fly(set(), flight_text(passive));
    expect(summary.deeds).toMatchObject([{ recorded: null, alternative: { times: 1, open: true } }]);
  });

  test("an operator's release of a cgroup ends what the alternative holds there", () => {
    const applied = LEAK.lines.findIndex(({ decision }) => decision.actions.length > 0);
    const lines = LEAK.lines.slice(0, applied + 20).map(({ assessment, decision }, i) => {
      const { cgroup_id, path } = LEAK.lines[applied]!.decision.culprit!;
      const by = { uid: 0, pid: 1 };
      const release = { by, reason: "", ids: ["c7"], targets: [{ cgroup_id, path }], quarantine: false };
      const seen = i === applied + 10 ? { ...assessment, releases: [release] } : assessment;
      return { assessment: seen, decision: { ...decision, level: 1 as const, actions: [] } };
    });
    const [row] = fly(set(), flight_text({ ...LEAK, lines })).deeds;
    expect(row).toMatchObject({ recorded: null, alternative: { times: 1, open: false } });
    expect(row!.alternative!.longest_s).toBeCloseTo(0.1, 6);
  });

  test("beats two flights share count once, and what began before a flight is no new deed", () => {
    const whole = fly(set(), flight_text(LEAK));
    const half = Math.floor(LEAK.lines.length / 2);
    const twice = fly(set(), flight_text(LEAK, 0, half + 100), flight_text(LEAK, half - 100));
    expect(twice.decisions).toBe(whole.decisions);
    expect(twice.seconds).toBeCloseTo(whole.seconds, 6);
    expect(twice.deeds[0]?.recorded).toEqual(whole.deeds[0]!.recorded);
    expect(fly(set(), flight_text(LEAK, half)).deeds[0]?.recorded).toMatchObject({ times: 0, open: true });
  });

  test("what is no flight, or half of one, is refused with its line", () => {
    const lines = flight_text(LEAK);
    expect(() => fly(set(), lines.slice(0, -1))).toThrow(/truncated: \d+ of \d+ beats/);
    expect(() => fly(set(), lines.with(3, "{}"))).toThrow("flight-0:4: expected a beat");
    expect(() => fly(set(), lines.with(3, '{"assessment":{},"decision":{}}'))).toThrow(
      "flight-0:4: no beat that can be",
    );
  });
});

/** The same flight with nothing decided but level 1: what was seen before the first action, over and over. */
function only_watching({ lines }: FlightFixture): FlightFixture["lines"] {
  const first = lines.findIndex(({ decision }) => decision.actions.length > 0);
  return lines.slice(0, first + 1).map(({ assessment, decision }) => ({
    assessment,
    decision: { ...decision, level: 1, actions: [] },
  }));
}

describe("an audit", () => {
  test.each([
    ["leak", SCENARIOS.leak(50)],
    ["lock", SCENARIOS.lock(0.3)],
  ])("%s: with the recorded configuration nothing differs, although most beats are missing", (_name, scenario) => {
    const entries = recorded_run(scenario, 30);
    const summary = review(set(), entries);
    expect(summary).toMatchObject({ audits: 1, differing_decisions: 0 });
    expect(summary.decisions).toBe(entries.filter(({ kind }) => kind === "action" || kind === "transition").length);
    for (const { recorded, alternative } of summary.deeds) expect(alternative).toEqual(recorded);
    expect(summary.note).toContain("An audit holds only the beats at which something was decided");
  });

  test("protected from the start: nothing would have been done, however often it was", () => {
    const summary = review(set("protect=[/payment.slice]"), recorded_run(SCENARIOS.leak(50), 30));
    expect(summary.deeds).toMatchObject([{ recorded: { times: 1 }, alternative: null }]);
    expect(summary.differing_decisions).toBeGreaterThan(0);
  });
});

test("the tables, as text", () => {
  const deed = {
    times: 2,
    first: "2026-01-02T03:04:05.000Z",
    last: "2026-01-02T04:04:05.000Z",
    longest_s: 90,
    open: true,
  };
  const text = what_if_text(
    {
      flights: 2,
      audits: 0,
      decisions: 5000,
      seconds: 360,
      changes: [{ key: "act.ttf_horizon_s", recorded: "60", alternative: "10" }],
      differing_decisions: 1,
      first_difference: { file: "f", wall_time: deed.first, recorded: "level 2", alternative: "level 1" },
      levels: [{ level: 2, recorded_s: 90, alternative_s: 0 }],
      deeds: [{ path: "/svc", comm: "leaker", rung: "thread_hold", recorded: deed, alternative: null }],
      omitted_deeds: 3,
      note: "The effect cannot be replayed.",
    },
    style(false),
  );
  expect(text).toBe(`what if
  act.ttf_horizon_s  60 → 10
2 flights, 5000 decisions over 6 min: 1 of them differs
  first at 2026-01-02T03:04:05.000Z (f)
    recorded  level 2
    what if   level 1

  level                    recorded    what if
  2 soft containment        1.5 min          –

  target         rung                       times  first                     last                      longest
  /svc "leaker"  thread_hold      recorded      2  2026-01-02T03:04:05.000Z  2026-01-02T04:04:05.000Z  ≥ 1.5 min
                                  what if       –
  … and 3 actions on further targets

The effect cannot be replayed.
`);
});
