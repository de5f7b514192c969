import { expect, test } from "bun:test";
import { BEATS_TO_COMPILE, rehearse } from "../../src/agent/rehearsal.ts";
import type { Verdict } from "../../src/model/decision.ts";
import type { CgroupRows, ThreadRows } from "../../src/sensor/ports.ts";
import { CONFIG } from "../decision/fixtures.ts";
import { FakeNode } from "../sensor/fakes.ts";

const NO_ROWS = { count: 0 } as CgroupRows & ThreadRows;

test("the rehearsal goes from the invented leak through trial, hold and pulses, and asks the opinions", () => {
  const node = FakeNode.with_fixtures();
  const verdicts: Verdict[] = [];
  const phases = new Set<string>();
  let opinions = 0;
  rehearse(
    {
      cgroups: { cgroups: () => NO_ROWS },
      threads: { threads: () => NO_ROWS },
      open: (path) => node.open(path),
      monotonic_ns: () => 1e9,
      boottime_ns: () => 1e9,
      realtime_ms: () => 0,
      missing_counter: () => null,
      absences: [],
    },
    {
      warmup_s: 300,
      half_life_s: 3600,
      lambda: 1e-3,
      thresholds: "learned",
      budgets: { vigilance_per_s: 1 / 3600, intervention_per_s: 1 / 2.6e6 },
      opinions: { every_s: 1, row_s: 1, alarms_per_s: 1 / 7200 },
    },
    CONFIG,
    BEATS_TO_COMPILE,
    (result, state) => {
      verdicts.push(...result.decision.verdicts);
      if (result.assessment.opinions !== null) opinions += 1;
      for (const live of state.containments) phases.add(live.phase);
    },
  );
  expect([...phases]).toEqual(expect.arrayContaining(["touch", "probation", "hold", "pulse"]));
  expect(verdicts.map((one) => one.verdict)).toContain("effective");
  expect(opinions).toBeGreaterThan(1000);
});
