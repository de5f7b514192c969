import { describe, expect, test } from "bun:test";
import { measure, onset_of, type RunRecords } from "../../lab/metrics.ts";
import { type LoadSecond, parse_audit, type SliceSample } from "../../lab/records.ts";

const MIB = 1024 ** 2;
const LABEL = { scenario: "payment", agent: "hosa", kernel: "6.12", clock: "virtual", seed: 1 };
const ONSET_MS = 40_000;
const END_MS = 70_000;

function samples(mb_at: (since_onset_s: number) => number, killed_at_s = Number.POSITIVE_INFINITY): SliceSample[] {
  return Array.from({ length: END_MS / 50 }, (_, i) => {
    const since_s = (i * 50 - ONSET_MS) / 1000;
    const dead = since_s >= killed_at_s;
    return {
      t_ms: i * 50,
      slice: "payment.slice",
      memory_bytes: dead ? 0 : mb_at(since_s) * MIB,
      oom_kills: dead ? 1 : 0,
      psi_some_us: 0,
      psi_full_us: 0,
      populated: !dead,
      swap_bytes: 0,
    };
  });
}

function load(acked_at: (t_ms: number) => number): LoadSecond[] {
  return Array.from({ length: END_MS / 1000 }, (_, i) => {
    const acked = acked_at(i * 1000);
    const histogram = new Map(acked > 0 ? [[70, acked]] : []);
    return { t_ms: i * 1000, sent: 100, acked, failed: 100 - acked, worst_us: 700, histogram };
  });
}

function records(changes: Partial<RunRecords>): RunRecords {
  return {
    fault_ms: ONSET_MS - 5,
    end_ms: END_MS,
    leak_mb_s: 50,
    samples: samples((s) => 100 + 50 * Math.min(Math.max(s, 0), 1)),
    payment: load(() => 100),
    neighbour: load(() => 50),
    events: [{ t_ms: ONSET_MS, event: "onset", detail: "payment leaks 50 MB/s" }],
    audit: null,
    transactions: { acknowledged: 7000, lost: 0 },
    neighbour_transactions: { acknowledged: 3500, lost: 0 },
    ...changes,
  };
}

function audit_line(t_ms: number, level: number, previous_level: number, outcomes: object[] = []): string {
  const culprit = { scope: "thread", path: "/payment.slice", pid: 66, tid: 71, comm: "cache-filler" };
  const kind = outcomes.length > 0 ? "action" : "transition";
  return JSON.stringify({
    t_ns: t_ms * 1e6,
    kind,
    decision: { level, previous_level, rule: "test", culprit },
    outcomes,
  });
}

describe("measure", () => {
  test("a run without an agent: killed, and what that cost", () => {
    const result = measure(
      LABEL,
      records({
        samples: samples((s) => 100 + 50 * Math.max(s, 0), 20),
        payment: load((t) => (t < ONSET_MS + 20_000 ? 100 : 0)),
        events: [
          { t_ms: ONSET_MS, event: "onset", detail: "" },
          { t_ms: ONSET_MS + 20_100, event: "exit", detail: "payment ended with status 137" },
        ],
      }),
    );
    expect(result.kills).toBe(1);
    expect(result.first_kill_ms).toBe(20_000);
    expect(result.processes_lost).toBe(1);
    expect(result.first_lost_ms).toBe(20_100);
    expect(result.served_ratio).toBeCloseTo(2 / 3, 3);
    expect(result.worst_ms).toBe(2000);
    expect(result.stable_ms).toBeNull();
    expect([result.seen_ms, result.acted_ms, result.touched, result.interventions]).toEqual([null, null, null, null]);
    expect(result.timeline.map((e) => e.t_s)).toEqual([0, 20, 20.1]);
  });

  test("a contained run: when it was seen, acted on, and by touching what", () => {
    const target = { path: "/payment.slice", tid: 71 };
    const hold = { verb: "apply", rung: "thread_hold", status: "pending", target, written: "1" };
    const audit = parse_audit(
      [
        audit_line(ONSET_MS - 20_000, 1, 0),
        audit_line(ONSET_MS + 300, 1, 0),
        audit_line(ONSET_MS + 900, 2, 1, [hold]),
        '{"t_ns":1,"kind":"tru',
      ].join("\n"),
    );
    const result = measure(LABEL, records({ audit }));
    expect(result.seen_ms).toBe(300);
    expect(result.acted_ms).toBe(900);
    expect(result.stable_ms).toBeLessThanOrEqual(1000);
    // 5 MB of the leak's 50 still come in the tenth of a second between the action and the end of the growth.
    expect(result.growth_after_action_mb_s).toBeCloseTo(5 / 29, 2);
    expect(result.culprit).toBe("thread /payment.slice cache-filler (tid 71 of 66)");
    expect(result.touched).toEqual(["/payment.slice"]);
    expect(result.interventions).toBe(1);
    expect(result.served_ratio).toBe(1);
    expect(result.p99_ratio).toBe(1);
    expect([result.kills, result.first_lost_ms]).toEqual([0, null]);
    expect(result.memory_at_end_mb).toBe(150);
  });

  test("a refused action, a release or one on somebody else is not an action on the culprit", () => {
    const outcome = (verb: string, status: string, path: string) => [
      { verb, rung: "thread_hold", status, target: { path }, written: null },
    ];
    const audit = parse_audit(
      [
        audit_line(ONSET_MS + 500, 2, 1, outcome("apply", "refused", "/payment.slice")),
        audit_line(ONSET_MS + 600, 2, 2, outcome("release", "done", "/payment.slice")),
        audit_line(ONSET_MS + 700, 2, 2, outcome("apply", "done", "/neighbour.slice")),
      ].join("\n"),
    );
    const result = measure(LABEL, records({ audit }));
    expect(result.acted_ms).toBeNull();
    expect(result.touched).toEqual(["/neighbour.slice", "/payment.slice"]);
  });
});

test("onset_of: the workload's own word, else the first ordinary event, else the plan", () => {
  const begin = { t_ms: 5, event: "begin", detail: "deploy" };
  const onset = { t_ms: 9, event: "onset", detail: "" };
  expect(onset_of({ events: [begin, onset], fault_ms: 1 })).toBe(9);
  expect(onset_of({ events: [begin], fault_ms: 1 })).toBe(5);
  expect(onset_of({ events: [], fault_ms: 1 })).toBe(1);
});
