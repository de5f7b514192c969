import { describe, expect, test } from "bun:test";
import { ANSWERS_SCENARIOS } from "../../lab/answers.ts";
import { answers_report, answers_text } from "../../lab/answers_met.ts";

const ONSET_MS = 100_000;
const END_MS = 160_000;

/** A line a second; `of` gives the answers of the second that ends then, and the longest stretch without one. */
function log(of: (t_s: number) => readonly [number, number], until_s = 60, more: readonly string[] = []): string {
  const seconds = Array.from({ length: 30 + until_s }, (_, k) => k - 29);
  const lines = seconds.map((t_s) => `${ONSET_MS + t_s * 1000} ${of(t_s).join(" ")}`);
  return [`onset ${ONSET_MS}`, ...more, ...lines, ""].join("\n");
}
const line = (t_s: number, record: object) => JSON.stringify({ t_ns: (ONSET_MS + t_s * 1000) * 1e6, ...record });
const target = { path: "/service.slice", comm: "filler" };
const acted = (t_s: number, verb: string, frozen: boolean) =>
  line(t_s, {
    kind: "action",
    decision: { actions: [{ id: "c1", verb, target, setting: { rung: "thread_hold", frozen }, reason: "" }] },
    outcomes: [{ id: "c1", verb, rung: "thread_hold", target, status: "done", detail: "" }],
  });
const judged = (t_s: number, verdict: string) =>
  line(t_s, { kind: "verification", verdicts: [{ id: "c1", verdict, detail: "slope" }], outcomes: [] });
const report = (answers: string, audit: readonly string[] = [], blameless = false) =>
  answers_report(
    (name) =>
      ({ "answers.log": answers, "audit.jsonl": audit.join("\n"), "end.json": `{"end_ms":${END_MS}}` })[name] ?? "",
    blameless,
  );

describe("what a service's own log tells", () => {
  test("one that answers all the time was never silent", () => {
    expect(report(log(() => [40, 30]))).toMatchObject({
      longest_ms: 30,
      silent_s: 0,
      answered_part: 1,
      ended_s: null,
      frozen_s: 0,
    });
  });

  test("a stretch that lasts over several lines counts once, by its whole length", () => {
    // Silent from 10 s to 13.5 s.
    const silent = log((t_s) => (t_s > 10 && t_s < 14 ? [0, (t_s - 10) * 1000] : t_s === 14 ? [20, 3500] : [40, 30]));
    const found = report(silent);
    expect(found.longest_ms).toBe(3500);
    expect(found.silent_s).toBeCloseTo(3.5, 2);
  });

  test("one that logs no more has ended, and its silence lasts until the end", () => {
    const killed = report(log(() => [40, 30], 22));
    expect(killed).toMatchObject({ ended_s: 22, silent_s: 38 });
    expect(killed.longest_ms).toBeGreaterThanOrEqual(38_000);
  });
});

describe("what the agent did and said is held against it", () => {
  const audit = [
    acted(1, "apply", true),
    judged(1.5, "effective"),
    acted(6, "adjust", false),
    acted(7, "adjust", true),
    acted(50, "release", false),
  ];

  test("how long it kept a thread frozen, and what it did how often", () => {
    const { frozen_s, done } = report(
      log(() => [40, 30]),
      audit,
    );
    expect(frozen_s).toBeCloseTo(5 + 43, 6);
    expect(done).toEqual([
      "apply thread_hold filler (done)",
      "adjust thread_hold filler (done) ×2",
      "release thread_hold filler (done)",
    ]);
  });

  test("effective is true while the service answers, and untrue when it stood still behind it", () => {
    const untrue = (answers: string, blameless = false) =>
      report(answers, audit, blameless).verdicts.map((each) => each.untrue);
    expect(untrue(log(() => [40, 30]))).toEqual([false]);
    expect(untrue(log((t_s) => (t_s > 8 ? [0, 1000] : [40, 30])))).toEqual([true]);
    // Of a hold without blame nothing is effective, until what is to blame has ended.
    expect(
      untrue(
        log(() => [40, 30]),
        true,
      ),
    ).toEqual([true]);
    const over = [`reserved ${ONSET_MS + 500}`];
    expect(
      untrue(
        log(() => [40, 30], 60, over),
        true,
      ),
    ).toEqual([false]);
  });

  test("a row for each run, and below it what was said", () => {
    const run = {
      scenario: "spin",
      agent: "hosa",
      kernel: "6.12",
      seed: 1,
      report: report(
        log((t_s) => (t_s > 8 ? [0, 1000] : [40, 30])),
        audit,
      ),
    };
    const text = answers_text([{ ...run, agent: "none" }, run]);
    expect(text).toContain("| spin     | 6.12   | none  |");
    expect(text).toContain("1.50 s  thread_hold filler: effective, slope   UNTRUE");
  });
});

test("every scenario names its program, and where it logs", () => {
  for (const { service } of Object.values(ANSWERS_SCENARIOS)) expect(service).toMatch(/^(spin|snapshot|shm) .*LOG/);
});
