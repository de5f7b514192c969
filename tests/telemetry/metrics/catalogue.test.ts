import { expect, test } from "bun:test";
import fc from "fast-check";
import { OUTCOME_STATUSES, RUNGS, VERBS } from "../../../src/model/containment.ts";
import { VERDICTS } from "../../../src/model/decision.ts";
import { LOSS_CODES, LOSSES } from "../../../src/model/loss.ts";
import { render_metrics } from "../../../src/telemetry/metrics/catalogue.ts";
import { Exposition } from "../../../src/telemetry/metrics/exposition.ts";
import { Tally } from "../../../src/telemetry/metrics/tally.ts";
import { assessment, figures, outcome } from "./figures.ts";
import { PROMTOOL, promtool } from "./promtool.ts";

const lines = (text: string) => text.trimEnd().split("\n");

test("says what is known, in units of Prometheus", () => {
  const said = lines(render_metrics(figures()));
  for (const line of [
    "hosa_level 2",
    "hosa_acts 1",
    "hosa_max_level 4",
    "hosa_pause_remaining_seconds 1200",
    'hosa_paused{reason="disk \\"sda\\""} 1',
    "hosa_distance 5",
    "hosa_distance_smoothed 4.5",
    "hosa_distance_velocity_per_second 0.25",
    "hosa_distance_acceleration_per_second_squared -0.5",
    "hosa_load_direction 1.5",
    'hosa_threshold{level="4"} 6',
    'hosa_contribution_ratio{dimension="memory_growth_bytes_per_s"} 0.8',
    'hosa_stall_ratio{resource="cpu"} 0.1',
    "hosa_memory_exhaustion_seconds 100",
    'hosa_opinion_nats{opinion="isolation"} 1.5',
    'hosa_containments{rung="memory_governor"} 1',
    'hosa_containments{rung="freeze"} 0',
    'hosa_actions_total{rung="freeze",verb="apply",status="refused"} 1',
    'hosa_actions_total{rung="freeze",verb="apply",status="done"} 0',
    'hosa_verdicts_total{rung="freeze",verdict="no_effect"} 1',
    "hosa_beats_total 6",
    "hosa_beats_lost_total 1",
    "hosa_readings_missed_total 2",
    'hosa_beat_cost_seconds_bucket{le="0.002"} 5',
    'hosa_beat_cost_seconds_bucket{le="+Inf"} 6',
    "hosa_beat_cost_seconds_sum 0.0125",
    "hosa_audit_lines_dropped_total 0",
    'hosa_webhook_delivered_total{webhook="1"} 2',
    "process_resident_memory_bytes 40000000",
  ])
    expect(said).toContain(line);
});

test("whatever may be counted is there as 0, so that its first event is an increase", () => {
  const before = new Tally();
  const begun = new Set([...before.actions, ...before.verdicts].map(({ labels }) => JSON.stringify(labels)));
  for (const rung of RUNGS) {
    for (const verb of VERBS)
      for (const status of OUTCOME_STATUSES) expect(begun).toContain(JSON.stringify({ rung, verb, status }));
    for (const verdict of VERDICTS) expect(begun).toContain(JSON.stringify({ rung, verdict }));
  }
  expect([...before.actions, ...before.verdicts].every(({ value }) => value === 0)).toBe(true);
});

test("without a pause nothing is left of it", () => {
  const said = lines(render_metrics(figures({ pause: null })));
  for (const line of ["hosa_pause_remaining_seconds 0", 'hosa_paused{reason=""} 0']) expect(said).toContain(line);
});

test("what is not known is absent, not 0", () => {
  const before = render_metrics(figures({ assessment: null, audit: null, webhooks: [] }));
  for (const name of ["hosa_distance", "hosa_warm", "hosa_audit", "hosa_webhook"]) expect(before).not.toContain(name);
  const { node_ttf } = assessment();
  const endless = figures({ assessment: assessment({ node_ttf: { ...node_ttf, ttf_s: null }, opinions: null }) });
  expect(render_metrics(endless)).not.toMatch(/hosa_memory_exhaustion|hosa_opinion/);
  expect(render_metrics(endless)).not.toContain('resource="memory"');
});

test("every family has its help and type once, counters end in _total, and no series is said twice", () => {
  const text = render_metrics(figures());
  const types = [...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name = "", type = ""]) => ({ name, type }));
  expect(new Set(types.map(({ name }) => name)).size).toBe(types.length);
  for (const { name, type } of types) {
    expect(name.endsWith("_total")).toBe(type === "counter");
    expect(text).toContain(`# HELP ${name} `);
  }
  const series = lines(text).flatMap((line) => (line.startsWith("#") ? [] : [line.slice(0, line.lastIndexOf(" "))]));
  expect(new Set(series).size).toBe(series.length);
});

test("the number of series has a bound, whatever is done to whom", () => {
  const all = figures();
  const verbs = ["apply", "adjust", "release"] as const;
  const states = OUTCOME_STATUSES;
  for (let i = 0; i < 5000; i++) {
    const id = `c${i}`;
    const path = `/pod-${i}`;
    const target = { cgroup_id: i, path, pid: i, tid: i, comm: path };
    const what = outcome(RUNGS[i % RUNGS.length]!, states[i % states.length]!, { id, target, verb: verbs[i % 3]! });
    all.tally.note({ verdicts: [{ id: `c${i - 1000}`, verdict: "gone", detail: path }] }, [what]);
  }
  const most = RUNGS.length * verbs.length * states.length;
  expect(all.tally.actions.length).toBeLessThanOrEqual(most);
  expect(all.tally.verdicts.length).toBeLessThanOrEqual((RUNGS.length + 1) * 7);
  expect(render_metrics(all)).not.toContain("/pod-");
});

test("any text survives as a label", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (text) => {
      const out = new Exposition();
      out.gauge("a", "b", [{ value: 1, labels: { text } }]);
      const [, said = ""] =
        /^a\{text="((?:[^"\\\n]|\\["\\n])*)"\} 1\n$/m.exec(out.text.slice(out.text.indexOf("\na{") + 1)) ?? [];
      return said.replaceAll(/\\(.)/g, (_, one: string) => (one === "n" ? "\n" : one)) === text;
    }),
  );
});

test("numbers without an end are written as Prometheus reads them", () => {
  const out = new Exposition();
  out.gauge("a", "b", [
    { value: Infinity },
    { value: -Infinity, labels: { c: "d" } },
    { value: NaN, labels: { c: "e" } },
  ]);
  expect(lines(out.text).slice(2)).toEqual(["a +Inf", 'a{c="d"} -Inf', 'a{c="e"} NaN']);
});

test.skipIf(PROMTOOL === null)("promtool has nothing to say against it", () => {
  const checked = promtool(["check", "metrics"], render_metrics(figures()));
  expect(checked).toEqual({ code: 0, said: "" });
});

test("every kind of loss is there as 0 from the start, and what is lost, left out and degraded under its code", () => {
  const none = render_metrics(figures({ losses: [] }));
  for (const code of LOSS_CODES) {
    expect(none).toContain(`hosa_lost_total{what="${code}"} 0\n`);
    expect(none).toContain(`hosa_left_out{what="${code}"} 0\n`);
  }
  const { unit, effect, remedy } = LOSSES.cgroups;
  const told = {
    since: "2026-01-01T00:00:00.000Z",
    last: "2026-01-01T00:00:00.000Z",
    lasting: true,
    detail: "",
    sentence: "",
  };
  const cgroups = { code: "cgroups", unit, effect, remedy, total: 900, now: 400, degraded: null, ...told } as const;
  const ledger = { ...cgroups, code: "ledger", total: 2, now: 0, degraded: "HOSA cannot contain anything" } as const;
  const some = render_metrics(figures({ losses: [cgroups, ledger] }));
  expect(some).toContain('hosa_lost_total{what="cgroups"} 900\n');
  expect(some).toContain('hosa_left_out{what="cgroups"} 400\n');
  expect(some).toContain('hosa_degraded{what="ledger"} 1\n');
  expect(some).toContain('hosa_degraded{what="audit_lines"} 0\n');
  expect(some).not.toContain('hosa_degraded{what="cgroups"}');
});
