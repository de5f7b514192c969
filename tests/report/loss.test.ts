import { expect, test } from "bun:test";
import { examine_agent } from "../../src/agent/doctor_agent.ts";
import type { AgentStatus } from "../../src/model/control.ts";
import type { Finding } from "../../src/model/doctor.ts";
import { LOSSES, type Loss, type LossCode } from "../../src/model/loss.ts";
import { explain_plain } from "../../src/report/explain.ts";
import { loss_entry_sentence, loss_sentence } from "../../src/report/loss.ts";
import { status_text } from "../../src/report/status.ts";
import { style } from "../../src/report/style.ts";
import { TimelineBuilder } from "../../src/report/timeline.ts";
import { timeline_text } from "../../src/report/timeline_text.ts";
import { record } from "./fixtures.ts";

const plain = style(false);

function loss(code: LossCode, more: Partial<Loss> = {}): Loss {
  const { unit, effect, remedy } = LOSSES[code];
  const at = "2026-01-02T03:04:05.000Z";
  const base = { total: 1, now: 0, lasting: true, detail: "", since: at, last: at, degraded: null };
  const whole = { code, unit, effect, remedy, ...base, ...more };
  return { ...whole, sentence: loss_sentence(whole) };
}

const none = { p50: 0, p99: 0 };
const STATUS: AgentStatus = {
  ...{ pid: 7, version: "1", node: "n", motor: "cgroup", uptime_s: 5, warm: true, level: 0, level_name: "homeostasis" },
  ...{ level_since: "2026-01-02T03:04:05.000Z", regime: null, d_smooth: 1, velocity: 0, theta: null, held: [] },
  ...{ cooldowns: [], missing_rungs: [], last_episode: null, ledger_dir: "/run/hosa", audit_path: "/a" },
  ...{ beat: { count: 1, period_ms: 100, cost_us: none, delay_us: none, interval_us: none } },
  ...{ connections: 0, watchers: 0, thresholds: null, warmup: null, story: null, inaction: "" },
};

test("one and many are told apart, and what is left out from what was lost", () => {
  expect(loss_sentence(loss("audit_file"))).toStartWith("1 audit file. Another program");
  expect(loss_sentence(loss("notices", { total: 3, detail: "webhook 1: answered 503" }))).toStartWith(
    "3 notices (webhook 1: answered 503). A webhook was not told",
  );
  expect(loss_sentence(loss("cgroups", { total: 900, now: 400 }))).toStartWith(
    "400 cgroups now, 900 at most. HOSA does",
  );
  expect(loss_sentence(loss("ledger", { total: 0, detail: "EROFS" }))).toStartWith("no ledger entries so far (EROFS).");
});

test("status and doctor say a loss in the same sentence; doctor says what to do", () => {
  const losses = [
    loss("ledger", { total: 2, detail: "/run/hosa: ENOSPC", degraded: LOSSES.ledger.degrades }),
    loss("cgroups", { total: 400, now: 400 }),
    loss("notices", { lasting: false }),
  ];
  const text = status_text({ ...STATUS, losses, degraded: [LOSSES.ledger.degrades] }, plain);
  expect(text).toContain("degraded   HOSA cannot contain anything\n");
  const engine = { state: "degraded", lost: [LOSSES.ledger.degrades, "shield: none"] } as const;
  const dial = { autonomy: "correction", max_level: 4, acts: true, tells: true, dry_run: false } as const;
  const both = status_text({ ...STATUS, losses, dial, engine, degraded: [LOSSES.ledger.degrades] }, plain);
  expect(both).toContain("state      degraded; lost: shield: none\n");
  expect(both.split(LOSSES.ledger.degrades)).toHaveLength(2);
  const { findings } = examine_agent({ ...STATUS, losses });
  for (const [i, one] of losses.entries()) {
    expect(text).toContain(loss_sentence(one));
    expect(findings[i + 1]).toMatchObject({ what: one.code, detail: loss_sentence(one), remedy: one.remedy });
  }
  expect(text).toContain("left out   400 cgroups. ");
  expect(findings.map(({ costs }) => costs)).toEqual([
    "",
    "HOSA cannot contain anything",
    "",
    "over since 2026-01-02T03:04:05.000Z",
  ]);
});

test("an agent that lost nothing, that may not be asked, that is older, and none at all", () => {
  expect(status_text(STATUS, plain)).not.toMatch(/lost|left out|degraded/);
  expect(examine_agent(STATUS).findings).toMatchObject([
    { state: "ok", detail: expect.stringContaining("nothing lost") },
  ]);
  expect(examine_agent({ refused: "denied" }).findings).toMatchObject([{ state: "missing", detail: "denied" }]);
  expect(examine_agent(null).findings).toMatchObject([{ state: "ok" }]);
});

test("doctor tells what the agent does without, and what the host lacks only once", () => {
  const own = { what: "locked memory", why: "not enough memory (ENOMEM)", costs: "the beat may wait" };
  const sense = { what: "block I/O", why: "not supported", costs: "no block latency" };
  const of_host: Finding[] = [
    { what: "block_rq_complete", state: "missing", detail: "block I/O: not supported", costs: "", remedy: "" },
  ];
  const { findings } = examine_agent({ ...STATUS, absences: [own, sense] }, of_host);
  expect(findings.slice(1)).toEqual([
    { what: own.what, state: "missing", detail: own.why, costs: own.costs, remedy: "" },
  ]);
});

test("a recorded loss has words in explain and in the timeline, also one of a version to come", () => {
  const entry = {
    kind: "loss",
    t_ns: 5,
    code: "beats",
    phase: "goes_on",
    count: 3,
    total: 9,
    now: 0,
    detail: "",
  } as const;
  expect(loss_entry_sentence(entry)).toBe("lost: 3 beats more");
  expect(loss_entry_sentence({ ...entry, phase: "ended" })).toBe("no longer lost: beats, 9 beats in all");
  expect(loss_entry_sentence({ ...entry, code: "moons", detail: "eclipsed" })).toBe("lost: 3 moons more (eclipsed)");
  expect(explain_plain(record(entry), plain)).toContain("in words  lost: 3 beats more");
  const timeline = new TimelineBuilder();
  timeline.add(record(entry));
  expect(timeline_text(timeline.get(), plain)).toContain("lost: 3 beats more");
});

test("a timeline that leaves events out says how many", () => {
  const timeline = new TimelineBuilder();
  for (let i = 1; i <= 5000; i++) timeline.add(record({ kind: "note", t_ns: i, text: `event ${i}` }));
  const { marks, omitted_marks } = timeline.get();
  expect(marks.length + omitted_marks).toBe(5000);
  expect(timeline_text(timeline.get(), plain)).toContain(`${omitted_marks} events are not shown`);
});
